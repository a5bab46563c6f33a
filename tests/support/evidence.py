"""What a failed test leaves: the logs of all that took part, in a folder that the report names."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kit.aws_client import Aws
from support import REPOSITORY

if TYPE_CHECKING:
    from support.systems import BorrowedSystem

FOLDER = REPOSITORY / ".reports" / "failures"
LOGS = ("*.log", "*.txt", "out", "err")  # names of files with what a process printed
NO_LOGS = {".venv", ".lock", ".cache", "node_modules"}  # folders of a copy of the repository
MOST_FILES = 60
MOST_BYTES = 1 << 20  # of a file; its end is kept

watched: list[Path] = []  # folders in which processes of the current tests log
accounts: list[Aws] = []  # in which their functions log


@contextlib.contextmanager
def watch(folder: Path, aws: Aws | None = None) -> Iterator[None]:
    """Keep the logs of a folder, and of an account's functions, if a test fails meanwhile."""
    watched.append(folder)
    accounts.extend([aws] if aws else [])
    try:
        yield
    finally:
        watched.remove(folder)
        if aws:
            accounts.remove(aws)


def keep(item: pytest.Item, since: float, systems: Iterable[BorrowedSystem]) -> Path:
    """Keep the logs of a test that failed; return the folder with them.

    Args:
        item: the test.
        since: when it began, in seconds since 1970; functions log much.
        systems: that it may have used.
    """
    with contextlib.ExitStack() as accounts_of:
        for system in systems:
            accounts_of.enter_context(watch(system.folder, system.aws))
        own = getattr(item, "funcargs", {}).get("tmp_path")
        return collect(item.nodeid, [*([own] if own else []), *watched], since)


def collect(name: str, folders: Iterable[Path], since: float = 0.0) -> Path:
    """Copy the logs of folders, and those of the functions since then; return where they are.

    Args:
        name: of the test.
        folders: with logs, also below them.
        since: seconds since 1970.
    """
    place = FOLDER / re.sub(r"[^\w.-]+", "-", name)[:150]
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for number, folder in enumerate(dict.fromkeys(folders)):
        for log in find_logs(folder):
            target = place / f"{number}-{folder.name}" / log.relative_to(folder)
            with contextlib.suppress(OSError):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(log.read_bytes()[-MOST_BYTES:])
    for number, aws in enumerate(accounts):
        with contextlib.suppress(BotoCoreError, ClientError, OSError):  # it may be what failed
            for group, text in function_logs(aws, since):
                target = place / f"functions-{number}" / f"{group.strip('/').replace('/', '-')}.log"
                target.parent.mkdir(exist_ok=True)
                target.write_text(text)
    return place


def find_logs(folder: Path) -> list[Path]:
    """The files of a folder that look like logs and hold something, the newest first."""
    found = [path for name in LOGS for path in folder.rglob(name) if path.is_file()]
    found = [
        p for p in found if p.stat().st_size and not NO_LOGS & set(p.relative_to(folder).parts)
    ]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_FILES]


def function_logs(aws: Aws, since: float) -> Iterator[tuple[str, str]]:
    """The log groups of an account, and what was written into each since then."""
    impatient = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
    logs = aws.client("logs", impatient)
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        events = logs.filter_log_events(logGroupName=name, startTime=int(since * 1000))["events"]
        if events:
            yield name, "\n".join(event["message"].rstrip() for event in events)
