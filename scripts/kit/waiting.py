"""Wait for what will be there soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kit.errors import WorkshopError

Found = TypeVar("Found")


def wait_until(
    condition: Callable[[], Found | None], seconds: float, what: str, pause: float = 0.05
) -> Found:
    """Ask again and again until the condition gives something true, and return that.

    Args:
        condition: what is asked; it may raise to give up early.
        seconds: how long to ask at most.
        what: what is waited for, for the error: "the stack's e-mail".
        pause: seconds between two questions.

    Raises:
        WorkshopError: it did not come in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise WorkshopError(f"Waited {seconds:.0f} s for {what}, and it did not come.")
        time.sleep(pause)
    return found
