"""The comparisons that were made: the last ones, for the page and the tests.

With a journal, they are there again after the next start. One is written when it has ended.
"""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from kit import jsonl, private

MAX_COMPARISONS = 100


class Comparisons:
    """The last comparisons, oldest first.

    Args:
        journal: the file in which they are kept. Default: in none.

    Attributes:
        changes: grows when one begins and when it ends.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self.recent: deque[dict[str, Any]] = deque(maxlen=MAX_COMPARISONS)
        self.journal = journal
        if journal:
            with suppress(OSError):  # such as a folder of that name
                self.recent.extend(one for one in jsonl.changes(journal) if isinstance(one, dict))
                private.write(journal, "\n".join(json.dumps(one) for one in self.recent))
        self.changes = len(self.recent)

    def begin(self, source: str, target: str) -> dict[str, Any]:
        """Note that one begins; what comes of it is for the caller to write into the note."""
        note = {"at": time.time(), "source": source, "target": target}
        self.recent.append(note)
        self.changes += 1
        return note

    def end(self, note: dict[str, Any]) -> None:
        """Note that one has ended."""
        self.changes += 1
        if self.journal:
            with suppress(OSError):
                jsonl.append(self.journal, note)
