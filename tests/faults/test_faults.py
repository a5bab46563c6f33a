"""The faults in short: each one with few photos. `make faults` makes them with more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.harness import Harness
from faults.run import make
from faults.table import FAULTS, LONG
from support.systems import fresh_system


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    """The workshop with the solution, in a system of its own: others want theirs whole."""
    with fresh_system() as system:
        yield Harness(system)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in LONG])
def test_the_ledger_balances(harness: Harness, name: str) -> None:
    entry = make(harness, name, 1)
    assert entry.photos
    assert entry.problems == []


def test_nothing_came_twice_later(harness: Harness) -> None:
    harness.ledger.update([photo for entry in harness.entries for photo in entry.photos])
    assert [problem for entry in harness.entries for problem in entry.problems] == []
