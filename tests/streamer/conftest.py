"""Fakes for the tests of the streamer."""

from __future__ import annotations

import pytest

from streamer.fakes import FakeFirehose, FakeX


@pytest.fixture
def x() -> FakeX:
    return FakeX()


@pytest.fixture
def firehose() -> FakeFirehose:
    return FakeFirehose()
