"""JSON: its objects, and a journal, to which one line of JSON is appended for each change."""

from __future__ import annotations

import contextlib
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
    found = []
    for line in journal.read_text().splitlines() if journal.exists() else []:
        with contextlib.suppress(ValueError):  # cut off when the computer went down
            found.append(json.loads(line))
    return found
