"""A journal of what ministack does not keep itself when it ends: instances and e-mails.

It is a file with one JSON object per line. It is only written and read if the state is to be kept,
as `workshop.py start` wants it.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from ministack.core.persistence import PERSIST_STATE, STATE_DIR

journal = Path(STATE_DIR) / "workshop.jsonl"


def remember(**change: Any) -> None:
    """Append a new instance or e-mail to the journal."""
    if PERSIST_STATE:
        journal.parent.mkdir(exist_ok=True)
        with journal.open("a") as file:
            # First the line's end, so that a line that was cut off costs no other.
            file.write("\n" + json.dumps(change))


def remembered(kind: str) -> list[dict[str, Any]]:
    """The instances or e-mails ("instance" or "mail") of earlier runs, oldest first."""
    changes = []
    for line in journal.read_text().splitlines() if PERSIST_STATE and journal.exists() else []:
        with contextlib.suppress(ValueError):  # cut off when the computer went down
            changes.append(json.loads(line))
    return [change for change in changes if kind in change]
