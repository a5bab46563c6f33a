"""One emulator alone, as a child process."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from kit.admin_client import AdminClient
from kit.keys import TOKEN
from kit.processes import ManagedProcess, free_port, minimal_environment
from support import end_of


class Emulator:
    """An emulator that is ready to answer.

    Args:
        name: x or rekognition.
        folder: for its log, and for what it writes.
        options: of its command.
        environment: more of it.

    Attributes:
        process: that serves; it leads a group of its own.
        admin: asks what it has below /_workshop/.
    """

    def __init__(
        self, name: str, folder: Path, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", f"kit.emulators.{name}", "--port", str(port), *options]
        token = secrets.token_urlsafe()
        self.admin = AdminClient(self.url, token)
        variables = minimal_environment(folder) | {TOKEN: token} | dict(environment or {})
        self.log = folder / f"{name}-{port}.log"
        child = ManagedProcess(f"offline {name}", command, variables, self.log)
        child.wait_until_ready(f"{self.url}/_workshop/ready")
        self.process = child.process

    def stop(self) -> str:
        """End it, unless it has ended; return all that it printed."""
        self.process.terminate()
        end_of(self.process)
        if self.process.stdin:
            self.process.stdin.close()
        return self.log.read_text()
