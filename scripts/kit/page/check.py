"""The check of the learner's file, in a process of its own: one at a time.

It is what `workshop.py check` runs; here each case tells its result as soon as it is done.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kit.jsonl import Json
from kit.page.formatting import now, tag_of

COMMAND = [sys.executable, "-m", "kit.commands.check.rows"]


class Check:
    """The last check.

    Args:
        path: of the learner's file.
        changed: is called when there is news.

    Attributes:
        rows: the cases: case, title, part, verdict ("", "passed", "failed" or "not tried"), hint.
    """

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        self.path = path
        self.changed = changed
        self.process: subprocess.Popen[str] | None = None
        self.rows: list[Json] = []
        self.tag = ""  # of the code that is checked
        self.message = ""
        self.started = ""
        self.lock = threading.Lock()

    def as_json(self) -> Json:
        """For the page."""
        return {
            "running": self.process is not None,
            "rows": [dict(row) for row in self.rows],
            "tag": self.tag,
            "message": self.message,
            "started": self.started,
        }

    def start(self) -> None:
        """Check the file; a check that runs is stopped."""
        with self.lock:
            self.kill()
            self.rows, self.message, self.started = [], "", now()
            self.tag = tag_of(self.path.read_text(encoding="utf-8"))
            self.process = subprocess.Popen(
                [*COMMAND, str(self.path)],
                stdin=subprocess.PIPE,  # it ends with us, when this is closed
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            threading.Thread(target=self.read, args=(self.process,), daemon=True).start()
        self.changed()

    def stop(self) -> None:
        """Stop the check that runs."""
        with self.lock:
            if self.process:
                self.message = "Stopped."
            self.kill()
        self.changed()

    def kill(self) -> None:
        """End the process and its emulators: those end when their parent does."""
        process, self.process = self.process, None
        if process:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)

    def read(self, process: subprocess.Popen[str]) -> None:
        """Read the results of a process until it ends."""
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            with self.lock, suppress(ValueError):
                if process is self.process:
                    self.note(json.loads(line))
            self.changed()
        errors = process.stderr.read()
        process.wait()
        with self.lock:
            if process is self.process:
                self.process = None
                if not self.message and process.returncode > 1:
                    self.message = f"The check failed: {errors.strip()[-300:]}"
        self.changed()

    def note(self, news: Json) -> None:
        """Note rows: all of them at first, then each one as it is done."""
        self.message = news.get("message", self.message)
        for row in news.get("rows", []):
            place = [number for number, one in enumerate(self.rows) if one["case"] == row["case"]]
            if place:
                self.rows[place[0]] = row
            else:
                self.rows.append(row)
