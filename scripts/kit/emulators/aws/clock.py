"""The time, as AWS writes it."""

from __future__ import annotations

import time


def timestamp(later: float = 0.0) -> str:
    """The time in so many seconds, as AWS writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + later))
