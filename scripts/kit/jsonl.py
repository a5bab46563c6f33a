"""JSON: its objects, and a journal, to which one line of JSON is appended for each change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # an object of JSON


def append(journal: Path, change: Any) -> None:
    """Write a change at the end."""
    with journal.open("a") as file:
        # First the line's end, so that a line that was cut off costs no other.
        file.write("\n" + json.dumps(change))


def changes(journal: Path) -> list[Any]:
    """All changes, oldest first; none if there is no journal yet."""
    return read(journal)[0]


def read(journal: Path) -> tuple[list[Any], int]:
    """All changes, oldest first, and how many lines are none: cut off, or damaged."""
    found, damaged = [], 0
    for line in journal.read_bytes().split(b"\n") if journal.exists() else []:
        try:
            found += [json.loads(line)] if line.strip() else []
        except (ValueError, RecursionError):
            damaged += 1
    return found, damaged
