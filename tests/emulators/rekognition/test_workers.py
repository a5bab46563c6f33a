"""The worker processes: what they import, and how they end."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from emulators.rekognition.harness import Server, error_of, stored
from support import end_of, wait_until
from support.processes import alive, children_of


@pytest.mark.linux
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "parent"])
def test_nothing_is_left_running(tmp_path: Path, photos: dict[str, bytes], end: str) -> None:
    server = Server(tmp_path, processes=1)
    client = server.client()
    # Without an offline AWS: bytes work, and S3 is never asked (it would be the real one).
    found = client.detect_faces(Image={"Bytes": photos["landscape.jpg"]})
    assert found["FaceDetails"] == []
    code, _ = error_of(client, "detect_faces", Image=stored("obama.jpg"))
    assert code == "InvalidS3ObjectException"
    children = children_of(server.process.pid)
    assert len(children) >= 1
    if end == "parent":
        assert server.process.stdin
        server.process.stdin.close()  # what the system does when the parent dies
        server.process.stdin = None
    else:
        server.process.send_signal(signal.Signals[end])
    end_of(server.process)
    wait_until(lambda: not alive(children))
    assert server.stop() == ""


@pytest.mark.linux
def test_a_worker_that_breaks_is_replaced(tmp_path: Path, photos: dict[str, bytes]) -> None:
    server = Server(tmp_path, processes=1)
    client = server.client(attempts=2)
    for child in children_of(server.process.pid):
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
    found = client.detect_faces(Image={"Bytes": photos["obama.jpg"]})
    assert found["ResponseMetadata"]["RetryAttempts"] == 1
    assert len(found["FaceDetails"]) == 1
    assert "a worker was replaced" in server.stop()


def test_server_and_worker_import_nothing_of_each_other(tmp_path: Path) -> None:
    server = Server(tmp_path, processes=1, PYTHONPROFILEIMPORTTIME="1")  # Python says its imports
    imported = Counter(line.rpartition("|")[2].strip() for line in server.stop().splitlines())
    assert imported["kit.emulators.rekognition.comparison"] == 2  # by both
    workers = ("faces", "numpy", "dlib")
    servers = ("app", "botocore.auth", "uvicorn", "click")
    for name in (*workers, *servers):
        assert imported[name] + imported[f"kit.emulators.rekognition.{name}"] == 1, name
