"""The sample posts: what is recorded, and their way through the stack without an account on X."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit import samples
from kit.emulators import instance
from kit.keys import TOKEN
from kit.stack.stack import Stack
from kit.stack.template import load_template, parameter_default
from support import wait_until
from support.systems import BorrowedSystem

FILE = "sample_posts.jsonl"
COMMIT = "2e2dccea9dd0ce730c8d464d0f67c6eebb40c9d1"
PREFIX = f"https://raw.githubusercontent.com/ageitgey/face_recognition/{COMMIT}/tests/test_images/"
SENT = "posts 3, photos 3, sent 3, failed 0, skipped 0, unreadable 0\n"


@pytest.mark.unit
def test_they_are_recorded_as_the_stream_of_x_sends_them() -> None:
    init = load_template()["Resources"]["StreamingInstance"]["Metadata"]
    files = init["AWS::CloudFormation::Init"]["config"]["files"]
    (content,) = (file["content"] for path, file in files.items() if path.endswith(FILE))
    *lines, end = content["Fn::Join"][1]
    posts = [json.loads(line["Fn::Sub"]) for line in lines]
    assert end == ""
    urls = [post["includes"]["media"][0]["url"] for post in posts]
    names = (samples.MATCH, samples.OTHER_PERSON, samples.ANOTHER_MATCH)
    assert urls == [f"${{SampleUrlPrefix}}{name}" for name in names]
    for post in posts:
        (media,), (user,) = post["includes"]["media"], post["includes"]["users"]
        assert media["type"] == "photo"
        assert post["data"]["attachments"] == {"media_keys": [media["media_key"]]}
        assert (post["data"]["author_id"], user["username"]) == (user["id"], "learner")
        assert re.fullmatch(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", post["data"]["created_at"])
    assert len({post["data"]["id"] for post in posts}) == len(posts)
    assert parameter_default("SampleUrlPrefix") == PREFIX


@pytest.fixture(scope="module")
def stack(system: BorrowedSystem) -> Any:
    """A stack without keys."""
    parameters = system.parameters("learner@example.com")
    launched = Stack.launch(
        system.aws, {n: v for n, v in parameters.items() if not n.startswith("Twitter")}
    )
    yield launched
    launched.delete()


@pytest.fixture(scope="module")
def run(
    system: BorrowedSystem, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Type `python twitter_streaming.py` on the instance."""
    root = instance.boot(tmp_path_factory.mktemp("instance"), stack)
    environment = instance.environment(system.aws.url, system.x_url, system.keys[TOKEN], root)

    def run_streamer(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "twitter_streaming.py", *arguments],
            cwd=root / instance.WORKSHOP,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run_streamer


def test_without_keys_the_streamer_says_how_to_go_on(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run()
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"update the stack with your keys, or run this with --replay {FILE}." in done.stderr


def test_tmux_on_the_instance_is_its_own(system: BorrowedSystem, tmp_path: Path) -> None:
    """The learner's tmux has an environment that leads to the real AWS."""
    environment = instance.environment(system.aws.url, system.x_url, system.keys[TOKEN], tmp_path)
    assert environment["TMUX_TMPDIR"] == str(tmp_path)


def test_they_arrive_once_however_often_they_are_replayed(
    run: Callable[..., subprocess.CompletedProcess[str]], stack: Stack, pictures: dict[str, Path]
) -> None:
    s3, bucket = stack.aws.client("s3"), stack.resource("RekognitionBucket")

    def replay(times: int) -> list[Any]:
        done = run("--replay", FILE)
        assert (done.returncode, done.stdout) == (0, SENT)
        said = "'stored': 3" if times == 1 else "'seen': 3"
        wait_until(lambda: any(said in line for line in stack.log_lines("TwitterLambdaLogs")))
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="images/")["Contents"]
        return [(one["Key"], one["LastModified"], one["ETag"]) for one in listed]

    before = replay(1)
    stored = {s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key, *_ in before}
    names = (samples.MATCH, samples.OTHER_PERSON, samples.ANOTHER_MATCH)
    assert stored == {pictures[name].read_bytes() for name in names}
    assert replay(2) == before
