"""The state that survives a restart of `workshop.py start`.

ministack saves its state only when it is stopped in order; a change to that was proposed and closed
(https://github.com/ministackorg/ministack/pull/1032). Here it is also saved every few seconds, and
there is more of it: the instances and e-mails, which ministack does not have, in a journal; the
events of Lambda that are on their way. What Firehose's buffers hold becomes objects before the end.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core.persistence import PERSIST_STATE, STATE_DIR

from kit import jsonl
from kit.emulators.aws import firehose, lambda_

SAVE_SECONDS = 5.0
JOURNAL = Path(STATE_DIR) / "workshop.jsonl"
EVENTS = Path(STATE_DIR) / "events.json"


def append(**entry: Any) -> None:
    """Write a new instance or e-mail into the journal."""
    if PERSIST_STATE:
        JOURNAL.parent.mkdir(exist_ok=True)
        jsonl.append(JOURNAL, entry)


def load(kind: str) -> list[dict[str, Any]]:
    """The journal's entries of a kind, "instance" or "mail", oldest first."""
    return [entry for entry in jsonl.changes(JOURNAL) if kind in entry] if PERSIST_STATE else []


def save_state(original: Callable[..., None], services: Any) -> None:
    """Save the state as ministack does, and the events that are on their way with it."""
    original(services)
    partial = EVENTS.with_suffix(".part")
    partial.write_text(json.dumps(list(lambda_.unfinished.values())))
    partial.replace(EVENTS)


def save_at_the_end(original: Callable[..., None], services: Any) -> None:
    """Save when the emulator is stopped in order."""
    firehose.flush_all()
    save_state(original, services)


def save_every_few_seconds(original: Callable[..., None]) -> None:
    """Save again and again, so that a crash, or kill -9, loses no more than that."""
    while True:
        time.sleep(SAVE_SECONDS)
        save_state(original, ministack._build_persistence_save_dict())


def load_state(original: Callable[[], None]) -> None:
    """Load the state as ministack does, and go on with what was on its way."""
    original()
    if PERSIST_STATE and EVENTS.exists():
        for event in json.loads(EVENTS.read_text()):
            lambda_.enqueue(lambda_.Event(*event)._replace(deletions=0))  # counted anew


def install() -> None:
    """Save and load the state like this; ministack itself does so only with PERSIST_STATE."""
    save = ministack.save_all
    if PERSIST_STATE:
        threading.Thread(target=save_every_few_seconds, args=(save,), daemon=True).start()
    ministack.save_all = functools.partial(save_at_the_end, save)
    ministack._load_persisted_state = functools.partial(load_state, ministack._load_persisted_state)
