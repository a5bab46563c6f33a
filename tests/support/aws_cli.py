"""The installed AWS CLI, loaded once for all the commands that the tests type.

It computes for half a second until it has loaded itself. So what is on the PATH as `aws` is a small
program that hands its arguments, environment, folder and open files to a process which has loaded
the CLI, and forks for each command.
"""

from __future__ import annotations

import functools
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

CLIENT = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    request = json.dumps([sys.argv[2:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(server, [b"%8d" % len(request)], [0, 1, 2])
    server.sendall(request)
    sys.exit((server.recv(1) or b"\\xff")[0])  # 255: it died
"""


def path() -> str:
    """A PATH on which `aws` is the loaded one, before the programs beside Python and all others."""
    folders = [str(program().parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    return os.pathsep.join(folders)


@functools.cache
def program() -> Path:
    """The loaded `aws`."""
    folder = Path(tempfile.mkdtemp(prefix="aws-"))
    address = folder / "socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    subprocess.Popen(
        [sys.executable, "-P", __file__, str(listener.fileno())],  # no module of ours is in its way
        env=os.environ | {"PYTHONPATH": "", "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,  # it ends with us, and not by Ctrl-C
        start_new_session=True,
        pass_fds=[listener.fileno()],
    )
    command = [sys.executable, "-I", "-S", str(folder / "client.py"), str(address)]
    (folder / "client.py").write_text(CLIENT)
    aws = folder / "aws"
    aws.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    aws.chmod(0o755)
    return aws


def serve(listener: socket.socket) -> None:
    """Load the CLI, and run each command that comes in a process of its own."""
    from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]  # noqa: PLC0415

    create_clidriver()
    from botocore import waiter  # noqa: PLC0415 - the CLI's own, which it has put before ours

    assert "awscli" in waiter.__file__
    waiter.time = SimpleNamespace(sleep=lambda _: time.sleep(0.1))  # it would ask every 30 s
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    while listener in select.select([listener, sys.stdin], [], [])[0]:  # our parent writes nothing
        connection, _ = listener.accept()
        if os.fork() == 0:
            run(connection)
        connection.close()


def run(connection: socket.socket) -> None:
    """Become the command, tell its exit code, and end."""
    from awscli.clidriver import main  # noqa: PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, files, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as stream:
        arguments, environment, folder = json.loads(stream.read(int(size)))
    for number, file in enumerate(files):
        os.dup2(file, number)
    own = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}  # which it has set as it was loaded
    os.environ.clear()
    os.environ |= environment | own
    os.chdir(folder)
    sys.argv = ["aws", *arguments]
    try:
        code = main()
    except SystemExit as end:  # of `aws --version`
        code = end.code or 0
    sys.stdout.flush()
    connection.sendall(bytes([code]))
    os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
