"""Who may do what in the emulated AWS: the roles' policies count."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from kit.aws_client import Aws
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.keys import TOKEN
from kit.stack.stack import Stack
from support import remove_statement, wait_until


def on_the_instance(system: OfflineSystem, stack: Stack, program: str) -> str:
    """Run a Python program as it would run on the instance, with the instance's role."""
    root = instance.boot(system.folder, stack)
    environment = instance.environment(system.aws.url, system.x_url, system.keys[TOKEN], root)
    environment["AWS_DEFAULT_REGION"] = system.aws.region
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=root / instance.WORKSHOP,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_python_finds_the_template_s_files_on_the_instance_and_none_of_ours(
    system: OfflineSystem, stack: Stack
) -> None:
    folder = system.folder / stack.resource(instance.LOGICAL_ID) / instance.WORKSHOP
    program = "import firehose_producer; print(firehose_producer.__file__); import kit"
    first, *_, last = on_the_instance(system, stack, program).splitlines()
    assert Path(first) == folder / "firehose_producer.py"
    assert last == "ModuleNotFoundError: No module named 'kit'"


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


@contextlib.contextmanager
def without(stack: Stack, role: str, *sids: str) -> Iterator[None]:
    """Statements of a role's policy are gone meanwhile."""
    iam, name = stack.aws.client("iam"), stack.resource(role)
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    for sid in sids:
        remove_statement(stack, role, sid)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def send_photo(system: OfflineSystem, stack: Stack, photo: bytes) -> str:
    """Send the line of a photo to Firehose; return its media key."""
    media_id = system.x.upload(photo)
    system.x.post("x", [media_id])
    media_key = f"3_{media_id}"
    posts = system.admin("x").get("posts")
    url = next(m["url"] for post in posts for m in post["media"] if m["media_key"] == media_key)
    system.aws.client("firehose").put_record_batch(
        DeliveryStreamName=stack.resource("DeliveryStream"),
        Records=[{"Data": json.dumps({"media_key": media_key, "url": url}).encode()}],
    )
    return media_key


def bodies(stack: Stack) -> str:
    """All that Firehose has delivered."""
    s3, bucket = stack.aws.client("s3"), stack.resource("TwitterBucket")
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return "".join(
        s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode() for entry in found
    )


def photos(stack: Stack) -> str:
    """The keys of all photos that are stored."""
    answer = stack.aws.client("s3").list_objects_v2(Bucket=stack.resource("RekognitionBucket"))
    return "\n".join(entry["Key"] for entry in answer.get("Contents", []))


def failures(stack: Stack) -> list[Any]:
    """Take what is in the failure queue."""
    queue, url = stack.aws.client("sqs"), stack.resource("FailureQueue")
    found = queue.receive_message(QueueUrl=url).get("Messages", [])
    for message in found:
        queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return list(found)


def has_failed(stack: Stack, media_key: str) -> bool:
    """Whether one of the events in the failure queue was that of a photo."""
    s3 = stack.aws.client("s3")
    for message in failures(stack):
        for record in json.loads(message["Body"])["requestPayload"]["Records"]:
            place = record["s3"]
            bucket, key = place["bucket"]["name"], unquote_plus(place["object"]["key"])
            if media_key in s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode():
                return True
    return False


def was_refused(stack: Stack, role: str, action: str) -> bool:
    """Whether an action was refused to a role."""
    assert isinstance(stack.aws, Aws)
    refusals = stack.aws.admin.get("refusals")
    name = stack.resource(role)
    return any(f"/{name}/" in r["who"] and r["action"] == action for r in refusals)


@pytest.mark.parametrize("sid", ["ReadPosts", "StoreMetadata", "StorePhotos"])
def test_what_its_role_does_not_allow_a_function_cannot_do(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path], sid: str
) -> None:
    with without(stack, "TwitterLambdaRole", sid):
        media_key = send_photo(system, stack, pictures["obama.jpg"].read_bytes())
        wait_until(lambda: has_failed(stack, media_key))
    assert "not authorized" in "".join(stack.log_lines("TwitterLambdaLogs"))
    assert media_key not in photos(stack)


def test_a_failure_is_reported_only_if_the_role_may(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    with without(stack, "TwitterLambdaRole", "ReadPosts", "ReportFailures"):
        send_photo(system, stack, pictures["obama.jpg"].read_bytes())
        wait_until(lambda: was_refused(stack, "TwitterLambdaRole", "sqs:SendMessage"))
    assert failures(stack) == []


def test_a_log_is_written_only_if_the_role_may(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    with without(stack, "TwitterLambdaRole", "WriteLogs"):
        media_key = send_photo(system, stack, pictures["obama.jpg"].read_bytes())
        wait_until(lambda: media_key in photos(stack))
        wait_until(lambda: was_refused(stack, "TwitterLambdaRole", "logs:CreateLogStream"))
    assert media_key not in "".join(stack.log_lines("TwitterLambdaLogs"))


def test_firehose_delivers_only_if_its_role_may(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    with without(stack, "DeliveryStreamRole", "WritePosts"):
        media_key = send_photo(system, stack, pictures["obama.jpg"].read_bytes())
        wait_until(lambda: was_refused(stack, "DeliveryStreamRole", "s3:PutObject"))
    assert media_key not in bodies(stack)


def test_what_the_emulated_rekognition_may_ask(system: OfflineSystem, stack: Stack) -> None:
    question = {"action": "rekognition:CompareFaces", "resource": "*"}
    ours = system.keys["AWS_ACCESS_KEY_ID"]
    answers = {
        key: system.admin("aws").get("authorize", access_key=key, **question)
        for key in (ours, "test", "", "000000000000", "ASIAUNKNOWN")
    }
    assert answers.pop(ours) == {"allowed": True}
    assert {answer["allowed"] for answer in answers.values()} == {False}
