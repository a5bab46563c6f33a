"""The folders of the offline systems: the home of the workshop that stays, and temporary ones.

Each has one owner at a time, who holds the lock of a file. The system gives the lock free when its
owner ends, however it ends; so it tells the folders of the living from those of the dead.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from kit import jsonl, private
from kit.errors import WorkshopError

PREFIX = "serverless-bytes-of-a-run-"  # of temporary folders that have their lock
UNFINISHED = "serverless-bytes-new-"  # of those that do not have it yet
LOCK = "lock"
DAMAGED = "damaged"  # in the home: what could not be read
IDENTITY, COPY = "identity.json", "identity.copy.json"
STATE, PREVIOUS = "aws/state.json", "aws/previous.json"
JOURNALS = {"aws/workshop.jsonl": "instances and mails", "photos/journal.jsonl": "posts on X"}


def try_to_lock(path: Path) -> IO[str] | None:
    """Take the lock of a file, and hold it until the answer is closed; None if another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    file = open(descriptor, "w")  # noqa: SIM115 - it stays open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


# --- Temporary folders ----------------------------------------------------------------------------


def make_temporary() -> tuple[Path, IO[str]]:
    """Make a folder that nobody else can read; return it with its lock.

    Those of runs that were killed are deleted: the learner's photos are in them.
    """
    remove_dead()
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED))
    lock = try_to_lock(unfinished / LOCK)
    assert lock  # nobody else knows the folder
    folder = unfinished.with_name(PREFIX + unfinished.name.removeprefix(UNFINISHED))
    unfinished.rename(folder)  # from now on it has its lock whenever somebody sees it
    return folder, lock


def remove_dead() -> None:
    """Delete the temporary folders whose owners have ended; only ours, and only real folders."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.lstat().st_uid != os.geteuid():
                continue
            if lock := try_to_lock(folder / LOCK):
                with lock:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # its owner has just deleted it
            continue


# --- The home -------------------------------------------------------------------------------------


def save_identity(home: Path, identity: Any) -> None:
    """Write the ports and keys of a home, twice: a stack that is launched has them in it."""
    for name in (IDENTITY, COPY):
        private.write(home / name, json.dumps(identity))


def empty(home: Path) -> None:
    """Delete all that is in a home; whatever stops this, no part of it is taken for a home."""
    if home.exists():
        home.rename(home.with_name(f"old-{time.time_ns()}"))
    for old in home.parent.glob("old-*"):
        shutil.rmtree(old)


def repair(home: Path) -> list[str]:
    """Put what is damaged in a home aside, so that the rest can be used; return what was done.

    Raises:
        WorkshopError: it cannot be used.
    """
    if not home.exists():
        return []
    return [*repair_identity(home), *repair_state(home), *repair_journals(home)]


def repair_identity(home: Path) -> list[str]:
    """See that the ports and keys can be read, from the file or from its copy."""
    good = [name for name in (IDENTITY, COPY) if is_identity(read_json(home / name))]
    if IDENTITY in good:
        return []
    if good:
        told = [aside(home, IDENTITY, "its copy is used")] if (home / IDENTITY).exists() else []
        private.write(home / IDENTITY, (home / COPY).read_text(encoding="utf-8"))
        return told
    if any((home / name).exists() for name in (IDENTITY, COPY, STATE, PREVIOUS)):
        raise WorkshopError(
            f"{home / IDENTITY} cannot be read, and neither can its copy. The stack works only "
            "with the ports and keys in it. Begin anew: python scripts/workshop.py start --fresh. "
            f"That deletes what is in {home}, such as your photos: copy first what you need."
        )
    return []


def is_identity(value: Any) -> bool:
    """Whether a value of JSON is an identity: the ports and the keys, by name."""
    match value:
        case [dict() as ports, dict() as keys]:
            return all(isinstance(port, int) for port in ports.values()) and bool(ports and keys)
    return False


def repair_state(home: Path) -> list[str]:
    """See that the newest state of AWS can be read; else the one before it is used, or none."""
    told = []
    for name, instead in (STATE, "the one before it is used"), (PREVIOUS, "AWS begins anew"):
        file = home / name
        if file.exists() and not isinstance(read_json(file), dict):
            told.append(aside(home, name, instead))
        elif file.exists():
            return told
    if told:
        told.append(
            "The state of AWS is lost, and with it the stack: launch it again, which is step 3. "
            f"The objects of its buckets are kept in {home / 'aws' / 'aside'}."
        )
        for instance in home.glob("i-*"):
            aside(home, instance.name, "")
    return told


def repair_journals(home: Path) -> list[str]:
    """Write the journals without the lines that cannot be read."""
    told = []
    for name, content in JOURNALS.items():
        try:
            changes, damaged = jsonl.read(home / name)
        except OSError:  # such as a folder of that name
            changes, damaged = [], 1
        if damaged:
            told.append(aside(home, name, f"the other {content} in it, {len(changes)}, are used"))
            private.write(home / name, "\n".join(json.dumps(change) for change in changes))
    return told


def read_json(file: Path) -> Any:
    """What a file of JSON has; None if it cannot be read."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def aside(home: Path, name: str, instead: str) -> str:
    """Move what cannot be read to where it is not in the way; return the sentence about it."""
    target = home / DAMAGED / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{Path(name).name}"
    while target.exists():
        target = target.with_name(f"{target.name}-")
    target.parent.mkdir(exist_ok=True)
    (home / name).rename(target)
    return f"{home / name} cannot be read: {instead}. It is kept as {target}."
