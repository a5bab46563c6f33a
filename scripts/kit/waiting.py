"""Wait for what will be there soon; longer on a computer that has much else to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from kit.errors import WorkshopError

PATIENCE = "WORKSHOP_PATIENCE"  # in the environment: multiplies every wait
Found = TypeVar("Found")


def patience() -> float:
    """How many times longer than usual to wait: as many as there are processes for each core."""
    processes = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(1.0, processes) * float(os.environ.get(PATIENCE, "1"))


def wait_until(
    condition: Callable[[], Found | None], seconds: float, what: str, pause: float = 0.05
) -> Found:
    """Ask again and again until the condition gives something true, and return that.

    Args:
        condition: what is asked; it may raise to give up early.
        seconds: how long to ask at most, on a computer with nothing else to do.
        what: what is waited for, for the error: "the stack's e-mail".
        pause: seconds between the first two questions. It grows with the time that has passed, to
            five times as much: a question costs something, too.

    Raises:
        WorkshopError: it did not come in time.
    """
    started = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - started
        if waited > seconds * patience():  # the load may change meanwhile
            raise WorkshopError(f"Waited {waited:.0f} s for {what}, and it did not come.")
        time.sleep(min(max(pause, waited / 10), 5 * pause))
    return found
