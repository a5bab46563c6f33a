"""What the tests of the doctor share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from doctor.checked_workshop import CheckedWorkshop
from support.systems import BorrowedSystem


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: a check must change nothing in the whole account."""
    return own_system


@pytest.fixture
def workshop(system: BorrowedSystem, terminal: None) -> Iterator[CheckedWorkshop]:
    """All steps are done: launched, confirmed, streaming, with a reference and the solution."""
    done = CheckedWorkshop(system)
    done.do_all_steps()
    yield done
    done.close()
