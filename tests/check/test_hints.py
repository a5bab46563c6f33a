"""The hints: which errors of several cases are the same one."""

from __future__ import annotations

import pytest

from kit.commands.check.hints import crash
from kit.commands.check.observation import Observation

pytestmark = pytest.mark.unit


def observed(failure: str) -> Observation:
    """A function that failed, and printed nothing."""
    return Observation(mails=[], logs=[], failures=[failure], answers=[], swapped=False)


def test_a_time_that_is_up_is_one_error_however_long_it_was() -> None:
    """The stacks of the check are launched one after the other, each with the patience of then."""
    first, other = (
        crash(observed(f"Task timed out after {seconds}.00 seconds"), "") for seconds in (17, 18)
    )
    assert first.error == other.error
    assert "within 17 s" in str(first)
    assert first.error != crash(observed("KeyError: 'text'"), "").error
