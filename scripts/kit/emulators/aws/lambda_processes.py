"""The processes of Lambda functions: forks of one that has imported boto3 already.

A new Python that imports boto3 and reads the models of its services takes 0.4 s of a core before
the function's first line, and every deployment starts some. A fork takes a tenth of that.

In it a function finds what it finds in Lambda: a handler of `logging`, the standard library and
boto3, and nothing else of what is installed here. If its code cannot be loaded, the log has the
traceback; and the log's end is marked, so that nobody waits for lines that do not come.

AWS: Lambda Developer Guide, "Building Lambda functions with Python" and "Working with .zip file
archives for Python Lambda functions".

    python -m kit.emulators.aws.lambda_processes FD

runs the process that is forked; the socket FD leads to the emulated AWS, and ends it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import runpy
import select
import signal
import site
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

ACCOUNT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")  # of `kit.keys`, not imported here
SERVICES = ("dynamodb", "rekognition", "s3", "sns")  # those of the workshop's functions
LENGTH_BYTES, PID_BYTES = 8, 4
# Beside the standard library; boto3 needs the others.
PROVIDED = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
READY = '{"status": "ready"'  # begins what ministack's worker says when the code is loaded
END_MARK = "\0end of the invocation\n"
LOG_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(message)s"


# --- In the emulated AWS --------------------------------------------------------------------------


class ForkedProcess:
    """A function's process, with as much of subprocess.Popen as ministack uses.

    Args:
        script: the path of the program.
        folder: its working directory.
        environment: all of it.
    """

    def __init__(self, script: str, folder: str, environment: Mapping[str, str]) -> None:
        job = {"script": script, "folder": folder, "environment": dict(environment)}
        stdin, stdout, stderr, alive = (os.pipe() for _ in range(4))
        theirs = [stdin[0], stdout[1], stderr[1], alive[1]]
        try:
            self.pid = fork_server.fork(job, theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self.stdin = open(stdin[1], "w", buffering=1, encoding="utf-8")  # noqa: SIM115
        self.stdout = open(stdout[0], encoding="utf-8")  # noqa: SIM115
        self.stderr = open(stderr[0], encoding="utf-8", errors="replace")  # noqa: SIM115
        self._alive = open(alive[0], "rb", buffering=0)  # noqa: SIM115 - ends with the process
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """None as long as it runs."""
        if self.returncode is None and self._has_ended(0):
            self.returncode = 1  # it is the fork server's child, which does not tell
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, after `timeout` seconds.
        """
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired("a Lambda function", timeout or 0.0)
        return self.poll() or 0

    def _has_ended(self, seconds: float | None) -> bool:
        poll = select.poll()  # select() takes no descriptor above 1,023
        poll.register(self._alive, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    def terminate(self) -> None:
        """End it."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkServer:
    """The process that is forked; it starts with the first fork, and again if it was killed."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def fork(self, job: dict[str, Any], descriptors: list[int]) -> int:
        """Start a process and return its ID.

        Args:
            job: see `ForkedProcess`.
            descriptors: its standard input, output and error, and one that it only holds open.
        """
        with self._lock:
            try:
                return self._ask(job, descriptors)
            except OSError:
                self._socket = None
                return self._ask(job, descriptors)

    def _ask(self, job: dict[str, Any], descriptors: list[int]) -> int:
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            # A function must not find the account's own key, which is in our environment.
            variables = {n: v for n, v in os.environ.items() if n not in ACCOUNT}
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, env=variables, pass_fds=[theirs.fileno()]
            )
            theirs.close()
        body = json.dumps(job).encode()
        length = len(body).to_bytes(LENGTH_BYTES, "big")
        socket.send_fds(self._socket, [length], descriptors)
        self._socket.sendall(body)
        return int.from_bytes(receive(self._socket, PID_BYTES), "big")


fork_server = ForkServer()


def receive(connection: socket.socket, count: int) -> bytes:
    """So many bytes.

    Raises:
        EOFError: the other end is gone.
    """
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionResetError("the other end is gone")
        data += part
    return data


# --- In the process that is forked ----------------------------------------------------------------


def serve(connection: socket.socket) -> None:
    """Fork for each job, until the emulated AWS ends."""
    warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    while True:
        header, descriptors, _, _ = socket.recv_fds(connection, LENGTH_BYTES, 4)
        if not header:
            return
        header += receive(connection, LENGTH_BYTES - len(header))
        job = json.loads(receive(connection, int.from_bytes(header, "big")))
        pid = os.fork()
        if pid == 0:
            connection.close()
            become(job, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(pid.to_bytes(PID_BYTES, "big"))


def warm_up() -> None:
    """Import boto3, and read what it needs for a client of each service, once for all forks."""
    import boto3  # noqa: PLC0415 - not in the emulated AWS
    import botocore.session  # noqa: PLC0415

    create_loader = botocore.session.create_loader
    loader = create_loader()  # a new one looks into the folders of 400 services
    botocore.session.create_loader = lambda path=None: create_loader(path) if path else loader
    session = boto3.Session("none", "none", region_name="us-east-1")  # so none are looked for
    with_resource = session.get_available_resources()
    for service in SERVICES:
        create = session.resource if service in with_resource else session.client
        create(service)
        loader.load_service_model(service, "paginators-1")
    gc.freeze()  # else a fork's first collection would copy all of this


def become(job: dict[str, Any], descriptors: list[int]) -> None:
    """Turn into the process of a function; never return."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.set_inheritable(descriptors[3], False)
        os.environ.clear()
        os.environ.update(job["environment"])
        time.tzset()
        os.chdir(job["folder"])
        sys.argv = [job["script"]]
        sys.path[0] = os.path.dirname(job["script"])
        prepare()
        runpy.run_path(job["script"], run_name="__main__")
        status = 0
    except SystemExit:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


# --- In the process of a function -----------------------------------------------------------------


def prepare() -> None:
    """Make it look like Lambda: the level is WARNING there, too."""
    logging.basicConfig(stream=sys.stderr, format=LOG_FORMAT)
    for name in [name for name in sys.modules if name.partition(".")[0] == "kit"]:
        del sys.modules[name]
    ours = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    hidden = [*site.getsitepackages(), site.getusersitepackages(), *ours]
    sys.path[:] = [folder for folder in sys.path if folder not in hidden]
    sys.meta_path.append(Provided(hidden))
    sys.stdout = Answers()


class Provided:
    """Finds the packages of PROVIDED, and no others, in folders of this computer."""

    def __init__(self, folders: list[str]) -> None:
        self.folders = folders

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Where a package is; a function that brings its own takes that."""
        return PathFinder.find_spec(name, self.folders) if name in PROVIDED else None


class Answers:
    """Standard output, where the answers to ministack go: before each comes the log's end."""

    def __init__(self) -> None:
        self.answers, self.log = sys.stdout, sys.stderr
        self.loaded = False  # whether the code is

    def write(self, text: str) -> int:
        """Write an answer; what was printed while the code was loaded is the first invocation's."""
        if text.startswith(READY):
            self.loaded = True
            return self.answers.write(text)
        error = sys.exception()
        with contextlib.suppress(OSError, ValueError):  # the function has closed its log
            if error and not self.loaded:
                print_traceback(error, self.log)
                message = f"{type(error).__name__}: {error}"
                text = json.dumps({"status": "error", "error": message}) + "\n"
            self.log.write(END_MARK)
            self.log.flush()
        return self.answers.write(text)

    def flush(self) -> None:
        """Send it."""
        self.answers.flush()


def print_traceback(error: BaseException, log: Any) -> None:
    """Print where the function's own code failed, and not how Python came there."""
    place = error.__traceback__
    own = os.environ.get("LAMBDA_TASK_ROOT", "")
    while place and not place.tb_frame.f_code.co_filename.startswith(own):
        place = place.tb_next
    traceback.print_exception(type(error), error, place, file=log)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
