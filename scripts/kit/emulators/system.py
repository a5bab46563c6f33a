"""The offline system: AWS, X and Rekognition as child processes in one folder of their own."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from kit import private
from kit.admin_client import AdminClient
from kit.aws_client import REGION, Aws
from kit.emulators import folders
from kit.emulators.aws.process import EmulatedAws
from kit.errors import WorkshopError
from kit.keys import ACCOUNT, TOKEN, X_KEYS, new_keys, select
from kit.processes import UNSAVED, ManagedProcess, free_port, is_free, minimal_environment
from kit.stack.template import offline_parameters
from kit.terminal import STOPS
from kit.waiting import wait_until
from kit.x_client import XClient

PORT_SECONDS = 10.0
# Each has a port; the page's is reserved for the command that starts it.
SERVERS = {"x": "X", "aws": "AWS", "rekognition": "Rekognition", "page": "page"}


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Do not let a second Ctrl-C stop the cleaning up after the first one."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C reaches only the main thread
        return
    handlers = [signal.signal(number, signal.SIG_IGN) for number in STOPS]
    try:
        yield
    finally:
        for number, handler in zip(STOPS, handlers, strict=True):
            signal.signal(number, handler)


class OfflineSystem:
    """Starts the three emulators when made, and stops them when left.

    Args:
        region: the region that AWS plays.
        home: a folder that stays: the next start finds its state, ports and keys in it. Without
            one everything is in a temporary folder, which is deleted in the end.

    Attributes:
        aws: the emulated AWS.
        x: a client of the emulated X, to post with.
        x_url, rekognition_url: their addresses.
        ports: of the servers, by the names of SERVERS.
        keys: of this system; see `kit.keys`.
        folder: logs and state.
        children: what is stopped in the end; others may add theirs.
        saved: false, when what was done last could not be saved in the end.

    Raises:
        WorkshopError: a port of the last time is taken.
    """

    lock: IO[str] | None = None  # of a temporary folder
    saved = True

    def __init__(self, region: str = REGION, home: Path | None = None) -> None:
        self.children: list[ManagedProcess] = []
        self.persistent = home is not None
        if home is None:
            self.folder, self.lock = folders.make_temporary()
        else:
            self.folder = home
            private.make_folder(home)  # the emulated AWS saves the secret and parameters in it
        self.ports, self.keys = self._identity()
        self.x_url, aws_url, self.rekognition_url = (
            f"http://127.0.0.1:{self.ports[name]}" for name in ("x", "aws", "rekognition")
        )
        try:
            # X's search finds a post after 30 s; here at once, because nobody wants to wait.
            photos = str(self.folder / "photos")
            x_keys = select(self.keys, (*X_KEYS, TOKEN))
            self._x = self.start(
                "kit.emulators.x", x_keys, "--photos", photos, "--search-delay", "0"
            )
            account = select(self.keys, (*ACCOUNT, TOKEN))
            rekognition = {"AWS_ENDPOINT_URL_REKOGNITION": self.rekognition_url}
            self.aws = EmulatedAws(
                self.folder, account | rekognition, self.ports["aws"], region, self.persistent
            )
            self.children.append(self.aws.process)
            kept = ("--journal", str(self.folder / "comparisons.jsonl")) * self.persistent
            self._rekognition = self.start(
                "kit.emulators.rekognition", account | {"AWS_ENDPOINT_URL": aws_url}, *kept
            )
        except BaseException:
            self.stop()
            raise
        self.x = XClient(self.x_url, self.keys["TWITTER_CONSUMER_KEY"], self.keys["TWITTER_TOKEN"])

    def _identity(self) -> tuple[dict[str, int], dict[str, str]]:
        """Ports and keys: those of the last time, because the stack has them in it, or new ones."""
        file = self.folder / "identity.json"
        if not file.exists():
            ports = {name: free_port() for name in SERVERS}
            keys = new_keys()
            if self.persistent:
                folders.save_identity(self.folder, [ports, keys])
            return ports, keys
        ports, keys = json.loads(file.read_text())
        if missing := new_keys().keys() - keys.keys():  # a home of an older version
            keys |= select(new_keys(), missing)
            folders.save_identity(self.folder, [ports, keys])
        for name, port in ports.items():
            try:  # the servers of a run that was killed end soon after it
                wait_until(functools.partial(is_free, port), PORT_SECONDS, f"port {port}")
            except WorkshopError:
                raise WorkshopError(
                    f"Port {port} of offline {SERVERS[name]} is taken by another program. End "
                    "that one, or begin anew with other ports: start --fresh."
                ) from None
        return ports, keys

    def admin(self, server: str) -> AdminClient:
        """A client of what a server has below /_workshop/."""
        return AdminClient(f"http://127.0.0.1:{self.ports[server]}", self.keys[TOKEN])

    def rekognition_client(self) -> Any:
        """A boto3 client of Rekognition, of the account's owner."""
        return Aws(self.rekognition_url, self.aws.region, self.keys).client("rekognition")

    def start(self, module: str, environment: dict[str, str], *options: str) -> ManagedProcess:
        """Start a server as a child: python -m <module> --port <its port> <options>."""
        name = module.rpartition(".")[2]
        command = [sys.executable, "-m", module, "--port", str(self.ports[name]), *options]
        child = ManagedProcess(
            f"offline {SERVERS[name]}",
            command,
            minimal_environment(self.folder) | environment,
            self.folder / f"{name}.log",
        )
        self.children.append(child)
        return child

    def wait_until_ready(self) -> None:
        """Wait until all three answer."""
        self.aws.wait_until_ready()
        self._x.wait_until_ready(f"{self.x_url}/_workshop/ready")
        self._rekognition.wait_until_ready(f"{self.rekognition_url}/_workshop/ready")

    def parameters(self, email: str) -> dict[str, str]:
        """The parameters with which the stack finds the emulated X."""
        return offline_parameters(self.x_url, self.keys, email)

    def stop(self) -> None:
        """Stop all children, the last one first, and delete the temporary folder."""
        with uninterrupted():
            while self.children:
                self.saved &= self.children.pop().stop() != UNSAVED
            if self.lock:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.lock.close()

    def __enter__(self) -> OfflineSystem:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if not self.saved:
            raise WorkshopError(
                f"What was done last is lost: it could not be saved in {self.folder}, and "
                f"{self.aws.process.log} says why. What was saved before is kept. Make room, or "
                "give the folder back to yourself; then start again."
            )
