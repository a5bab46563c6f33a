"""The page's server: what it refuses, what it sends along, and how it is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from kit.page.services import Services
from kit.page.watcher import Watcher
from kit.processes import SCRIPTS, ManagedProcess, free_port
from kit.running import Running
from page.harness import MIB, PageWorkshop
from security.pictures import png_bomb
from support import wait_until


def test_what_is_too_large_is_refused(workshop: PageWorkshop) -> None:
    answer = workshop.session.post(
        f"{workshop.url}/photos", data=b"\xff\xd8\xff" + bytes(50 * MIB), timeout=60
    )
    assert answer.status_code == 413
    assert "larger than 32 MB" in answer.json()["error"]

    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(MIB)

    try:  # without a Content-Length
        answer = workshop.session.post(f"{workshop.url}/photos", data=chunks(), timeout=60)
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # it hung up in the middle, which is as good
    answer = workshop.session.post(
        f"{workshop.url}/reference", data=b"\xff\xd8\xff" + bytes(16 * MIB), timeout=60
    )
    assert answer.status_code == 413
    answer = workshop.session.post(f"{workshop.url}/posts", data=b"{" + bytes(MIB), timeout=60)
    assert answer.status_code == 413


def test_what_is_no_photo_is_refused(workshop: PageWorkshop) -> None:
    for path in ("photos", "reference"):
        answer = workshop.session.post(
            f"{workshop.url}/{path}", data=b"<html>hello</html>", timeout=60
        )
        assert answer.status_code == 415
        assert "not a photo" in answer.json()["error"]
    bodies: tuple[Any, ...] = (
        {"text": "x", "photos": [{"sample": "../../etc/passwd"}]},
        {"text": "x", "photos": [{"sample": "/etc/passwd"}]},
        {"text": "x", "photos": [{"id": "../1"}]},
        {"text": "x", "photos": ["obama.jpg"]},
        {"text": "x", "photos": [{}] * 5},
        {"text": 1, "photos": []},
        {"text": " ", "photos": []},
        {"text": "x" * 281, "photos": []},
        [],
    )
    for body in bodies:
        answer = workshop.session.post(f"{workshop.url}/posts", json=body, timeout=60)
        assert 400 <= answer.status_code < 500, (body, answer.status_code)
        assert answer.json()["error"]
    for path in (
        "/samples/..%2f..%2fpyproject.toml",
        "/..%2fapp.py",
        "/photos/..%2f1",
        "/stages/x",
    ):
        assert workshop.session.get(workshop.url + path, timeout=60).status_code == 404
    answer = workshop.session.post(f"{workshop.url}/reference?sample=../x", timeout=60)
    assert answer.status_code == 404


def test_json_without_an_end_to_its_depth_is_refused(workshop: PageWorkshop) -> None:
    answer = workshop.session.post(f"{workshop.url}/posts", data="[" * 5_000, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (400, "The request is not understood.")


def test_what_x_refuses_is_said_in_its_words(workshop: PageWorkshop) -> None:
    answer = workshop.session.post(
        f"{workshop.url}/photos", data=png_bomb(50_000, 50_000), timeout=60
    )
    sentence = "X refused the photo: The picture has too many pixels."
    assert (answer.status_code, answer.json()["error"]) == (400, sentence)


def test_half_an_emoji_is_posted_as_an_unknown_character(workshop: PageWorkshop) -> None:
    body = '{"text": "half \\ud83d and whole \\ud83d\\ude00", "photos": []}'
    answer = workshop.session.post(f"{workshop.url}/posts", data=body, timeout=60)
    assert answer.status_code == 201
    identity = answer.json()["id"]
    wait_until(lambda: identity in workshop.watcher.state.posts.by_id)
    newest = workshop.watcher.state.posts.by_id[identity]
    assert newest["text"] == "half \ufffd and whole \U0001f600"


@pytest.mark.parametrize(
    "path",
    [
        *("/posts", "/photos", "/reference?sample=obama.jpg"),
        *("/queue/redrive", "/data/RekognitionBucket/upload?key=from-elsewhere"),
    ],
)
def test_another_site_cannot_post(workshop: PageWorkshop, path: str) -> None:
    body = json.dumps({"text": "from elsewhere", "photos": []})
    before = workshop.system.admin("x").get("stats")
    host = urlsplit(workshop.url).netloc
    for headers, status in (
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{host}.evil.example"}, 403),
        ({"Origin": workshop.url, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
    ):
        answer = workshop.session.post(workshop.url + path, data=body, headers=headers, timeout=60)
        assert answer.status_code == status, headers
    after = workshop.system.admin("x").get("stats")
    assert after["posts"] == before["posts"]
    assert (
        workshop.session.get(workshop.url, headers={"Host": "evil.example"}, timeout=60).status_code
        == 421
    )


def test_headers_keep_other_sites_out(workshop: PageWorkshop) -> None:
    headers = workshop.session.get(workshop.url, timeout=60).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_files_have_the_types_that_browsers_want(workshop: PageWorkshop) -> None:
    for path, kind in {
        "/": "text/html",
        "/page.js": "text/javascript",
        "/constants.js": "text/javascript",
        "/base.css": "text/css",
    }.items():
        answer = workshop.session.get(workshop.url + path, timeout=60)
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("version", ["-1", "x", "%C2%B2", "9" * 5000])
def test_a_version_that_is_none_counts_as_the_first(workshop: PageWorkshop, version: str) -> None:
    run = workshop.watcher.run
    answer = workshop.session.get(f"{workshop.url}/state?run={run}&version={version}", timeout=60)
    assert answer.status_code == 200
    assert answer.json()["run"] == run


def test_a_state_is_told_only_when_a_round_has_ended(workshop: PageWorkshop) -> None:
    """A change in the middle would come with the version that the end of the round has."""
    watcher = Watcher(Services(workshop.running))
    workshop.system.x.post("In the middle of a round")
    watcher.poll()
    before = watcher.changes("", 0)
    identity = before["posts"][-1]["id"]
    watcher.state.posts.touch(post := watcher.state.posts.by_id[identity])
    post["text"] = "changed"
    assert watcher.changes("", 0) == before
    assert watcher.changes(watcher.run, before["version"])["posts"] == []
    watcher.poll()
    (changed,) = watcher.changes(watcher.run, before["version"])["posts"]
    assert (changed["text"], changed["v"]) == ("changed", before["version"] + 1)


def test_services_that_do_not_answer(workshop: PageWorkshop) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    lost = Running("eu-west-1", nowhere, nowhere, nowhere, nowhere, workshop.running.keys)
    watcher = Watcher(Services(lost))
    watcher.poll()
    stages = watcher.changes("", 0)["stages"]
    assert stages["X"]["error"] == "The offline X does not answer."
    assert stages["StreamingInstance"]["error"] == "The offline AWS does not answer."


def test_it_is_started_as_a_child(workshop: PageWorkshop, tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "WORKSHOP_FOLDER": str(tmp_path)}
    command = [sys.executable, "-m", "kit.page", "--port", str(port)]
    alone = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert alone.returncode == 1
    assert b"No offline workshop is running" in alone.stderr
    (tmp_path / "running.json").write_text(json.dumps(workshop.running.__dict__))
    child = ManagedProcess("the page", command, environment, tmp_path / "page.log")
    try:
        child.wait_until_ready(f"http://127.0.0.1:{port}/_workshop/ready")
        assert child.process.stdin
        child.process.stdin.close()  # what happens when the parent is gone
        assert wait_until(lambda: not child.running)
    finally:
        child.stop()
