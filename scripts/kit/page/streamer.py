"""The streamer on the instance, started from the page as in a terminal: one may be connected."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.exceptions import HTTPException

from kit.emulators import instance
from kit.jsonl import Json
from kit.keys import TOKEN
from kit.page.services import Services
from kit.page.state import State
from kit.processes import ManagedProcess

MAX_LINES = 500
MAX_BYTES = 100_000  # of the end of the log
COUNT = re.compile(r"(posts|photos|sent|failed|skipped|unreadable) (\d+)")
# In a terminal the counts overwrite themselves; in a file they stand one behind the other.
COUNTS = re.compile(r"(?:posts \d+, .*?unreadable \d+)+(?=posts \d+, )")


class StreamerProcess:
    """The streamer that the page has started, if it has; it ends with the page.

    Args:
        services: the emulators.
        state: of the workshop.
        folder: the system's, in which the instance is.
    """

    def __init__(self, services: Services, state: State, folder: Path) -> None:
        self.services = services
        self.state = state
        self.folder = folder
        self.process: ManagedProcess | None = None

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "streamer-of-page.log"

    def as_json(self) -> Json:
        """Whose streamer runs ("page", "terminal" or nobody's), and what ours has printed."""
        ours = bool(self.process and self.process.running)
        elsewhere = bool(self.state.x.get("connected")) and not ours
        text = COUNTS.sub("", self.end_of_log())
        return {
            "runs": "page" if ours else "terminal" if elsewhere else "",
            "ended": self.process is not None and not ours,
            "lines": text.splitlines()[-MAX_LINES:],
            "counts": dict(COUNT.findall(text)[-6:]),
        }

    def end_of_log(self) -> str:
        """The end of what it has printed; empty if it was not started."""
        if self.process is None:
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - MAX_BYTES))
            return file.read().decode("utf-8", "replace")

    def start(self) -> None:
        """Type `python twitter_streaming.py` on the instance.

        Raises:
            HTTPException: one runs already, or there is no instance.
        """
        if self.as_json()["runs"]:
            raise HTTPException(409, "A streamer is connected already, and X allows only one.")
        instance_id = self.state.ids.get(instance.LOGICAL_ID)
        if not instance_id:
            raise HTTPException(409, "There is no instance yet: launch the stack first, step 3.")
        root = self.folder / instance_id
        if not (root / instance.WORKSHOP).is_dir():
            raise HTTPException(409, "The instance is booting. Try again in a moment.")
        self.log.unlink(missing_ok=True)
        urls, token = self.services.urls, self.services.keys[TOKEN]
        self.process = instance.streamer_process(urls["aws"], urls["x"], token, root, self.log)

    def stop(self) -> None:
        """Press Ctrl-C: it sends what it holds, and ends."""
        if self.process and self.process.running:
            self.process.stop()
