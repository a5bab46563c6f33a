"""What the tests of check share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit.commands.check.harness import Harness
from kit.commands.check.photos import make_pictures
from kit.commands.check.run import LANES
from support.systems import BorrowedSystem


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: every caller of Rekognition meets the faults."""
    return own_system


@pytest.fixture(scope="module")
def harnesses(system: BorrowedSystem) -> Iterator[list[Harness]]:
    pictures = make_pictures()
    made = [Harness(system, pictures) for _ in range(LANES)]
    yield made
    for harness in made:
        harness.stack.delete()
