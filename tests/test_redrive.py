"""`workshop.py redrive`: what failed is tried again, once, and nothing else is touched."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from kit import running
from kit.commands.redrive import redrive
from kit.stack.code import SOLUTION
from kit.stack.failure_queue import read_message
from kit.stack.stack import EMAIL, Stack
from support import REPOSITORY, aws_cli, s3_event, wait_until
from support.photos import Photos
from support.systems import BorrowedSystem
from support.terminal import running_workshop


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: every caller of Rekognition meets the faults."""
    return own_system


pytestmark = pytest.mark.usefixtures("terminal", "no_other_workshop")


@pytest.fixture
def no_other_workshop(tmp_path: Path) -> Iterator[None]:
    with mock.patch.multiple(running, FOLDER=tmp_path, FILE=tmp_path / "running.json"):
        yield


@pytest.fixture(scope="module")
def photos(stack: Stack, pictures: dict[str, Path]) -> Photos:
    """The stack with the solution and a reference."""
    stack.replace_code("RekognitionLambdaFunction", SOLUTION.read_text())
    bucket = Photos(stack)
    bucket.put_reference(pictures["obama.jpg"].read_bytes())
    return bucket


@pytest.fixture
def queue(stack: Stack) -> Iterator[Callable[[], int]]:
    """Say how many messages are in the failure queue and visible to all; empty it in the end."""
    sqs, url = stack.aws.client("sqs"), stack.resource("FailureQueue")

    def messages() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        assert answer[names[1]] == "0"
        return int(answer[names[0]])

    yield messages
    sqs.purge_queue(QueueUrl=url)


@pytest.fixture
def put(stack: Stack) -> Callable[[Any], None]:
    """Put a message into the failure queue."""
    sqs, url = stack.aws.client("sqs"), stack.resource("FailureQueue")

    def send(body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        sqs.send_message(QueueUrl=url, MessageBody=text)

    return send


def type_redrive(*options: str) -> Result:
    return CliRunner().invoke(redrive, options)


def record(function: str, payload: Any) -> dict[str, Any]:
    """A record as AWS writes it, with the version after the function's name."""
    arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{function}:$LATEST"
    return {
        "version": "1.0",
        "timestamp": "2026-11-22T10:00:00.000Z",
        "requestContext": {"functionArn": arn, "condition": "RetriesExhausted"},
        "requestPayload": payload,
        "responsePayload": {"errorMessage": "it was not its day", "errorType": "RuntimeError"},
    }


def test_an_empty_queue_is_fine(stack: Stack, queue: Callable[[], int]) -> None:
    result = type_redrive("--stack", stack.name)
    assert result.exit_code == 0, result.output
    assert result.output == f"0 events of {stack.name} sent again, 0 messages left in the queue.\n"


def test_what_failed_is_processed_once(
    system: BorrowedSystem,
    stack: Stack,
    photos: Photos,
    pictures: dict[str, Path],
    queue: Callable[[], int],
) -> None:
    fault = {"code": "ThrottlingException", "times": 1000}
    system.admin("rekognition").post("faults", fault)
    photos.stack.aws.client("lambda").update_function_configuration(
        FunctionName=stack.resource("RekognitionLambdaFunction"), Timeout=3
    )  # else boto3's own retries take a minute
    media_key = photos.put(pictures["obama2.jpg"].read_bytes())
    wait_until(queue, 60)
    system.admin("rekognition").delete("faults")
    result = type_redrive("--stack", stack.name)
    assert result.exit_code == 0, result.output
    sent = f"✓ sent again RekognitionLambdaFunction: images/{media_key}.jpg; it had failed:"
    assert result.output.startswith(sent), result.output
    assert f"1 event of {stack.name} sent again, 0 messages left in the queue." in result.output
    assert queue() == 0
    assert photos.outcome(media_key) == "match"
    wait_until(lambda: photos.mails(media_key))
    assert type_redrive("--stack", stack.name).exit_code == 0
    photos.invoke(media_key, 1)
    wait_until(lambda: f"{media_key}.jpg: compared before" in photos.log())
    assert len(photos.mails(media_key)) == 1


def test_poison_stays_in_the_queue_and_is_named(
    stack: Stack,
    photos: Photos,
    pictures: dict[str, Path],
    queue: Callable[[], int],
    put: Callable[[Any], None],
) -> None:
    name = stack.resource("RekognitionLambdaFunction")
    event = s3_event(photos.bucket, "images/3_1.jpg")
    poison = [
        "hello",
        "[[[" * 5000,
        "17",
        "null",
        {},
        {"requestContext": None},
        {"requestContext": {"functionArn": 1}, "requestPayload": event},
        {"requestContext": {"functionArn": name}, "requestPayload": event},
        record(name, {}),
        record(name, {"Records": []}),
        record(name, {"Records": [{"s3": {"bucket": {"name": "x"}}}]}),
        record(name, None),
    ]
    for body in poison:
        put(body)
    put(record("somebody-else-s\x1b[2J", event))
    media_key = photos.put(pictures["obama3.jpg"].read_bytes())
    assert photos.outcome(media_key) == "match"
    put(record(name, s3_event(photos.bucket, f"images/{media_key}.jpg")))
    result = type_redrive("--stack", stack.name)
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert result.output.count("it is not Lambda's record of a failed S3 event") == len(poison)
    assert r"somebody-else-s\x1b[2J, is none of this stack" in result.output
    assert (
        f"1 event of {stack.name} sent again, {len(poison) + 1} messages left in the queue."
        in result.output
    )
    assert queue() == len(poison) + 1


def test_what_lambda_does_not_accept_stays(
    system: BorrowedSystem, pictures: dict[str, Path], put: Callable[[Any], None]
) -> None:
    own = Stack.launch(system.aws, system.parameters(EMAIL))
    name = own.resource("TwitterLambdaFunction")
    body = json.dumps(record(name, s3_event("any", "one", "two", "three")))
    sqs, url = system.aws.client("sqs"), own.resource("FailureQueue")
    sqs.send_message(QueueUrl=url, MessageBody=body)
    system.aws.client("lambda").delete_function(FunctionName=name)
    result = type_redrive("--stack", own.name)
    assert result.exit_code == 1
    assert "Lambda did not accept it: An error occurred (ResourceNotFound" in result.output
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    result = type_redrive("--stack", own.name)
    assert result.exit_code == 1
    assert "Somebody else has just looked at 1 message" in result.output
    own.delete()


def test_a_record_says_what_it_is_about() -> None:
    names = {"f": "TwitterLambdaFunction"}
    failed = read_message(json.dumps(record("f", s3_event("b", "one", "two", "three"))), names)
    assert str(failed) == (
        "TwitterLambdaFunction: one and 2 more objects; it had failed: it was not its day"
    )
    body = record("f", s3_event("b", "x" * 1000)) | {"responsePayload": None}
    text = str(read_message(json.dumps(body), names))
    assert text.endswith("…; it had failed: no reason given")
    assert len(text) < 200


def test_the_stack_is_found_or_a_sentence_says_what_to_do(
    system: BorrowedSystem, stack: Stack
) -> None:
    other = Stack.launch(system.aws, system.parameters(EMAIL))
    result = type_redrive()
    assert result.exit_code == 2
    assert "There are several stacks: name one with --stack (" in result.output
    assert stack.name in result.output
    assert other.name in result.output
    result = type_redrive("--stack", "nobody")
    assert (result.exit_code, "called nobody in eu-west-1" in result.output) == (2, True)
    other.delete()
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-west-2"}):
        result = type_redrive()
    assert result.exit_code == 2
    assert "There is no stack of this workshop in us-west-2" in result.output


def test_no_aws_is_one_sentence() -> None:
    with mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}):
        result = type_redrive()
    assert result.exit_code == 1
    assert "Offline AWS does not answer (Could not connect" in result.output


def test_the_running_workshop_is_found(system: BorrowedSystem, stack: Stack) -> None:
    running_workshop(system).save()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with mock.patch.dict(os.environ, inherited, clear=True):
        result = type_redrive("--stack", stack.name)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Using the queue of the running offline workshop.")


def test_by_hand_it_takes_the_three_commands_of_the_text(
    stack: Stack,
    photos: Photos,
    pictures: dict[str, Path],
    tmp_path: Path,
    put: Callable[..., None],
) -> None:
    media_key = photos.put(pictures["obama2.jpg"].read_bytes())
    assert photos.outcome(media_key) == "match"
    photos.forget(media_key)
    function = stack.resource("RekognitionLambdaFunction")
    event = s3_event(stack.resource("RekognitionBucket"), f"images/{media_key}.jpg")
    put(record(function, event))
    text = (REPOSITORY / "scripts" / "README.md").read_text()
    receive, invoke, delete = re.findall(r"(?m)^aws (?:sqs|lambda) .*$", text)

    def type_it(command: str) -> Any:
        """With the installed CLI, which is version 1: so the queue's need the address."""
        words = shlex.split(command)
        if words[1] == "sqs":
            assert 'add `--endpoint-url "$AWS_ENDPOINT_URL"` to the `aws sqs` commands' in text
            words += ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
        program = [str(aws_cli.program()), *words[1:]]
        done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else {}

    queue = stack.resource("FailureQueue")
    (message,) = type_it(receive.replace("FAILURE_QUEUE_URL", queue))["Messages"]
    body = json.loads(message["Body"])
    (tmp_path / "payload.json").write_text(json.dumps(body["requestPayload"]))
    arn = body["requestContext"]["functionArn"]
    assert type_it(invoke.replace("FUNCTION_ARN", arn))["StatusCode"] == 202
    delete = delete.replace("FAILURE_QUEUE_URL", queue)
    type_it(delete.replace("RECEIPT_HANDLE", shlex.quote(message["ReceiptHandle"])))
    wait_until(lambda: photos.outcome(media_key) == "match")
