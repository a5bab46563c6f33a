"""How the page writes moments, JSON, and the content of a stage."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kit.jsonl import Json


class Content(NamedTuple):
    """What a stage really holds, as AWS or X tells it."""

    about: str
    entries: list[Json]
    command: str = ""  # shows the same in a terminal


def entry(heading: str, text: str, moment: str = "", picture: str = "") -> Json:
    """One thing in a stage; `picture` is the path at which the page has it."""
    return {"heading": heading, "text": text, "at": moment, "picture": picture}


def counted(number: int, nouns: str) -> str:
    """A number of things: "1 photo", "2 photos"."""
    return f"{number:,} {nouns.removesuffix('s') if number == 1 else nouns}"


def tag_of(text: str) -> str:
    """The same for the same text, and for no other."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def iso(moment: datetime | float) -> str:
    """A moment as the page writes it: ISO 8601 in UTC, with milliseconds."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """This moment, as the page writes it."""
    return iso(time.time())


def seconds_since(moment: str) -> float:
    """How long ago a moment in ISO 8601 was."""
    return time.time() - datetime.fromisoformat(moment).timestamp()


def pretty(value: Any) -> str:
    """JSON to read."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def pretty_line(line: str) -> str:
    """A line of JSON to read; another line as it is."""
    try:
        return pretty(json.loads(line))
    except (ValueError, RecursionError):
        return line
