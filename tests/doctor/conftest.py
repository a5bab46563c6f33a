"""What the tests of the doctor share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest

from doctor.checked_workshop import CheckedWorkshop, environment
from support.systems import BorrowedSystem


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: a check must change nothing in the whole account."""
    return own_system


@pytest.fixture
def terminal(system: BorrowedSystem) -> Iterator[None]:
    """The learner's terminal: the environment of the offline workshop, and no other."""
    lines = environment(system).environment()
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with mock.patch.dict(os.environ, others | lines, clear=True):
        yield


@pytest.fixture
def workshop(system: BorrowedSystem, terminal: None) -> Iterator[CheckedWorkshop]:
    """All steps are done: launched, confirmed, streaming, with a reference and the solution."""
    done = CheckedWorkshop(system)
    done.do_all_steps()
    yield done
    done.close()
