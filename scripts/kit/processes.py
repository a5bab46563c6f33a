"""Child processes: start them, wait until they answer, and leave none behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from kit.errors import WorkshopError
from kit.waiting import patience, wait_until

SCRIPTS = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 5.0
UNSAVED = 3  # the exit code of a child, when what was done last could not be saved
claims: list[socket.socket] = []  # of the ports that were given out


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses, and that no other process is given meanwhile.

    It is below those that the system itself gives to outgoing connections, so that none of these
    takes it before we do.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        if sys.platform == "linux":
            # Bound as long as we run, so that another process finds it taken. With this option a
            # server can listen there all the same; on macOS it could not.
            claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            claims.append(claim)
        else:
            claim.close()
        return port


def is_free(port: int) -> bool:
    """Whether nobody listens on a TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def exit_with_parent() -> None:
    """End this process and all it started when its parent is gone, even if that was killed.

    The parent holds the other end of our standard input open. When the parent ends, however it
    ends, the system closes that pipe and the read below returns.
    """
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return

    def wait_for_end_of_input() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        if os.getpgrp() == os.getpid():  # `ManagedProcess` made us the leader of a group
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=wait_for_end_of_input, daemon=True).start()


def minimal_environment(folder: Path) -> dict[str, str]:
    """The environment of every child: no proxy, no AWS profile and no key of the learner's.

    What belongs to Python itself stays, and temporary files go into `folder`, which is deleted
    in the end.
    """
    keep = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_CONFIG")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    return environment | {
        "PYTHONPATH": str(SCRIPTS),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "NO_PROXY": "*",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "OPENBLAS_NUM_THREADS": "1",  # threads of numpy, which it starts for nothing
    }


def open_private(path: str, flags: int) -> int:
    """Open a file, for its owner alone if it is new."""
    return os.open(path, flags, 0o600)


class ManagedProcess:
    """One child process with a log file of its own.

    Args:
        name: what messages call it, such as "offline AWS".
        command: program and arguments.
        environment: the whole environment, see `minimal_environment`.
        log: the file its output goes to.
        folder: its working directory.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        log: Path,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command, self._environment, self._folder = command, dict(environment), folder
        self.start()

    def start(self) -> None:
        """Start it; also once more, after it has ended."""
        with open(self.log, "ab", opener=open_private) as output:
            # A session of its own: Ctrl-C reaches only workshop.py, which then stops the children
            # in order, and the whole group can be killed with what it started itself.
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder or SCRIPTS,
                umask=0o077,  # what it writes is for its owner alone
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def wait_until_ready(self, url: str, seconds: float = 60.0) -> None:
        """Wait until `url` answers with 200.

        Raises:
            WorkshopError: it ended or did not answer in time.
        """
        what = f"an answer of {self.name} (its log: {self.log})"
        wait_until(lambda: self.answers(url), seconds, what)

    def answers(self, url: str) -> bool:
        """Whether `url` answers with 200.

        Raises:
            WorkshopError: the process has ended.
        """
        if not self.running:
            raise WorkshopError(
                f"{self.name} ended while it was starting (exit code {self.process.returncode}). "
                f"Its log says why: {self.log}"
            )
        # Imported here, because it takes longer than all else, and a process that has a parent and
        # starts none also imports this file.
        import urllib.request  # noqa: PLC0415

        with (
            contextlib.suppress(OSError),  # of which urllib's own errors are kinds
            urllib.request.urlopen(url, timeout=2) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def stop(self) -> int:
        """Stop the process and all it started; return its exit code."""
        if self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_SECONDS * patience())
        self._signal(signal.SIGKILL)
        if self.process.stdin:
            self.process.stdin.close()
        return self.process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
