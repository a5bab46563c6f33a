"""Which stacks are the workshop's, which one is meant, and what failed in it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from kit.commands.redrive import queue_of
from kit.errors import WorkshopError
from kit.stack.find import StackNotFoundError, choose_stack, first_failure, workshop_stacks
from kit.stack.stack import EMAIL, Stack, unique_name
from support.systems import BorrowedSystem

FUNCTION = "RekognitionLambdaFunction"
OTHER = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: no other test launches a stack meanwhile."""
    return own_system


def names(system: BorrowedSystem) -> list[str]:
    cloudformation = system.aws.client("cloudformation")
    return [stack["StackName"] for stack in workshop_stacks(cloudformation, FUNCTION)]


def test_the_newest_complete_stack_of_the_template_is_found(system: BorrowedSystem) -> None:
    before = names(system)
    parameters = system.parameters(EMAIL)
    older, newer = (Stack.launch(system.aws, parameters) for _ in range(2))
    other = Stack.launch(system.aws, {}, json.dumps(OTHER))
    failed = Stack(system.aws, unique_name())
    bucket = f"{failed.name}-twitter-000000000000-{system.aws.region}"
    place = {"LocationConstraint": system.aws.region}
    system.aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    with pytest.raises(WorkshopError, match="was not created"):
        Stack.launch(system.aws, parameters, name=failed.name)
    # A failed one is the workshop's, but nothing to work with.
    assert names(system) == [failed.name, newer.name, older.name, *before]
    found = Stack.find(system.aws, FUNCTION)
    assert found
    assert found.name == newer.name
    newer.delete()
    found = Stack.find(system.aws, FUNCTION)
    assert found
    assert found.name == older.name
    for stack in older, other, failed:
        stack.delete()
    system.aws.client("s3").delete_bucket(Bucket=bucket)
    assert names(system) == before


def described(name: str, status: str = "CREATE_COMPLETE") -> dict[str, Any]:
    return {"StackName": name, "StackStatus": status}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("stacks", "name", "chosen"),
    [
        ([described("a")], None, "a"),
        ([described("a"), described("b")], "b", "b"),
        ([described("a"), described("b", "DELETE_IN_PROGRESS")], None, "a"),
        ([described("b", "DELETE_IN_PROGRESS")], None, "b"),
    ],
)
def test_the_stack_is_the_named_one_or_the_only_one(
    stacks: list[dict[str, Any]], name: str | None, chosen: str
) -> None:
    assert choose_stack(stacks, name, "eu-west-1")["StackName"] == chosen


@pytest.mark.unit
@pytest.mark.parametrize(
    ("stacks", "name", "sentence"),
    [
        ([], None, "no stack of this workshop in eu-west-1: launch it"),
        ([described("a")], "b", "no stack of this workshop called b in eu-west-1"),
        ([described("b"), described("a")], None, r"several stacks: .* --stack \(a, b\)"),
    ],
)
def test_without_such_a_stack_a_sentence_says_what_to_do(
    stacks: list[dict[str, Any]], name: str | None, sentence: str
) -> None:
    with pytest.raises(StackNotFoundError, match=sentence):
        choose_stack(stacks, name, "eu-west-1")


@pytest.mark.unit
def test_a_resource_that_is_yet_to_be_created_has_no_physical_id() -> None:
    """CloudFormation lists it without one while the stack is in progress."""
    resource = {"LogicalResourceId": "FailureQueue", "ResourceStatus": "CREATE_IN_PROGRESS"}
    stack = {
        "StackName": "s",
        "StackId": "s",
        "StackStatus": "CREATE_IN_PROGRESS",
        "CreationTime": 0,
        "Outputs": 1,
    }
    cloudformation = SimpleNamespace(
        describe_stack_resource=lambda **_: {"StackResourceDetail": resource},
        describe_stack_resources=lambda **_: {"StackResources": [resource]},
        get_template=lambda **_: {"TemplateBody": {"Resources": {"FailureQueue": {}}}},
        get_paginator=lambda _: SimpleNamespace(paginate=lambda: [{"Stacks": [stack]}]),
    )
    client = SimpleNamespace(client=lambda *_, **__: cloudformation, region_name="eu-west-1")
    sentence = "s has no FailureQueue yet: wait until the stack is complete"
    with pytest.raises(WorkshopError, match=sentence):
        Stack(client, "s").resource("FailureQueue")  # type: ignore[arg-type]
    with pytest.raises(StackNotFoundError, match=sentence):
        queue_of(client, None)
    with pytest.raises(WorkshopError, match="hands back no metadata of FailureQueue"):
        Stack(client, "s").init_files("FailureQueue")  # type: ignore[arg-type]


@pytest.mark.unit
def test_the_first_failure_is_the_cause_and_of_the_last_operation() -> None:
    events = [
        ("Role", "CREATE_FAILED", "Resource creation cancelled"),
        ("Bucket", "CREATE_FAILED", "it exists"),
        ("Bucket", "CREATE_IN_PROGRESS", ""),
        ("stack", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Queue", "CREATE_FAILED", "of an earlier operation"),
    ]
    names = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
    listed = [dict(zip(names, event, strict=True)) for event in events]
    assert first_failure(listed) == "Bucket: it exists"
    assert first_failure(listed[:1]) == "no event says why"
