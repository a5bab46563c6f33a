"""Fakes for the tests of the streamer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamer.fakes import FakeFirehose, FakeX, end_servers


@pytest.fixture(autouse=True)
def no_server_stays() -> Iterator[None]:
    """What a test leaves running would take time from all that follow."""
    yield
    end_servers()


@pytest.fixture
def x() -> FakeX:
    return FakeX()


@pytest.fixture
def firehose() -> FakeFirehose:
    return FakeFirehose()
