"""Posts, photos and videos; ids and the time, as X writes them.

An id of X is a "snowflake": the higher bits say when it was made, in milliseconds, and the lower 22
distinguish those of the same millisecond. So ids grow with time, and sorting by id is sorting by
time.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

EPOCH = 1288834974657  # when X began to count, in milliseconds since 1970
SEQUENCE_BITS = 22

_counter = itertools.count()


@dataclass(frozen=True)
class Media:
    """A photo or video. `name` is its file name at the photo host, empty for a video."""

    id: str
    type: str  # "photo" or "video"
    name: str = ""

    @property
    def key(self) -> str:
        """The media key, such as 3_1990000000000000000; X numbers the types."""
        return f"{'3' if self.type == 'photo' else '13'}_{self.id}"


@dataclass(frozen=True)
class Post:
    """A post. `created_at` is in ISO 8601, UTC; `lang` a code such as "en".

    One of a protected account is for its followers only: no stream or search has it.
    """

    id: str
    text: str
    author_id: str
    username: str
    created_at: str
    media: list[Media] = field(default_factory=list)
    lang: str = "en"
    retweet: bool = False
    reply: bool = False
    protected: bool = False


def new_id() -> str:
    """Return an id of 19 digits that grows with time."""
    milliseconds = int(time.time() * 1000) - EPOCH
    return str((milliseconds << SEQUENCE_BITS) + next(_counter) % 2**SEQUENCE_BITS)


def made_at(identity: str) -> float:
    """Return when an id was made, in seconds since 1970."""
    return ((int(identity) >> SEQUENCE_BITS) + EPOCH) / 1000


def now() -> str:
    """Return the time as X writes it, such as 2026-03-01T12:00:00.000Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
