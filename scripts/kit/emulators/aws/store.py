"""The state that survives a restart of `workshop.py start`, however it ended.

ministack saves each service into a file of its own, and only when it is stopped in order; a change
to that was proposed and closed (https://github.com/ministackorg/ministack/pull/1032). Here what
belongs together is one file, which is replaced as a whole, every second if something has changed.
So after kill -9 the state is that of one moment, at most a second or two ago; of what the account
does by itself long after the last call (see `changes`), half a minute. The file before it is kept,
for the case that the last one gets damaged.

Beside the services, the file has the events of Lambda that are on their way, and which objects the
buckets held: ministack writes these to the disk at once, so that they can be newer than the state.
An object that is newer is announced again, as S3 may do it (S3 User Guide, "Amazon S3 Event
Notifications": at least once). A bucket that the state does not know was made in an operation that
had not ended; it is set aside, because it would be in the way of the next launch.

While a stack is being created, updated or deleted, nothing is saved: nobody would finish it after
a restart. The instances and e-mails, which ministack does not have, are in a journal. What
Firehose's buffers hold becomes objects before the end.

When the state cannot be saved, because the disk is full or the folder is not ours, below
/_workshop/saving is why, and the process ends with the exit code UNSAVED.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core import persistence
from ministack.core.persistence import PERSIST_STATE, STATE_DIR
from ministack.services import cloudformation, lambda_svc, s3

from kit import jsonl, private
from kit.emulators.aws import changes, firehose, lambda_

logger = logging.getLogger("workshop")

SAVE_SECONDS = 1.0
SHARE = 20  # saving takes at most one part in so many of the time
SETTLING = 20  # rounds after a change in which it looks for what follows from that
REST = 30  # rounds in which nothing has happened: it looks all the same, for what was not counted
TRIES = 20  # to copy the state while other threads change it
JOURNAL = Path(STATE_DIR) / "workshop.jsonl"
STATE = Path(STATE_DIR) / "state.json"
PREVIOUS = Path(STATE_DIR) / "previous.json"
OF_OLD = Path(STATE_DIR) / "cloudformation.json"  # beside one for each service, before STATE was
ASIDE = Path(STATE_DIR) / "aside"  # buckets that belong to nothing
NOISE = "cloudtrail"  # the log of all calls: when nothing else has changed, nothing is saved

Objects = dict[str, dict[str, str]]  # account/bucket → key → ETag


# --- The journal ----------------------------------------------------------------------------------


def append(**entry: Any) -> None:
    """Write a new instance or e-mail into the journal."""
    if PERSIST_STATE:
        JOURNAL.parent.mkdir(exist_ok=True)
        jsonl.append(JOURNAL, entry)


def load(kind: str) -> list[dict[str, Any]]:
    """The journal's entries of a kind, "instance" or "mail", oldest first."""
    return [entry for entry in jsonl.changes(JOURNAL) if kind in entry] if PERSIST_STATE else []


# --- Saving ---------------------------------------------------------------------------------------


class Saver:
    """Writes the state into its file; one at a time.

    Attributes:
        problem: why it could not be saved, the last time; empty if it was.
    """

    def __init__(self) -> None:
        self.problem = ""
        self.objects: Objects = {}  # of the round before: by now their events are queued
        self.saved = ""  # what the file has
        self.lock = threading.Lock()
        self.task: asyncio.Task[None] | None = None  # asyncio itself keeps no reference

    def snapshot(self, at_the_end: bool = False) -> tuple[str, str]:
        """The state as JSON: all but the noise, and the noise."""
        now = objects()
        objects_of_before, self.objects = self.objects, now
        settled = now if at_the_end else common(objects_of_before, now)
        services = {name: get() for name, get in ministack._build_persistence_save_dict().items()}
        noise = services.pop(NOISE, None)
        state = {
            "services": services,
            "events": list(lambda_.unfinished.values()),
            "objects": settled,
        }
        return to_json(state), to_json(noise)

    def write(self, state: str, noise: str) -> None:
        """Replace the file, and keep the one before it; or note why that fails."""
        with self.lock:
            try:
                private.make_folder(STATE.parent)
                if STATE.exists():
                    private.write(PREVIOUS, STATE.read_text(encoding="utf-8"))
                private.write(STATE, f'{{"{NOISE}": {noise}, {state[1:]}')
                OF_OLD.unlink(missing_ok=True)
            except OSError as error:
                logger.exception("The state could not be saved; what was saved before is kept")
                self.problem = error.strerror or type(error).__name__
            else:
                self.saved, self.problem = state, ""

    async def save_again_and_again(self) -> None:
        """Save what has changed, for ever."""
        seen: list[int] = []
        quiet = 0  # rounds since something has happened
        while True:
            started = time.monotonic()
            now = changes.so_far()
            quiet, seen = (quiet + 1 if now == seen else 0), now
            try:
                if at_rest() and (self.problem or quiet < SETTLING or quiet % REST == 0):
                    state, noise = self.snapshot()
                    if state != self.saved:
                        await asyncio.to_thread(self.write, state, noise)
            except RuntimeError:  # another thread has changed what was being copied
                pass
            await asyncio.sleep(max(SAVE_SECONDS, SHARE * (time.monotonic() - started)))

    def save_at_the_end(self, _: Any) -> None:
        """Save when the emulator is stopped in order."""
        firehose.flush_all()
        for _ in range(TRIES):
            try:
                if at_rest():
                    self.write(*self.snapshot(at_the_end=True))
                return
            except RuntimeError:
                time.sleep(0.05)


def at_rest() -> bool:
    """Whether no operation on a stack is under way."""
    statuses = (stack.get("StackStatus", "") for stack in cloudformation._stacks._data.values())
    return not any(s.endswith("_IN_PROGRESS") and s != "REVIEW_IN_PROGRESS" for s in statuses)


def objects() -> Objects:
    """What the buckets hold."""
    return {
        "/".join(place): {key: entry["etag"] for key, entry in bucket["objects"].items()}
        for place, bucket in s3._buckets._data.items()
    }


def common(before: Objects, now: Objects) -> Objects:
    """The objects that were there before, as they are now; of all buckets that are there now."""
    return {
        place: dict(entries.items() & before.get(place, {}).items())
        for place, entries in now.items()
    }


def to_json(value: Any) -> str:
    """JSON, with the types that ministack adds to it."""
    return json.dumps(value, default=persistence._json_default)


# --- Loading --------------------------------------------------------------------------------------


def load_state(original: Callable[[], None], saver: Saver) -> None:
    """Load the state, and go on with what was on its way."""
    try:
        # Only the file before is there when the last one was damaged, and so set aside.
        file = next((file for file in (STATE, PREVIOUS) if file.exists()), None)
        text = file.read_text(encoding="utf-8") if file else "{}"
        state = json.loads(text, object_hook=persistence._json_object_hook)
        for name, module in ministack._state_map.items():
            if data := state.get("services", {}).get(name) or (name == NOISE and state.get(NOISE)):
                ministack._get_module(module).load_persisted_state(data)
        if not file and OF_OLD.exists():
            original()
            state["objects"] = objects()
        reconcile(state.get("objects", {}))
        for event in state.get("events", []):
            lambda_.enqueue(lambda_.Event(*event))
    except Exception:
        logger.exception("The saved state cannot be loaded: %s", STATE)
        os._exit(1)
    saver.task = asyncio.get_running_loop().create_task(saver.save_again_and_again())


def reconcile(saved: Objects) -> None:
    """Set aside the buckets that the state does not have, and announce newer objects again."""
    for (account, name), bucket in list(s3._buckets._data.items()):
        place = f"{account}/{name}"
        if place not in saved:
            set_aside(account, name)
            continue
        for key, entry in bucket["objects"].items():
            if saved[place].get(key) != entry["etag"]:
                s3._fire_s3_event_async(
                    name, key, "s3:ObjectCreated:Put", entry["size"], entry["etag"]
                )


def set_aside(account: str, bucket: str) -> None:
    """Take a bucket out of the account, and keep its files elsewhere."""
    del s3._buckets._data[account, bucket]
    target = ASIDE / f"{bucket}-{time.time_ns()}"
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(Path(s3.DATA_DIR) / account / bucket, target)


saver = Saver()


def install() -> None:
    """Save and load the state like this; ministack itself does so only with PERSIST_STATE."""
    ministack.save_all = saver.save_at_the_end
    ministack._load_persisted_state = functools.partial(
        load_state, ministack._load_persisted_state, saver
    )
    # A function's code goes into the one file, not into files beside it.
    lambda_svc._externalize_code_zip = lambda *_: None
