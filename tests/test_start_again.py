"""The page lets the session start again at a step, as a presenter does between two rooms."""

from __future__ import annotations

import json
from pathlib import Path

import requests

from support import wait_until
from support.terminal import Terminal


def test_the_page_starts_again_at_a_step(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.environment["WORKSHOP_EXERCISE"] = str(tmp_path / "index.py")
        said = terminal.start("--at", "6")
        address = next(word for word in said.split() if "?token=" in word)
        page = requests.Session()
        assert page.get(address).status_code == 200
        running = json.loads((terminal.home / "running.json").read_text())
        again = f"{running['page_url']}/steps/again"
        for wrong in (0, 12, "6", None, True):
            assert page.post(again, json={"step": wrong}).status_code == 400
        cloudformation, s3 = terminal.client("cloudformation"), terminal.client("s3")
        (before,) = cloudformation.describe_stacks()["Stacks"]

        assert page.post(again, json={"step": 7}).status_code == 200
        wait_until(lambda: "Step 6 is done." in terminal.printed())

        (now,) = cloudformation.describe_stacks()["Stacks"]
        assert now["StackId"] != before["StackId"]
        assert now["StackName"] == before["StackName"] == "celebrityrek"
        (bucket,) = [
            one["Name"] for one in s3.list_buckets()["Buckets"] if "-rekognition-" in one["Name"]
        ]
        objects = s3.list_objects_v2(Bucket=bucket, Prefix="images/")
        assert objects["KeyCount"] == 1  # the stack is new, and only its own post is in it
        assert terminal.stop() == 0
