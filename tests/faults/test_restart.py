"""The workshop that stays is stopped, or killed, in the middle: what is on its way goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.harness import MATCH, Harness
from faults.ledger import MAILED
from support import wait_until
from support.systems import fresh_system


def stop(harness: Harness) -> None:
    harness.stop_streamer()
    harness.system.stop()


def kill(harness: Harness) -> None:
    """kill -9 of everything; offline AWS saves every 5 s."""
    time.sleep(6)
    for child in harness.system.children:
        os.killpg(child.process.pid, signal.SIGKILL)
    for child in harness.system.children:
        child.process.wait()
    for journal in ("aws/workshop.jsonl", "photos/journal.jsonl"):
        with (harness.system.folder / journal).open("a") as file:
            file.write('\n{"cut off": ')


@pytest.mark.parametrize("end", [stop, kill])
def test_what_is_on_its_way_goes_on_after_a_restart(
    tmp_path: Path, end: Callable[[Harness], None]
) -> None:
    with fresh_system(tmp_path / "home") as system:
        harness = Harness(system)
        harness.faults.rekognition("InternalServerError", times=1000)
        photo = harness.post(MATCH)
        images = {"Bucket": harness.stack.resource("RekognitionBucket"), "Prefix": "images/"}
        wait_until(lambda: harness.client("s3").list_objects_v2(**images).get("Contents"))
        end(harness)
    with fresh_system(tmp_path / "home") as system:
        harness.ledger.wait_until_settled([photo], 60)
        assert (photo.state, photo.mails) == (MAILED, 1)
        assert harness.streamer not in system.children
