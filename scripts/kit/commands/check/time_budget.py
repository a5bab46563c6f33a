"""When a check gives up: a function without end must not make it one without end."""

from __future__ import annotations

import itertools
import time

FUNCTION_SECONDS = 15  # the function's timeout here: nobody wants to wait for the template's 120
TIMEOUTS = 3  # after so many the other cases are not tried
CHECK_SECONDS = 120.0  # nor after so long


class GaveUpError(Exception):
    """The case was not tried to its end; the text says why."""


class Patience:
    """Says when it is enough; shared by all cases of a check."""

    def __init__(self, seconds: float = CHECK_SECONDS) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.timeouts = itertools.count(1)
        self.reason = ""

    def timed_out(self) -> None:
        """Note that the function ran into its time limit."""
        if next(self.timeouts) == TIMEOUTS:
            self.reason = "the function ran into its time limit too often"

    def ask(self) -> None:
        """Raise GaveUpError when it is enough."""
        if not self.reason and time.monotonic() > self.deadline:
            self.reason = f"the check ends after {self.seconds:.0f} s"
        if self.reason:
            raise GaveUpError(f"Because {self.reason}: mend the others first.")
