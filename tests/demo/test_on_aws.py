"""`demo --aws` against the emulated AWS, with the workflow's role: all of it, and what ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.commands.demo import on_aws
from kit.commands.demo.command import NAME
from kit.errors import WorkshopError
from kit.stack.inventory import left_over
from kit.stack.stack import Stack
from support import REPOSITORY, wait_until
from support.systems import BorrowedSystem
from support.terminal import running_workshop
from support.workshop import Faults

WORKSHOP = str(REPOSITORY / "scripts" / "workshop.py")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(system: BorrowedSystem, credentials: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start `demo --aws --yes`; in the end nothing of it is in the account, and no folder."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TWITTER_"))}
    variables |= running_workshop(system).environment() | credentials
    variables |= {"TMPDIR": str(tmp_path), "COLUMNS": "200", "WORKSHOP_FOLDER": f"{tmp_path}.kept"}
    started = []

    def run(*options: str, **more: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, WORKSHOP, "demo", "--aws", "--yes", *options],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=variables | more,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait until it has ended; return its exit code and all that it has printed."""
    out, err = process.communicate()
    return process.returncode, out + err


def in_order(text: str, lines: list[str]) -> None:
    """Each line is there, after the one before it."""
    position = 0
    for line in lines:
        assert line in text[position:], f"{line!r} is missing in:\n{text}"
        position = text.index(line, position)


def test_all_of_it(start: Start, system: BorrowedSystem) -> None:
    mails = len(system.aws.outbox())
    code, text = finish(start())
    assert code == 0, text
    in_order(
        text,
        [
            "account 000000000000, region eu-west-1, as arn:aws:sts::",
            "it takes about 15 minutes and costs about $0.01",
            "CREATE_COMPLETE StreamingInstance\n",
            f"CREATE_COMPLETE {NAME}\n",
            "the reference obama.jpg is uploaded",
            "With the exercise's starter",
            "posts 3, photos 3, sent 3, failed 0, skipped 0, unreadable 0",
            "→ RekognitionLambdaFunction: Photo images/3_3.jpg arrived",
            "With the solution",
            "obama2.jpg, of post 1",
            "→ RekognitionLambdaFunction → Rekognition: match",
            "% similar; SNS has taken the e-mail",
            "biden.jpg, of post 2",
            "→ RekognitionLambdaFunction → Rekognition: other person",
            "obama3.jpg, of post 3",
            "→ RekognitionLambdaFunction → Rekognition: match",
            "the same posts again are seen, not stored",
            "each photo was stored, compared and, if it matched, mailed once",
            "Clean up",
            f"DELETE_COMPLETE {NAME}\n",
            "it cost about $0.0",
            "left in the account: nothing",
            "The e-mails go nowhere: nobody has confirmed the subscription of learner@example.com",
            "in all: preflight",
        ],
    )
    confirmation = system.aws.outbox()[mails:]
    assert [mail["subject"] for mail in confirmation] == [
        "AWS Notification - Subscription Confirmation"
    ]
    assert left_over(system.aws, NAME) == []


def test_for_a_program(start: Start) -> None:
    process = start("--json")
    out, err = process.communicate()
    assert process.returncode == 0, err
    results = [json.loads(line) for line in out.splitlines()]
    assert [(result["tweet"], result["match"], result["reason"]) for result in results] == [
        ("obama2.jpg", True, None),
        ("biden.jpg", False, "other person"),
        ("obama3.jpg", True, None),
    ]
    for result in results:
        assert result.keys() == {"tweet", "match", "similarity", "seconds", "reason"}
        assert (result["similarity"] is not None) == result["match"]
        assert result["seconds"] > 0


def test_the_stack_is_kept_if_asked_for(start: Start, system: BorrowedSystem) -> None:
    code, text = finish(start("--keep"))
    assert code == 0, text
    command = f"aws cloudformation delete-stack --stack-name {NAME} --region {system.aws.region}"
    in_order(text, ["the stack stays, for $0.018 an hour, until you type:", command])
    assert "Clean up" not in text
    code, text = finish(start())
    assert (code, "There is a stack called" in text) == (2, True)
    Stack(system.aws, NAME).delete()


@pytest.mark.linux
@pytest.mark.parametrize(
    ("stage", "numbers"),
    [
        ("Rekognition is open", [signal.SIGINT]),
        ("CREATE_COMPLETE", [signal.SIGINT]),
        ("CREATE_COMPLETE TwitterBucket", [signal.SIGTERM]),
        ("is launched", [signal.SIGINT, signal.SIGINT]),  # pressed twice
        ("arrived", [signal.SIGINT]),
        ("With the solution", [signal.SIGHUP]),
        ("Rekognition: match", [signal.SIGINT]),
    ],
)
def test_ctrl_c_at_any_stage_leaves_nothing(
    start: Start, system: BorrowedSystem, stage: str, numbers: list[signal.Signals]
) -> None:
    process = start()
    assert process.stdout
    text = ""
    for line in process.stdout:
        text += line
        if stage in line:
            break
    else:
        pytest.fail(f"the demo never came to {stage!r}")
    for number in numbers:
        process.send_signal(number)
    code, rest = finish(process)
    assert code == 130, text + rest
    if "CREATE" in text:
        assert "left in the account: nothing" in rest, text + rest
    assert "Traceback" not in rest
    assert not Stack(system.aws, NAME).exists()
    assert left_over(system.aws, NAME) == []


def test_ctrl_c_during_the_deletion_leaves_the_rest_to_aws(
    start: Start, system: BorrowedSystem
) -> None:
    process = start()
    assert process.stdout
    for line in process.stdout:
        if "Clean up" in line:
            break
    process.send_signal(signal.SIGINT)
    code, rest = finish(process)
    if code:  # it was not over yet
        assert code == 130, rest
        assert f"aws cloudformation describe-stacks --stack-name {NAME}" in rest
    wait_until(lambda: not Stack(system.aws, NAME).exists())
    assert left_over(system.aws, NAME) == []


def test_a_launch_that_fails_leaves_nothing(
    start: Start, system: BorrowedSystem, faults: Faults
) -> None:
    bucket = f"{NAME}-rekognition-000000000000-{system.aws.region}"
    s3, place = system.aws.client("s3"), {"LocationConstraint": system.aws.region}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    faults.aws("s3", "GetBucket", code="AccessDenied", status=403, times=1)  # ListBuckets
    code, text = finish(start(WORKSHOP_PATIENCE="0.1"))
    assert code == 1, text
    in_order(
        text,
        [
            "not looked at (AccessDenied): no stack is called",
            f"CREATE_FAILED {NAME}: Validation failed",
            f"DELETE_COMPLETE {NAME}\n",
            f"left in the account: {bucket}",
            "Error: The stack was not created: RekognitionBucket: ",
            f"This is left of it, and may cost something: {bucket}",
        ],
    )
    assert not Stack(system.aws, NAME).exists()
    s3.delete_bucket(Bucket=bucket)
    assert left_over(system.aws, NAME) == []


def test_a_photo_that_gets_lost_leaves_nothing_but_its_log(
    start: Start, system: BorrowedSystem, faults: Faults, tmp_path: Path
) -> None:
    faults.aws("dynamodb", "PutItem", code="ValidationException", status=400)
    code, text = finish(start(WORKSHOP_PATIENCE="0.1"))
    assert code == 1, text
    in_order(text, ["it failed; what the functions printed is in", "left in the account: nothing"])
    assert "the photo at this stage: → TwitterLambdaFunction → S3 and DynamoDB" in text
    log = Path(f"{tmp_path}.kept") / "logs" / "TwitterLambdaLogs.log"
    assert "Photo 3_1 failed" in log.read_text()
    assert left_over(system.aws, NAME) == []


@pytest.mark.unit
def test_a_streamer_that_does_not_end_in_time_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(on_aws, "STREAMER_SECONDS", 0.01)
    with pytest.raises(WorkshopError, match=r"has not sent the sample posts in 0\.01 seconds"):
        on_aws.stream("", "nobody-s", "eu-west-1")
