"""BucketEmptierFunction: what it answers to CloudFormation, and which buckets it deletes."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.request import Request

import pytest
from botocore.exceptions import ClientError

from kit.stack.template import code_of
from lambdas.account import Account

ANSWER = {
    "StackId": "a stack",
    "RequestId": "a request",
    "LogicalResourceId": "BucketEmptier",
    "PhysicalResourceId": "BucketEmptier",
    "Status": "SUCCESS",
}


class CloudFormation:
    """Asks the emptier as CloudFormation does, and reads its answer."""

    def __init__(self, account: Account) -> None:
        self.answers: list[Request] = []
        self.names = account.load(code_of("BucketEmptierFunction"), "BucketEmptierFunction")
        self.names["urlopen"] = self.answers.append
        self.handler = self.names["lambda_handler"]
        self.events = self.names["s3"].meta.client.meta.events  # of boto3

    def ask(self, request_type: str, *buckets: str) -> dict[str, Any]:
        event = {name: ANSWER[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
        event |= {"RequestType": request_type, "ResponseURL": "https://answers.example/?signed"}
        self.handler(event | {"ResourceProperties": {"Buckets": list(buckets)}}, None)
        (request,) = self.answers
        assert (request.get_method(), request.full_url) == ("PUT", event["ResponseURL"])
        assert dict(request.header_items()) == {"Content-type": ""}
        assert isinstance(request.data, bytes)
        answer: dict[str, Any] = json.loads(request.data)
        return answer


@pytest.fixture
def cloudformation(account: Account) -> CloudFormation:
    return CloudFormation(account)


@pytest.fixture
def bucket(account: Account) -> str:
    """A bucket that a test may delete."""
    name = f"emptied-{uuid.uuid4().hex}"
    where = {"LocationConstraint": account.aws.region}
    account.s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    return name


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_nothing_is_emptied_before_the_stack_is_deleted(
    cloudformation: CloudFormation, account: Account, request_type: str
) -> None:
    account.put("kept", b"x")
    assert cloudformation.ask(request_type, account.bucket) == ANSWER
    assert account.body("kept") == b"x"


def test_all_buckets_are_deleted_also_when_one_is_gone_already(
    cloudformation: CloudFormation, account: Account
) -> None:
    others = [f"{account.bucket}-{number}" for number in (1, 2)]
    where = {"LocationConstraint": account.aws.region}
    for bucket in others:
        account.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        account.s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        account.s3.put_object(Bucket=bucket, Key="twice", Body=b"x")
        account.s3.put_object(Bucket=bucket, Key="twice", Body=b"y")
    assert cloudformation.ask("Delete", others[0], "gone", others[1]) == ANSWER
    left = [bucket["Name"] for bucket in account.s3.list_buckets()["Buckets"]]
    assert not set(others) & set(left)


def test_what_comes_meanwhile_is_deleted_as_well(
    cloudformation: CloudFormation, bucket: str, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody still writes when it deletes: the bucket is full again, and then it is not there."""
    late = iter(range(3))
    s3 = cloudformation.names["s3"]
    delete = s3.meta.client.delete_bucket

    def delete_bucket(**request: str) -> Any:
        for number in late:
            account.s3.put_object(Bucket=bucket, Key=f"late/{number}", Body=b"x")
            break
        return delete(**request)

    monkeypatch.setattr(s3.meta.client, "delete_bucket", delete_bucket)
    assert cloudformation.ask("Delete", bucket) == ANSWER
    assert list(late) == []
    with pytest.raises(account.s3.exceptions.NoSuchBucket):
        account.s3.put_object(Bucket=bucket, Key="too late", Body=b"x")


def test_an_object_that_cannot_be_deleted_is_named(
    cloudformation: CloudFormation, bucket: str, account: Account
) -> None:
    """S3 answers 200, with an error for the object: S3 API Reference, "DeleteObjects"."""
    account.s3.put_object(Bucket=bucket, Key="locked", Body=b"x")
    error = {"Key": "locked", "Code": "AccessDenied", "Message": "Access Denied"}
    cloudformation.events.register(
        "after-call.s3.DeleteObjects", lambda parsed, **_: parsed.update(Errors=[error])
    )
    answer = cloudformation.ask("Delete", bucket)
    said = "A bucket could not be emptied: locked: AccessDenied: Access Denied"
    assert (answer["Status"], answer["Reason"]) == ("FAILED", said)


def test_a_bucket_that_cannot_be_deleted_is_tried_once(
    cloudformation: CloudFormation, bucket: str
) -> None:
    tries: list[str] = []

    def refuse(**_: Any) -> None:
        tries.append("once")
        code = "AccessDenied" if len(tries) == 1 else "TriedAgain"
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DeleteBucket")

    cloudformation.events.register("before-call.s3.DeleteBucket", refuse)
    assert "(AccessDenied)" in cloudformation.ask("Delete", bucket)["Reason"]


def test_an_error_is_told(cloudformation: CloudFormation) -> None:
    answer = cloudformation.ask("Delete", "no/bucket")
    assert answer.pop("Reason").startswith("A bucket could not be emptied: Parameter validation")
    assert answer == ANSWER | {"Status": "FAILED"}
