"""The workshop keeps what a learner made, whatever ends it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.aws_client import Aws
from kit.emulators import folders
from kit.running import Running
from kit.stack.stack import STACK_NAME, Stack
from kit.stack.template import TEMPLATE, compact_body
from support import end_of, wait_until
from support.terminal import COMMAND, Terminal

MY_PHOTO = b"my own reference"
MY_CODE = "def lambda_handler(event, context):\n    return 'my own code'\n"
ITEM = {"media_key": {"S": "3_1"}, "text": {"S": "mine"}}


class Learner(Terminal):
    """A learner whose terminal may be closed."""

    terminal: int | None = None

    def open_terminal(self, *options: str) -> None:
        """Start the workshop in a terminal of its own."""
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, "start", "--no-browser", *options],
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        printed = b""
        while b"The workshop runs." not in printed:
            printed += os.read(self.terminal, 10_000)

    def aws(self) -> Aws:
        """A client of the workshop that runs now."""
        running = Running(**json.loads((self.home / "running.json").read_text()))
        return running.aws()

    def stack(self) -> Stack:
        """The learner's stack."""
        found = Stack.find(self.aws(), "StreamingInstance")
        assert found
        return found

    def pid_of(self, server: str) -> int:
        """The process of an emulator."""
        assert self.process
        listed = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", f"kit.emulators.{server}"],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(listed.stdout.split()[0])


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    with Learner(tmp_path) as opened:
        yield opened


def work_of(learner: Learner) -> dict[str, Any]:
    """What the learner has made."""
    aws, stack = learner.aws(), learner.stack()
    function = stack.resource("RekognitionLambdaFunction")
    configuration = aws.client("lambda").get_function(FunctionName=function)["Configuration"]
    return {
        "stack": stack.name,
        "reference": stack.reference(),
        "code": configuration["CodeSha256"],
        "items": aws.client("dynamodb").scan(TableName=stack.resource("PostsTable"))["Items"],
        "mails": aws.outbox(),
        "instance": learner.type("connect", "cat", "mine.txt").stdout,
    }


def do_work(learner: Learner) -> None:
    """Make something of each kind, in the learner's own way."""
    aws, stack = learner.aws(), learner.stack()
    stack.upload_reference(MY_PHOTO)
    stack.replace_code("RekognitionLambdaFunction", MY_CODE)
    aws.client("dynamodb").put_item(TableName=stack.resource("PostsTable"), Item=ITEM)
    topic = stack.resource("MatchTopic")
    aws.client("sns").publish(TopicArn=topic, Subject="mine", Message="[bold]my mail")
    learner.environment["TERM"] = "vt100"
    assert learner.type("connect", "sh", "-c", "echo mine > mine.txt").returncode == 0
    assert learner.type("connect", "sh", "-c", "echo $TERM").stdout == "vt100\n"


def saved(learner: Learner) -> None:
    """Wait until the state holds the learner's work."""
    state = learner.home / "home" / folders.STATE
    wait_until(lambda: state.exists() and '"3_1"' in state.read_text())


def signal_start(number: int) -> Callable[[Learner], int]:
    def end(learner: Learner) -> int:
        assert learner.process
        if number == signal.SIGKILL:
            saved(learner)
        learner.process.send_signal(number)
        return end_of(learner.process)

    return end


def close_terminal(learner: Learner) -> int:
    assert learner.process
    assert learner.terminal
    os.close(learner.terminal)
    learner.process.send_signal(signal.SIGHUP)  # as its shell does
    return end_of(learner.process)


def kill_server(server: str) -> Callable[[Learner], int]:
    def end(learner: Learner) -> int:
        assert learner.process
        saved(learner)
        os.kill(learner.pid_of(server), signal.SIGKILL)
        return end_of(learner.process)

    return end


ENDS: dict[str, tuple[Callable[[Learner], int], int]] = {
    "closed terminal": (close_terminal, 0),
    "SIGTERM": (signal_start(signal.SIGTERM), 0),
    "SIGHUP": (signal_start(signal.SIGHUP), 0),
    "SIGKILL": (signal_start(signal.SIGKILL), -signal.SIGKILL),
    "SIGKILL of AWS": (kill_server("aws"), 1),
}


@pytest.mark.slow
def test_what_the_learner_made_is_kept_whatever_ends_the_workshop(learner: Learner) -> None:
    learner.open_terminal("--at", "5")
    do_work(learner)
    work = work_of(learner)
    assert (work["reference"], work["items"], len(work["mails"])) == (MY_PHOTO, [ITEM], 2)
    assert work["instance"] == "mine\n"
    for name, (end, code) in ENDS.items():
        assert end(learner) == code, name
        assert learner.type("mail").returncode == 2, name  # "No workshop is running"
        learner.start()
        assert work_of(learner) == work, name
    # A learner who joins a later step keeps what they did in their own way, and is told so.
    learner.stop()
    said = learner.start("--at", "11")
    assert "Step 8 is done. Your own celebrity.jpg stays." in said
    assert "Step 10 is done. Your own code stays in RekognitionLambdaFunction" in said
    after = work_of(learner)
    assert (after["reference"], after["code"]) == (work["reference"], work["code"])
    learner.stop()


def begin_launch(learner: Learner, name: str) -> None:
    """Begin to launch a stack, and do not wait for it."""
    learner.aws().client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=compact_body(TEMPLATE.read_text()),
        Parameters=json.loads((learner.home / "parameters.json").read_text()),
        Capabilities=["CAPABILITY_IAM"],
    )


@pytest.mark.slow
def test_a_launch_that_was_killed_in_the_middle_is_not_in_the_way(learner: Learner) -> None:
    learner.start()
    begin_launch(learner, STACK_NAME)
    s3 = learner.aws().client("s3")
    (bucket, *_) = wait_until(lambda: s3.list_buckets()["Buckets"])
    s3.put_object(Bucket=bucket["Name"], Key="me.jpg", Body=MY_PHOTO)
    assert signal_start_now(learner) == -signal.SIGKILL
    # And the state is damaged as well, as when the computer goes down.
    state = learner.home / "home" / folders.STATE
    state.write_bytes(state.read_bytes()[:100])
    said = learner.start("--at", "4")
    assert "state.json cannot be read: the one before it is used." in said
    assert "Step 3 is done." in said
    assert learner.stack().name == STACK_NAME
    aside = learner.home / "home" / "aws" / "aside"
    assert [file.read_bytes() for file in aside.rglob("me.jpg")] == [MY_PHOTO]
    learner.stop()


def signal_start_now(learner: Learner) -> int:
    """kill -9, whatever is saved."""
    assert learner.process
    learner.process.kill()
    return end_of(learner.process)


def start_and_kill_at(learner: Learner, step: int) -> None:
    """Let the workshop do steps, and kill it when one of them is done."""
    with learner.log.open("wb") as log:
        command = [*COMMAND, "start", "--at", "11"]
        learner.process = subprocess.Popen(command, env=learner.environment, stdout=log, stderr=log)
    wait_until(lambda: f"Step {step} is done." in learner.printed(), 120)
    assert signal_start_now(learner) == -signal.SIGKILL


@pytest.mark.slow
def test_killed_in_the_middle_of_the_steps_it_can_be_started_again(learner: Learner) -> None:
    for step in (3, 6, 10):  # launched, streaming, written
        start_and_kill_at(learner, step)
    said = learner.start("--at", "11")
    for step in (3, 4, 5, 6, 8, 10):
        assert f"Step {step} is done." in said
    assert "cannot be read" not in said
    stacks = learner.aws().client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
    learner.stop()
