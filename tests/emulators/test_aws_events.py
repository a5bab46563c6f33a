"""The events of the emulated S3: whom it may invoke, and what Firehose's objects are called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulators.resources import allow, new_bucket, new_function, new_role, unique
from kit.emulators.system import OfflineSystem
from support import wait_until

NOTE_KEYS = """
import os

def lambda_handler(event, context):
    with open(os.environ["NOTES"], "a") as notes:
        for record in event["Records"]:
            notes.write(record["s3"]["object"]["key"] + "\\n")
"""


class Notes:
    """A function that notes the keys of a bucket's new objects, and S3's permission for it."""

    def __init__(self, system: OfflineSystem, file: Path) -> None:
        self.aws, self.file = system.aws, file
        self.functions, self.s3 = system.aws.client("lambda"), system.aws.client("s3")
        self.bucket = new_bucket(system.aws)
        variables = {"Variables": {"NOTES": str(file)}}
        function = new_function(system.aws, NOTE_KEYS, Environment=variables)
        self.name, self.arn = function["FunctionName"], function["FunctionArn"]
        self.permit()
        notification = {"LambdaFunctionArn": self.arn, "Events": ["s3:ObjectCreated:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket,
            NotificationConfiguration={"LambdaFunctionConfigurations": [notification]},
        )

    def permit(self, **changes: Any) -> None:
        """Let S3 invoke the function for the bucket."""
        permission = {
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceArn": f"arn:aws:s3:::{self.bucket}",
            "SourceAccount": self.arn.split(":")[4],
        } | changes
        self.functions.add_permission(FunctionName=self.name, StatementId="s3", **permission)

    def forbid(self) -> None:
        """Take that back."""
        self.functions.remove_permission(FunctionName=self.name, StatementId="s3")

    def wait_for_denial(self) -> None:
        """Wait until S3 was not allowed to invoke the function."""
        denial = {
            "who": "s3.amazonaws.com",
            "action": "lambda:InvokeFunction",
            "resource": self.arn,
        }
        wait_until(lambda: denial in self.aws.admin.get("refusals"))

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"x")

    def wait_for(self, key: str) -> list[str]:
        """Wait until a key is noted, and return all that are."""
        wait_until(lambda: self.file.exists() and key in self.file.read_text())
        return self.file.read_text().split()


@pytest.fixture
def notes(system: OfflineSystem, tmp_path: Path) -> Iterator[Notes]:
    made = Notes(system, tmp_path / "notes")
    yield made
    made.functions.delete_function(FunctionName=made.name)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"SourceArn": "arn:aws:s3:::another-bucket"},
        {"SourceAccount": "123456789012"},
        {"Principal": "sns.amazonaws.com"},
        {"Action": "lambda:GetFunction"},
    ],
)
def test_s3_invokes_a_function_only_with_the_permission_of_the_moment(
    notes: Notes, change: dict[str, str]
) -> None:
    notes.put("first")
    notes.wait_for("first")
    notes.forbid()
    if change:
        notes.permit(**change)
    notes.put("meanwhile")
    notes.wait_for_denial()
    if change:
        notes.forbid()
    notes.permit()
    notes.put("last")
    assert notes.wait_for("last") == ["first", "last"]


@pytest.fixture
def queue(system: OfflineSystem) -> str:
    """The URL of a queue that takes S3's events."""
    policy = allow(
        Principal={"Service": "s3.amazonaws.com"}, Action="sqs:SendMessage", Resource="*"
    )
    sqs = system.aws.client("sqs")
    answer = sqs.create_queue(QueueName=unique("queue"), Attributes={"Policy": policy})
    return str(answer["QueueUrl"])


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(0, "CompleteMultipartUpload"), (59, "CompleteMultipartUpload"), (60, "Put")],
)
def test_with_a_short_buffer_firehose_writes_with_multipart_upload(
    system: OfflineSystem, queue: str, seconds: int, name: str
) -> None:
    firehose, s3, sqs = (system.aws.client(service) for service in ("firehose", "s3", "sqs"))
    bucket, stream = new_bucket(system.aws), unique("stream")
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    notification = {"QueueArn": arn["Attributes"]["QueueArn"], "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [notification]}
    )
    firehose.create_delivery_stream(
        DeliveryStreamName=stream,
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "RoleARN": new_role(system.aws, "firehose", "s3:PutObject"),
            "BufferingHints": {"IntervalInSeconds": seconds, "SizeInMBs": 1},
        },
    )
    records = [{"Data": letter * (600 << 10)} for letter in (b"x", b"y")]  # more than the buffer
    firehose.put_record_batch(DeliveryStreamName=stream, Records=records)

    def created() -> list[Any]:
        messages = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        return [r for m in messages for r in json.loads(m["Body"]).get("Records", [])]

    (record,) = wait_until(created)
    assert record["eventName"] == f"ObjectCreated:{name}"
    stored = s3.get_object(Bucket=bucket, Key=record["s3"]["object"]["key"])["Body"].read()
    assert stored == b"".join(record["Data"] for record in records)


def test_without_hints_firehose_writes_at_five_megabytes(system: OfflineSystem) -> None:
    """Data Firehose API Reference, "BufferingHints": the defaults are 5 MB and 300 s."""
    firehose, s3 = (system.aws.client(service) for service in ("firehose", "s3"))
    bucket, stream = new_bucket(system.aws), unique("stream")
    firehose.create_delivery_stream(
        DeliveryStreamName=stream,
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "RoleARN": new_role(system.aws, "firehose", "s3:PutObject"),
        },
    )
    record = {"Data": b"x" * (1000 << 10)}  # five of them are not enough
    for count in (4, 1, 1):
        firehose.put_record_batch(DeliveryStreamName=stream, Records=[record] * count)
    (stored,) = wait_until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    assert stored["Size"] == 6 * len(record["Data"])


def test_a_batch_is_deleted_as_far_as_the_caller_may(system: OfflineSystem) -> None:
    aws, bucket, name = system.aws, new_bucket(system.aws), unique("role")
    arns = f"arn:aws:s3:::{bucket}/mine/*"
    trust = allow(Principal={"AWS": "*"}, Action="sts:AssumeRole")
    iam = aws.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = allow(Action="s3:DeleteObject", Resource=arns)
    iam.put_role_policy(RoleName=name, PolicyName="any", PolicyDocument=policy)
    session = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    s3 = boto3.client(
        "s3",
        endpoint_url=aws.url,
        region_name=aws.region,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    keys = ["theirs/1", "mine/1", "theirs/2", "mine/2"]
    for key in keys:
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")

    def delete(*keys: str) -> tuple[list[str], list[str]]:
        """The keys that are deleted, and those that are not, for lack of the permission."""
        batch = {"Objects": [{"Key": key} for key in keys]}
        answer = s3.delete_objects(Bucket=bucket, Delete=batch)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        errors = answer.get("Errors", [])
        assert all(error["Code"] == "AccessDenied" for error in errors)
        return [d["Key"] for d in answer.get("Deleted", [])], [error["Key"] for error in errors]

    assert delete(*keys) == (["mine/1", "mine/2"], ["theirs/1", "theirs/2"])
    assert delete("theirs/1") == ([], ["theirs/1"])
    left = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in left] == ["theirs/1", "theirs/2"]
    # A version needs another permission: s3:DeleteObjectVersion.
    versioning = {"Status": "Enabled"}
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
    version = aws.client("s3").put_object(Bucket=bucket, Key="mine/3", Body=b"x")["VersionId"]
    batch = {"Objects": [{"Key": "mine/3", "VersionId": version}]}
    (error,) = s3.delete_objects(Bucket=bucket, Delete=batch)["Errors"]
    assert (error["Key"], error["Code"]) == ("mine/3", "AccessDenied")
