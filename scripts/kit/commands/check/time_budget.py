"""The time that a check may take: a function without end must not make it endless."""

from __future__ import annotations

import itertools
import time

from kit.waiting import patience

FUNCTION_SECONDS = 15  # the function's timeout here, so that nobody waits for the template's 120
TIMEOUTS = 3  # after so many the other cases are not tried
CHECK_SECONDS = 120.0  # nor after so long


class GaveUpError(Exception):
    """A case was not tried to its end; the message says why."""


class TimeBudget:
    """Says when a check has taken enough time; shared by all its cases.

    Args:
        seconds: for the whole check, on a computer with nothing else to do.
    """

    def __init__(self, seconds: float = CHECK_SECONDS) -> None:
        self.seconds = seconds
        self.started = time.monotonic()
        self.timeouts = itertools.count(1)
        self.message = ""

    def count_timeout(self) -> None:
        """Note that the function ran into its time limit."""
        if next(self.timeouts) == TIMEOUTS:
            self.stop("the function ran into its time limit too often")

    def stop(self, message: str) -> None:
        """Let no further case be tried, nor go on."""
        self.message = message

    def check(self) -> None:
        """Raise GaveUpError if the budget is spent."""
        if not self.message and time.monotonic() - self.started > self.seconds * patience():
            self.stop(f"a check takes at most {self.seconds:.0f} s")
        if self.message:
            raise GaveUpError(f"Not tried, because {self.message}. Fix the other cases first.")
