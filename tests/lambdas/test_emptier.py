"""BucketEmptierFunction: what it answers to CloudFormation, and which buckets it empties."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request

import pytest

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
        names = account.load(code_of("BucketEmptierFunction"), "BucketEmptierFunction")
        names["urlopen"] = self.answers.append
        self.handler = names["lambda_handler"]

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


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_nothing_is_emptied_before_the_stack_is_deleted(
    cloudformation: CloudFormation, account: Account, request_type: str
) -> None:
    account.put("kept", b"x")
    assert cloudformation.ask(request_type, account.bucket) == ANSWER
    assert account.body("kept") == b"x"


def test_all_buckets_are_emptied_also_when_one_is_gone(
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
    for bucket in others:
        assert "Versions" not in account.s3.list_object_versions(Bucket=bucket)
        account.s3.delete_bucket(Bucket=bucket)


def test_an_error_is_told(cloudformation: CloudFormation) -> None:
    answer = cloudformation.ask("Delete", "no/bucket")
    assert answer.pop("Reason").startswith("A bucket could not be emptied: Parameter validation")
    assert answer == ANSWER | {"Status": "FAILED"}
