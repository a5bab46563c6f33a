"""The offline system: AWS, X and Rekognition as child processes in one folder of their own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from offline.aws import REGION, OfflineAws
from offline.processes import Child, clean_environment, free_port
from offline.x_client import XClient

REPOSITORY = Path(__file__).resolve().parents[2]
LOGS = REPOSITORY / ".workshop" / "logs"  # where logs are kept when something failed
KEY_NAMES = (
    "TWITTER_CONSUMER_KEY",
    "TWITTER_CONSUMER_SECRET",
    "TWITTER_TOKEN",
    "TWITTER_TOKEN_SECRET",
)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Do not let a second Ctrl-C stop the cleaning up after the first one."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C reaches only the main thread
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


class OfflineSystem:
    """Starts the three parties when entered; stops them and deletes their folder when left.

    Attributes:
        aws: the emulated AWS.
        x: a client of the emulated X, to post with.
        x_url, rekognition_url: their addresses.
        keys: the four keys of X, new for each system, which stand for the learner's own.
        folder: logs and temporary files.
    """

    def __init__(self, region: str = REGION) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="serverless-bytes-"))
        self.keys = {name: secrets.token_urlsafe(24) for name in KEY_NAMES}
        self.children: list[Child] = []
        try:
            self.x_url = self.start("offline X", "x", ["--photos", str(self.folder / "photos")])
            self.rekognition_url = f"http://127.0.0.1:{free_port()}"
            self.aws = OfflineAws(self.folder, self.rekognition_url, region)
            self.children.append(self.aws.process)
            self.start("offline Rekognition", "rekognition", url=self.rekognition_url)
        except BaseException:
            self.stop()
            raise
        self.x = XClient(self.x_url, self.keys["TWITTER_CONSUMER_KEY"], self.keys["TWITTER_TOKEN"])

    def start(self, name: str, module: str, options: list[str] | None = None, url: str = "") -> str:
        """Start a party, `python -m offline.<module> --port N`, and return its address."""
        port = url.rpartition(":")[2] if url else str(free_port())
        environment = clean_environment(self.folder) | self.keys
        if module == "rekognition":
            environment = clean_environment(self.folder) | {"AWS_ENDPOINT_URL": self.aws.url}
        command = [sys.executable, "-m", f"offline.{module}", "--port", port, *(options or [])]
        self.children.append(Child(name, command, environment, self.folder / f"{module}.log"))
        return f"http://127.0.0.1:{port}"

    def wait_until_ready(self) -> None:
        """Wait until all three answer."""
        x, aws, rekognition = self.children[:3]
        aws.wait_until_ready(f"{self.aws.url}/_ministack/ready")
        x.wait_until_ready(f"{self.x_url}/_workshop/ready")
        rekognition.wait_until_ready(f"{self.rekognition_url}/_workshop/ready")

    def parameters(self, email: str) -> dict[str, str]:
        """The parameters with which the stack finds the emulated X."""
        return {
            "EmailAddress": email,
            "PhotoUrlPrefix": f"{self.x_url}/media/",
            "TwitterConsumerKey": self.keys["TWITTER_CONSUMER_KEY"],
            "TwitterConsumerSecret": self.keys["TWITTER_CONSUMER_SECRET"],
            "TwitterToken": self.keys["TWITTER_TOKEN"],
            "TwitterTokenSecret": self.keys["TWITTER_TOKEN_SECRET"],
        }

    def stop(self) -> None:
        """Stop all children, the last one first, and delete the folder."""
        with uninterrupted():
            while self.children:
                self.children.pop().stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> OfflineSystem:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
