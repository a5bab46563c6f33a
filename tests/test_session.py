"""The workshop that stays: start, env, connect and tweet, typed in a terminal as a learner does."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kit.admin_client import AdminClient
from kit.commands import start
from kit.emulators.system import OfflineSystem
from kit.keys import TOKEN, new_keys
from kit.running import Running
from kit.stack.stack import Stack
from kit.stack.template import TEMPLATE, compact_body
from support import end_of, wait_until
from support.terminal import COMMAND, Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(tmp_path) as opened:
        yield opened


@pytest.fixture
def photo(pictures: dict[str, Path]) -> Callable[[str], str]:
    return lambda name: str(pictures[f"{name}.jpg"])


def keys(terminal: Terminal, bucket: str) -> list[str]:
    s3 = terminal.client("s3")
    names = [b["Name"] for b in s3.list_buckets()["Buckets"] if f"-{bucket}-" in b["Name"]]
    return [o["Key"] for o in s3.list_objects_v2(Bucket=names[0]).get("Contents", [])]


def test_the_steps_are_the_learner_s_and_survive_a_restart(
    terminal: Terminal, photo: Callable[[str], str]
) -> None:
    said = terminal.start()
    assert "aws cloudformation create-stack --stack-name celebrityrek" in said
    cloudformation = terminal.client("cloudformation")
    assert cloudformation.describe_stacks()["Stacks"] == []  # launching is the learner's step
    no_instance = terminal.type("connect", "true")
    assert (no_instance.returncode, "launch the stack first" in no_instance.stderr) == (2, True)

    parameters = json.loads((terminal.home / "parameters.json").read_text())
    cloudformation.create_stack(
        StackName="celebrityrek",
        TemplateBody=compact_body(TEMPLATE.read_text()),
        Parameters=parameters,
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="celebrityrek", WaiterConfig={"Delay": 1}
    )
    wait_until(lambda: "The instance of celebrityrek has booted." in terminal.printed())
    listed = terminal.type("connect", "ls", "-1")
    files = ["firehose_producer.py", "sample_posts.jsonl"]
    files += ["twitter_streaming.json", "twitter_streaming.py"]
    assert listed.stdout.split() == files

    streamer = subprocess.Popen(
        [*COMMAND, "connect", "python", "twitter_streaming.py"],
        env=terminal.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert streamer.stdout
    assert "from:learner has:images" in streamer.stdout.readline()
    posted = terminal.type("tweet", photo("obama"), photo("biden"), "--text", "hello")
    assert posted.returncode == 0
    assert posted.stdout.startswith("Posted 2 photo(s) on X: post ")
    wait_until(lambda: len(keys(terminal, "rekognition")) == 2)
    streamer.terminate()
    assert end_of(streamer) == 0
    before = keys(terminal, "rekognition"), keys(terminal, "twitter")
    assert terminal.stop() == 0
    assert not (terminal.home / "running.json").exists()

    terminal.start()
    assert (keys(terminal, "rekognition"), keys(terminal, "twitter")) == before
    stacks = terminal.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
    terminal.client("cloudformation").delete_stack(StackName="celebrityrek")
    wait_until(lambda: not list((terminal.home / "home").glob("i-*")))
    terminal.stop()

    terminal.start("--fresh")
    assert terminal.client("s3").list_buckets()["Buckets"] == []
    terminal.stop()


def test_a_stack_that_is_gone_in_the_middle_does_not_end_the_workshop(
    system: OfflineSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workshop = start.Session(system, Console(file=io.StringIO()))
    calls = 0

    def find(*_: Any) -> Stack:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise KeyboardInterrupt
        return Stack(system.aws, "gone")

    monkeypatch.setattr(system, "children", [])  # streamers of other tests have ended
    monkeypatch.setattr(Stack, "find", find)
    monkeypatch.setattr(start, "FILE", tmp_path / "running.json")
    monkeypatch.setattr(workshop, "announce", lambda: None)
    monkeypatch.setattr(workshop, "start_page", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        workshop.run(1)
    assert calls == 3


def test_env_tells_a_second_terminal_where_the_workshop_is(terminal: Terminal) -> None:
    said = terminal.start()
    printed = terminal.type("env").stdout.splitlines()
    lines = [line for line in printed if not line.startswith("unset ")]
    assert 'eval "$(python scripts/workshop.py env)"' in said.splitlines()
    assert not any(line in said for line in lines)  # the keys are not for everybody to see
    second = {
        "PATH": os.environ["PATH"],
        "WORKSHOP_FOLDER": terminal.environment["WORKSHOP_FOLDER"],
    }
    buckets = "import boto3; print(boto3.client('s3').list_buckets()['Buckets'])"
    done = subprocess.run(
        ["sh", "-c", 'eval "$("$@" env)"; exec "$1" -c "$CODE"', "sh", *COMMAND],
        env=second | {"CODE": buckets},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
    assert "TWITTER_CONSUMER" not in "".join(lines)  # the keys are the instance's
    terminal.stop()


@pytest.mark.unit
def test_values_are_quoted_for_the_shell() -> None:
    workshop = Running("eu-west-1", "http://127.0.0.1:1/a b'$(c)", "x", "r", "p", new_keys())
    script = f'{workshop.export_lines()}\nprintf %s "$AWS_ENDPOINT_URL"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == workshop.aws_url


def test_who_comes_late_catches_up(terminal: Terminal, photo: Callable[[str], str]) -> None:
    said = terminal.start("--at", "11")
    for step in (3, 4, 5, 6, 8, 10):
        assert f"Step {step} is done." in said
    assert "Step 11" not in said
    assert len(keys(terminal, "rekognition")) == 2  # one photo, and celebrity.jpg
    variables = terminal.environment
    admin = AdminClient(variables["AWS_ENDPOINT_URL"], variables[TOKEN])
    assert len(admin.get("outbox")) == 1  # the confirmation
    terminal.type("tweet", photo("obama2"))
    mails = wait_until(lambda: admin.get("outbox")[1:])
    assert "Possible match" in mails[0]["subject"]
    # X is killed: the workshop ends, says so, and goes on at the next start.
    assert terminal.process
    subprocess.run(
        ["pkill", "-KILL", "-P", str(terminal.process.pid), "-f", "kit.emulators.x "], check=True
    )
    assert end_of(terminal.process) == 1
    assert "offline X has ended." in terminal.printed()
    assert "Start the workshop again" in terminal.printed()
    terminal.start("--at", "11")
    terminal.type("tweet", photo("obama3"))
    wait_until(lambda: len(admin.get("outbox")) > len(mails) + 1)
    terminal.stop()


def test_two_workshops_do_not_fit_into_one_folder(terminal: Terminal) -> None:
    terminal.start()
    second = terminal.type("start")
    assert second.returncode == 1
    assert "runs already, in another terminal" in second.stderr
    fresh = terminal.type("start", "--fresh")
    assert fresh.returncode == 1
    assert (terminal.home / "home" / "identity.json").exists()
    assert terminal.type("connect").returncode == 2  # it still finds the first one
    assert terminal.stop() == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["tweet", "{photo}"], "No workshop is running. Start one"),
        (["connect"], "No workshop is running. Start one"),
        (["env"], "No workshop is running. Start one"),
        (["tweet"], "Missing argument"),
        (["tweet", "missing.jpg"], "does not exist"),
        (["tweet", *["{photo}"] * 5], "at most 4 photos"),
        (["start", "--at", "99"], "is not in the range"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    terminal: Terminal, photo: Callable[[str], str], command: list[str], sentence: str
) -> None:
    done = terminal.type(*[word.format(photo=photo("obama")) for word in command])
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
