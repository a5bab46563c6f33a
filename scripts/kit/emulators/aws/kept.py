"""What ministack does not keep itself when it ends: instances and e-mails, in a journal.

It is only written and read if the state is to be kept, as `workshop.py start` wants it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ministack.core.persistence import PERSIST_STATE, STATE_DIR

from kit.jsonl import append, changes

journal = Path(STATE_DIR) / "workshop.jsonl"


def remember(**change: Any) -> None:
    """Keep a new instance or e-mail."""
    if PERSIST_STATE:
        journal.parent.mkdir(exist_ok=True)
        append(journal, change)


def remembered(kind: str) -> list[dict[str, Any]]:
    """The instances or e-mails ("instance" or "mail") of earlier runs, oldest first."""
    return [change for change in changes(journal) if kind in change] if PERSIST_STATE else []
