"""Ids and the time, as X writes them.

An id of X is a "snowflake": the higher bits say when it was made, in milliseconds, and the lower 22
distinguish those of the same millisecond. So ids grow with time, and sorting by id is sorting by
time.
"""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

EPOCH = 1288834974657  # when X began to count, in milliseconds since 1970

_counter = itertools.count()


def new_id() -> str:
    """Return an id of 19 digits that grows with time."""
    milliseconds = int(time.time() * 1000) - EPOCH
    return str((milliseconds << 22) + next(_counter) % 2**22)


def made_at(identity: str) -> float:
    """Return when an id was made, in seconds since 1970."""
    return ((int(identity) >> 22) + EPOCH) / 1000


def now() -> str:
    """Return the time as X writes it, such as 2026-03-01T12:00:00.000Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
