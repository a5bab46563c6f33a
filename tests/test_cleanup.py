"""Deleting the stack is the whole clean-up: nothing is left, whatever was in it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from kit.errors import WorkshopError
from kit.stack.inventory import LISTS
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import load_template
from support import wait_until
from support.stub_server import Answer, StubServer
from support.systems import BorrowedSystem

OBJECTS = 1100  # S3 deletes 1,000 at once


@pytest.fixture
def account(own_system: BorrowedSystem) -> BorrowedSystem:
    """An account of its own, so that all that is left in it is from these tests."""
    return own_system


def contents(account: BorrowedSystem) -> dict[str, list[str]]:
    """What the account holds, by type."""
    return {kind: sorted(find(account.aws, "")) for kind, find in LISTS.items()}


@pytest.fixture
def empty(account: BorrowedSystem) -> Iterator[dict[str, list[str]]]:
    """The account before and, if all goes well, after the test."""
    before = contents(account)
    yield before
    assert contents(account) == before


def versions(stack: Stack, bucket: str) -> list[Any]:
    """Objects, their older versions, and the marks of deleted ones."""
    pages = stack.aws.client("s3").get_paginator("list_object_versions")
    pages = pages.paginate(Bucket=stack.resource(bucket))
    found = [[*page.get("Versions", []), *page.get("DeleteMarkers", [])] for page in pages]
    return [entry for page in found for entry in page]


def fill(stack: Stack, objects: int) -> None:
    """Put so many objects into both buckets; with versions, and some of them deleted again."""
    s3 = stack.aws.client("s3")
    for logical_id in ("TwitterBucket", "RekognitionBucket"):
        bucket = stack.resource(logical_id)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for number in range(objects):
            s3.put_object(Bucket=bucket, Key=f"kept/{number % (objects - 9)}", Body=b"x")
        for number in range(5):
            s3.delete_object(Bucket=bucket, Key=f"kept/{number}")
        assert len(versions(stack, logical_id)) == objects + 5


@pytest.mark.unit
def test_every_type_of_the_template_is_looked_for() -> None:
    resources = load_template()["Resources"].values()
    types = {resource["Type"] for resource in resources}
    assert types - set(LISTS) == {
        "Custom::BucketEmptier",  # which is its function
        "AWS::CloudFormation::WaitCondition",  # nothing of its own, as the handle
        "AWS::CloudFormation::WaitConditionHandle",
    }
    assert set(LISTS) <= types


@pytest.mark.usefixtures("empty")
def test_what_is_looked_for_is_found(account: BorrowedSystem, empty: dict[str, list[str]]) -> None:
    stack = Stack.launch(account.aws, account.parameters(EMAIL))
    assert [kind for kind, found in contents(account).items() if found == empty[kind]] == []
    stack.delete()


def empty_buckets(stack: Stack) -> dict[str, Any]:
    """Ask the emptier as CloudFormation does when it deletes the stack; return its answer.

    The test asks because the emulated AWS deletes full buckets, too, which AWS does not.
    """
    cloudformation = StubServer(Answer())  # to which the custom resource answers
    event = {
        "RequestType": "Delete",
        "ResponseURL": cloudformation.url,
        "StackId": "s",
        "RequestId": "r",
        "LogicalResourceId": "BucketEmptier",
        "ResourceProperties": {
            "Buckets": [stack.resource("TwitterBucket"), stack.resource("RekognitionBucket")]
        },
    }
    stack.aws.client("lambda").invoke(
        FunctionName=stack.resource("BucketEmptierFunction"), Payload=json.dumps(event)
    )
    (body,) = wait_until(lambda: cloudformation.bodies)
    cloudformation.close()
    return dict(json.loads(body))


@pytest.mark.usefixtures("empty")
def test_full_buckets_with_versions_are_deleted(account: BorrowedSystem) -> None:
    stack = Stack.launch(account.aws, account.parameters(EMAIL))
    fill(stack, 10)
    s3, bucket = account.aws.client("s3"), stack.resource("TwitterBucket")
    for number in range(OBJECTS):
        s3.put_object(Bucket=bucket, Key=f"many/{number}", Body=b"x")
    answer = empty_buckets(stack)
    assert answer["Status"] == "SUCCESS", answer
    left = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert not left & {stack.resource("TwitterBucket"), stack.resource("RekognitionBucket")}
    stack.delete()


@pytest.mark.usefixtures("empty")
def test_a_bucket_that_somebody_has_deleted_is_no_obstacle(account: BorrowedSystem) -> None:
    stack = Stack.launch(account.aws, account.parameters(EMAIL))
    s3 = account.aws.client("s3")
    s3.put_object(Bucket=stack.resource("RekognitionBucket"), Key="celebrity.jpg", Body=b"x")
    s3.delete_bucket(Bucket=stack.resource("TwitterBucket"))
    answer = empty_buckets(stack)
    assert answer["Status"] == "SUCCESS", answer
    stack.delete()


@pytest.mark.usefixtures("empty")
def test_an_object_that_cannot_be_deleted_is_named_and_a_second_delete_ends(
    account: BorrowedSystem,
) -> None:
    stack = Stack.launch(account.aws, account.parameters(EMAIL))
    stack.upload_reference(b"x")
    iam, role = account.aws.client("iam"), stack.resource("BucketEmptierRole")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    allowed = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    less = json.dumps(allowed).replace('"s3:DeleteObject", "s3:DeleteObjectVersion", ', "")
    assert less != json.dumps(allowed)
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=less)
    with pytest.raises(WorkshopError, match=r"BucketEmptier: .*celebrity\.jpg: AccessDenied"):
        stack.delete()
    assert stack.reference() == b"x"
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(allowed))
    stack.delete()


@pytest.mark.usefixtures("empty")
def test_somebody_writes_into_the_buckets_until_they_are_gone(account: BorrowedSystem) -> None:
    stack = Stack.launch(account.aws, account.parameters(EMAIL))
    s3, written = account.aws.client("s3"), Counter[str]()
    buckets = [stack.resource("TwitterBucket"), stack.resource("RekognitionBucket")]

    def write(bucket: str) -> None:
        with contextlib.suppress(s3.exceptions.NoSuchBucket):
            while True:
                s3.put_object(Bucket=bucket, Key=f"busy/{written[bucket]}", Body=b"x")
                written[bucket] += 1
                time.sleep(0.005)  # the emptier has the same computer

    writers = [threading.Thread(target=write, args=[bucket]) for bucket in buckets]
    for writer in writers:
        writer.start()
    wait_until(lambda: all(written[bucket] > 10 for bucket in buckets))
    stack.delete()
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive()


@pytest.mark.usefixtures("empty")
def test_a_failed_create_leaves_nothing(account: BorrowedSystem) -> None:
    """The last resource cannot be created, when all the others are there."""
    template = load_template()
    resources = template["Resources"]
    resources["Last"] = {
        "Type": "AWS::EC2::Instance",
        "DependsOn": list(resources),
        "Properties": {"ImageId": "ami-1", "IamInstanceProfile": "nobody"},
    }
    with pytest.raises(WorkshopError, match="The stack was not created: Last:"):
        Stack.launch(account.aws, account.parameters(EMAIL), json.dumps(template), "failed")
    stack = Stack(account.aws, "failed")
    stack.delete()


@pytest.mark.usefixtures("empty")
def test_twice_in_a_row_with_the_same_name(account: BorrowedSystem) -> None:
    for _ in range(2):
        stack = Stack.launch(account.aws, account.parameters(EMAIL), name="again")
        fill(stack, 10)
        stack.delete()
        stack.delete()  # of what is gone already
