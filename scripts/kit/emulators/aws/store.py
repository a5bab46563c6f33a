"""The state: it is saved while the emulator runs, and with it the events that are on their way.

When the emulator is stopped in order, Firehose's buffers become objects before that.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app as gateway
from ministack.core.persistence import PERSIST_STATE, STATE_DIR
from ministack.services import firehose

from kit.emulators.aws.firehose import flush_records
from kit.emulators.aws.lambda_ import invoke_later, unfinished

SAVE_SECONDS = 5.0

events_file = Path(STATE_DIR) / "events.json"


def save(original: Callable[..., None], services: Any) -> None:
    """Save the state as ministack does, and the events that are on their way with it."""
    original(services)
    partial = events_file.with_suffix(".part")
    partial.write_text(json.dumps(list(unfinished.values())))
    partial.replace(events_file)


def save_at_the_end(original: Callable[..., None], services: Any) -> None:
    """Save when the emulator is stopped in order: what Firehose still holds becomes objects."""
    for stream in list(firehose._streams.values()):
        for destination in stream["destinations"]:
            flush_records(stream, destination)
    save(original, services)


def load(original: Callable[[], None]) -> None:
    """Load the state as ministack does, and go on with what was on its way."""
    original()
    if PERSIST_STATE and events_file.exists():
        for arn, event, attempt in json.loads(events_file.read_text()):
            invoke_later({"config": {"FunctionArn": arn}}, event, attempt)


def save_now_and_then(original: Callable[..., None]) -> None:
    """Save every few seconds, so that a crash, or kill -9, costs no more than these."""
    while True:
        time.sleep(SAVE_SECONDS)
        save(original, gateway._build_persistence_save_dict())


def install() -> None:
    """Save and load the state like this; ministack itself does so only if it is to be kept."""
    if PERSIST_STATE:
        threading.Thread(target=save_now_and_then, args=(gateway.save_all,), daemon=True).start()
    gateway.save_all = functools.partial(save_at_the_end, gateway.save_all)
    gateway._load_persisted_state = functools.partial(load, gateway._load_persisted_state)
