"""kill -9."""

from __future__ import annotations

import os
import signal
import time

from faults.harness import Harness
from faults.table.registry import Faults
from support.processes import children_of

fault = Faults()


@fault("kill -9: the functions' processes")
def _(harness: Harness, number: int) -> None:
    harness.faults.x(kind="photo", name="*", delay=2, times=1)
    harness.post_many(number)
    time.sleep(1.5)  # the photo is being downloaded
    for pid in children_of(harness.system.aws.process.process.pid):
        os.kill(pid, signal.SIGKILL)
    harness.post_many(number)


@fault("kill -9: a process that compares")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    child = next(c for c in harness.system.children if c.name == "offline Rekognition")
    for pid in children_of(child.process.pid):
        os.kill(pid, signal.SIGKILL)
    harness.post_many(number)


def kill_emulator(harness: Harness, name: str) -> None:
    """kill -9 an emulator and all that it has started, and start it again in the same place."""
    system = harness.system
    child = next(c for c in system.children if c.name == name)
    os.killpg(child.process.pid, signal.SIGKILL)
    child.start()
    system.wait_until_ready()


@fault("kill -9: the face endpoint")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    kill_emulator(harness, "offline Rekognition")
    harness.post_many(number)


@fault("kill -9: X")
def _(harness: Harness, number: int) -> None:
    connected = harness.said().count("Connected to X")
    harness.post_many(number)
    kill_emulator(harness, "offline X")
    harness.post_many(number)
    harness.wait_for_log("Connected to X", connected + 1)
