"""The environment of a test run, which is set before anything of the kit is imported.

Whatever the tests and their processes write goes into one folder, which is deleted with the run. So
two runs, in two clones or in one, do not meet, and the workshop of the clone is left alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore import loaders

NAME = "SERVERLESS_BYTES_TEST_RUN"  # in the environment: the folder; the workers inherit it
# Deletes the folder when its standard input is closed, that is, when the process that began the run
# has ended, even if it was killed. What that process has started ends by itself; a workshop that a
# test has started in a terminal of its own is killed, which Linux finds by its environment.
JANITOR = """
import contextlib, os, pathlib, shutil, signal, sys, time
sys.stdin.read()
for seconds in 0, 0.2, 1, 3:
    time.sleep(seconds)
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if sys.argv[1].encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
    shutil.rmtree(sys.argv[1], ignore_errors=True)
"""
janitor: subprocess.Popen[bytes] | None = None


def begin() -> Path:
    """Make the folder of the run; or return the one that the process has made that began it."""
    global janitor  # noqa: PLW0603 - its pipe must stay open
    if os.environ.get(NAME):
        return Path(os.environ[NAME])
    folder = Path(tempfile.mkdtemp(prefix="serverless-bytes-run-"))
    janitor = subprocess.Popen(
        [sys.executable, "-c", JANITOR, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )
    os.environ |= {NAME: str(folder), "TMPDIR": str(folder)}
    tempfile.tempdir = None  # so that TMPDIR is read again
    return folder


def once(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a loader that remembers what it found in the same folders."""
    found: dict[tuple[Any, ...], Any] = {}

    def ask(loader: object, *arguments: Any, **named: Any) -> Any:
        folders = getattr(loader, "search_paths", [])  # boto3 has one more than botocore
        key = (*folders, *arguments, *named.values())
        if key not in found:
            found[key] = method(loader, *arguments, **named)
        return found[key]

    return ask


# Botocore reads these for each client, 1 MB of EC2's, and looks through 400 folders for a session.
loaders.JSONFileLoader.load_file = once(loaders.JSONFileLoader.load_file)
loaders.Loader.list_available_services = once(loaders.Loader.list_available_services)
FOLDER = begin()
os.environ["WORKSHOP_FOLDER"] = str(FOLDER / f"workshop-{os.getpid()}")
os.environ.setdefault("WORKSHOP_PATIENCE", "2")
