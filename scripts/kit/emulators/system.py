"""The offline system: AWS, X and Rekognition as child processes in one folder of their own."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from kit.aws_client import REGION, OfflineAws
from kit.errors import WorkshopError
from kit.processes import ManagedProcess, free_port, is_free, minimal_environment
from kit.running import FOLDER
from kit.x_client import XClient

LOGS = FOLDER / "logs"  # where logs are kept when something failed
PARTIES = {"x": "X", "aws": "AWS", "rekognition": "Rekognition", "page": "page"}
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
    """Starts the three parties when entered, and stops them when left.

    Args:
        region: the region that AWS plays.
        home: a folder in which everything is kept for the next start, the ports and keys too.
            Without it everything is in a temporary folder, which is deleted in the end.

    Attributes:
        aws: the emulated AWS.
        x: a client of the emulated X, to post with.
        x_url, rekognition_url: their addresses.
        keys: the four keys of X, which stand for the learner's own.
        folder: logs and state.

    Raises:
        WorkshopError: a port of the last time is taken.
    """

    def __init__(self, region: str = REGION, home: Path | None = None) -> None:
        self.children: list[ManagedProcess] = []
        self.lasting = home is not None
        self.folder = home or Path(tempfile.mkdtemp(prefix="serverless-bytes-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # the emulated AWS keeps the secret and the parameters in it
        self.ports, self.keys = self._identity()
        x_url, aws_url, self.rekognition_url = (
            f"http://127.0.0.1:{self.ports[name]}" for name in ("x", "aws", "rekognition")
        )
        self.x_url = x_url
        try:
            # X's search finds a post after 30 s; here at once, because nobody wants to wait.
            photos = str(self.folder / "photos")
            self._start("emulators.x", self.keys, "--photos", photos, "--search-delay", "0")
            self.aws = OfflineAws(
                self.folder, self.rekognition_url, self.ports["aws"], region, self.lasting
            )
            self.children.append(self.aws.process)
            self._start("emulators.rekognition", {"AWS_ENDPOINT_URL": aws_url})
        except BaseException:
            self.stop()
            raise
        self.x = XClient(x_url, self.keys["TWITTER_CONSUMER_KEY"], self.keys["TWITTER_TOKEN"])

    def _identity(self) -> tuple[dict[str, int], dict[str, str]]:
        """Ports and keys: those of the last time, because the stack has them in it, or new ones."""
        file = self.folder / "identity.json"
        if not file.exists():
            ports = {name: free_port() for name in PARTIES}
            keys = {name: secrets.token_urlsafe(24) for name in KEY_NAMES}
            if self.lasting:
                file.touch(0o600)
                file.write_text(json.dumps([ports, keys]))
            return ports, keys
        ports, keys = json.loads(file.read_text())
        for name, port in ports.items():
            if not is_free(port):
                raise WorkshopError(
                    f"Port {port} of offline {PARTIES[name]} is taken. Does the workshop run in "
                    "another terminal? Stop it there, or begin anew with --fresh."
                )
        return ports, keys

    def start_page(self) -> None:
        """Start the page, once `running.json` tells it where the others are."""
        self._start("page", {"WORKSHOP_FOLDER": str(FOLDER)})
        page = self.children[-1]
        page.wait_until_ready(f"http://127.0.0.1:{self.ports['page']}/_workshop/ready")

    def _start(self, module: str, environment: dict[str, str], *options: str) -> None:
        """Start a party: python -m kit.<module> --port N."""
        name = module.rpartition(".")[2]
        port = str(self.ports[name])
        command = [sys.executable, "-m", f"kit.{module}", "--port", port, *options]
        whole = minimal_environment(self.folder) | environment
        log = self.folder / f"{name}.log"
        self.children.append(ManagedProcess(f"offline {PARTIES[name]}", command, whole, log))

    def wait_until_ready(self) -> None:
        """Wait until all three answer."""
        x, _, rekognition = self.children[:3]
        self.aws.wait_until_ready()
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
        """Stop all children, the last one first, and delete the temporary folder."""
        with uninterrupted():
            while self.children:
                self.children.pop().stop()
            if not self.lasting:
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
