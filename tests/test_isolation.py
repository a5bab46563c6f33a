"""A run of the tests that is killed leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import isolation
from support import REPOSITORY, wait_until
from support.processes import alive

RUN = """
import subprocess, sys
import isolation
command = [sys.executable, "-c", "import time; time.sleep(600)"]
left = subprocess.Popen(command, start_new_session=True)
print(isolation.FOLDER, left.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.linux
def test_what_a_killed_run_has_started_is_killed(tmp_path: Path) -> None:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "tests"), str(REPOSITORY / "scripts")]),
        "TMPDIR": str(tmp_path),
    }
    del environment[isolation.NAME]
    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout
        folder, pid = run.stdout.readline().split()
        assert Path(folder).parent == tmp_path
        assert alive([int(pid)])
        run.kill()
    wait_until(lambda: not alive([int(pid)]))
    wait_until(lambda: not Path(folder).exists())
