"""A terminal in which a learner types the commands of `workshop.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import boto3

from kit.emulators.system import OfflineSystem
from kit.running import Running
from support import REPOSITORY, end_of, wait_until

COMMAND = [sys.executable, str(REPOSITORY / "scripts" / "workshop.py")]


def running_workshop(system: OfflineSystem, page_url: str = "") -> Running:
    """A system as the commands find it, when `workshop.py start` has started it."""
    urls = (system.aws.url, system.x_url, system.rekognition_url)
    return Running(system.aws.region, *urls, page_url=page_url, keys=system.keys)


class Terminal:
    """A terminal whose workshop writes into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "workshop"
        self.environment = os.environ | {"WORKSHOP_FOLDER": str(self.home), "COLUMNS": "200"}
        self.log = folder / "start.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def start(self, *options: str) -> str:
        """Start the workshop and return what it prints until it runs."""
        with self.log.open("wb") as log:
            command = [*COMMAND, "start", "--no-browser", *options]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: "The workshop runs." in self.printed(), 120)
        for line in self.type("env").stdout.splitlines():
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                self.environment[name] = value
        return self.printed()

    def printed(self) -> str:
        """All that the start has printed so far."""
        return self.log.read_text()

    def stop(self) -> int:
        """Press Ctrl-C; return the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return end_of(self.process)

    def type(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the workshop."""
        return subprocess.run(
            [*COMMAND, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def client(self, service: str) -> Any:
        """A client as boto3 makes it from the printed lines."""
        session = boto3.session.Session(
            self.environment["AWS_ACCESS_KEY_ID"],
            self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_DEFAULT_REGION"],
        )
        return session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])
