"""Who may do what in the emulated AWS: the roles' policies count."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.stack.stack import EMAIL, Stack
from support import remove_statement, wait_until


def on_the_instance(system: OfflineSystem, stack: Stack, program: str) -> str:
    """Run a Python program as it would run on the instance, with the instance's role."""
    root = instance.boot(system.folder, stack)
    environment = instance.environment(system.aws.url, system.x_url, root)
    environment["AWS_DEFAULT_REGION"] = system.aws.region
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_instance_may_do_what_the_streamer_does_and_no_more(
    system: OfflineSystem, stack: Stack
) -> None:
    secret, stream = stack.resource("TwitterKeys"), stack.resource("DeliveryStream")
    bucket = stack.resource("TwitterBucket")
    system.aws.client("secretsmanager").create_secret(Name="somebody-else-s", SecretString="x")
    program = f"""
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
calls = {{
    "own secret": lambda: boto3.client("secretsmanager").get_secret_value(SecretId={secret!r}),
    "send": lambda: boto3.client("firehose").put_record_batch(
        DeliveryStreamName={stream!r}, Records=[{{"Data": b"x"}}]),
    "other secret": lambda: boto3.client("secretsmanager").get_secret_value(
        SecretId="somebody-else-s"),
    "read bucket": lambda: boto3.client("s3").list_objects_v2(Bucket={bucket!r}),
    "parameter": lambda: boto3.client("ssm").get_parameter(Name="x"),
}}
for name, call in calls.items():
    try:
        call()
        print(name, "yes")
    except Exception as error:
        print(name, "denied" if "AccessDenied" in str(error) else error)
"""
    output = on_the_instance(system, stack, program)
    assert stack.resource("StreamingInstanceRole") in output
    assert stack.resource("StreamingInstance") in output
    assert "own secret yes" in output
    assert "send yes" in output
    for denied in ("other secret", "read bucket", "parameter"):
        assert f"{denied} denied" in output, output


@pytest.fixture
def own_stack(system: OfflineSystem) -> Iterator[Stack]:
    """A stack to break."""
    launched = Stack.launch(system.aws, system.parameters(EMAIL))
    yield launched
    launched.delete()


def send_photo(system: OfflineSystem, stack: Stack, photo: bytes) -> None:
    media_id = system.x.upload(photo)
    system.x.post("x", [media_id])
    post = requests.get(f"{system.x_url}/_workshop/posts", timeout=5).json()[0]
    line = {"media_key": f"3_{media_id}", "url": post["media"][0]["url"]}
    system.aws.client("firehose").put_record_batch(
        DeliveryStreamName=stack.resource("DeliveryStream"),
        Records=[{"Data": json.dumps(line).encode()}],
    )


def objects(stack: Stack, bucket: str) -> list[Any]:
    answer = stack.aws.client("s3").list_objects_v2(Bucket=stack.resource(bucket))
    return list(answer.get("Contents", []))


def failures(stack: Stack) -> list[Any]:
    queue = stack.aws.client("sqs")
    answer = queue.receive_message(QueueUrl=stack.resource("FailureQueue"))
    return list(answer.get("Messages", []))


@pytest.mark.parametrize("sid", ["ReadPosts", "StoreMetadata", "StorePhotos"])
def test_what_its_role_does_not_allow_a_function_cannot_do(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path], sid: str
) -> None:
    remove_statement(own_stack, "TwitterLambdaRole", sid)
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    assert wait_until(lambda: failures(own_stack))
    assert "not authorized" in "".join(own_stack.log_lines("TwitterLambdaLogs"))
    assert objects(own_stack, "RekognitionBucket") == []


def test_a_failure_is_reported_only_if_the_role_may(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path]
) -> None:
    remove_statement(own_stack, "TwitterLambdaRole", "ReadPosts")
    remove_statement(own_stack, "TwitterLambdaRole", "ReportFailures")
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    wait_until(lambda: "".join(own_stack.log_lines("TwitterLambdaLogs")).count("REPORT") == 3)
    time.sleep(0.3)
    assert failures(own_stack) == []


def test_a_log_is_written_only_if_the_role_may(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path]
) -> None:
    remove_statement(own_stack, "TwitterLambdaRole", "WriteLogs")
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    wait_until(lambda: objects(own_stack, "RekognitionBucket"))
    assert own_stack.log_lines("TwitterLambdaLogs") == []


def test_firehose_delivers_only_if_its_role_may(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path]
) -> None:
    remove_statement(own_stack, "DeliveryStreamRole", "WritePosts")
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    time.sleep(1)
    assert objects(own_stack, "TwitterBucket") == []


def test_what_the_emulated_rekognition_may_ask(system: OfflineSystem, stack: Stack) -> None:
    url = f"{system.aws.url}/_workshop/authorize"
    question = {"action": "rekognition:CompareFaces", "resource": "*"}
    answers = {
        key: requests.get(url, params={"access_key": key, **question}, timeout=5).json()
        for key in ("test", "ASIAUNKNOWN")
    }
    assert answers["test"] == {"allowed": True}
    assert answers["ASIAUNKNOWN"]["allowed"] is False
