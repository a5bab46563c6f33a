"""The faults in short: each one with few photos. `make faults` makes them with more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.bench import Bench
from faults.run import make
from faults.table import FAULTS, LONG
from kit.emulators.system import OfflineSystem


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """The workshop with the solution, in a system of its own: others want theirs whole."""
    with OfflineSystem() as system:
        system.wait_until_ready()
        yield Bench(system)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in LONG])
def test_the_books_balance(bench: Bench, name: str) -> None:
    page = make(bench, name, 1)
    assert page.photos
    assert page.problems == []


def test_nothing_came_twice_later(bench: Bench) -> None:
    bench.books.update([photo for page in bench.pages for photo in page.photos])
    assert [problem for page in bench.pages for problem in page.problems] == []
