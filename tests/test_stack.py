"""Which stacks are the workshop's."""

from __future__ import annotations

import json

import pytest

from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.stack.find import workshop_stacks
from kit.stack.stack import EMAIL, Stack, unique_name

FUNCTION = "RekognitionLambdaFunction"
OTHER = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}


def names(system: OfflineSystem) -> list[str]:
    cloudformation = system.aws.client("cloudformation")
    return [stack["StackName"] for stack in workshop_stacks(cloudformation, FUNCTION)]


def test_the_newest_complete_stack_of_the_template_is_found(system: OfflineSystem) -> None:
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
