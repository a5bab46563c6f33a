"""`start --at`: what comes before a step, as far as the learner has not done it already."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from kit.commands.earlier_steps import EarlierSteps
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.stack.stack import EMAIL, STACK_NAME, Stack
from support.systems import BorrowedSystem


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own, because the newest stack of the account counts."""
    return own_system


class Steps(EarlierSteps):
    """The steps, and what they say; nobody's streamer is started."""

    def __init__(self, system: OfflineSystem) -> None:
        self.screen = io.StringIO()
        console = Console(file=self.screen, width=300)
        super().__init__(system, console, lambda: None)

    def said(self, before: int) -> list[str]:
        """Do what comes before a step, and return the lines about it."""
        self.do(before)
        return self.screen.getvalue().splitlines()


@pytest.fixture
def launched(system: OfflineSystem) -> Iterator[Stack]:
    """A stack whose reference photo has another name."""
    parameters = system.parameters(EMAIL) | {"PersonPhotoFilename": "grace.png"}
    stack = Stack.launch(system.aws, parameters)
    yield stack
    stack.delete()


def test_the_learner_s_own_stack_reference_and_code_stay(
    system: OfflineSystem, launched: Stack
) -> None:
    steps = Steps(system)
    launched.upload_reference(b"mine")
    launched.replace_code("RekognitionLambdaFunction", "def lambda_handler(event, context): ...")
    assert steps.said(5) == ["Step 3 is done.", "Step 4 is done."]
    assert steps.upload_reference() == "Your own grace.png stays."
    assert launched.reference() == b"mine"
    assert "Your own code stays in RekognitionLambdaFunction; the" in steps.deploy_solution()
    assert [s["StackName"] for s in launched.cloudformation.describe_stacks()["Stacks"]] == [
        launched.name
    ]


def test_the_sample_and_the_solution_are_taken_once(system: OfflineSystem, launched: Stack) -> None:
    steps = Steps(system)
    for _ in range(2):
        assert steps.upload_reference() == ""
        assert steps.deploy_solution() == ""
    s3 = system.aws.client("s3")
    bucket = launched.resource("RekognitionBucket")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["grace.png"]


def test_a_stack_that_failed_is_not_in_the_way(system: OfflineSystem) -> None:
    place = {"LocationConstraint": system.aws.region}
    s3 = system.aws.client("s3")
    taken = f"{STACK_NAME}-twitter-000000000000-{system.aws.region}"
    s3.create_bucket(Bucket=taken, CreateBucketConfiguration=place)
    said = Steps(system).said(11)
    assert said[0].startswith("Step 3 is not done, and the next ones are not tried: ")
    assert len(said) == 1
    assert Steps(system).said(4) == ["Step 3 is done."]
    found = Stack.find(system.aws, instance.LOGICAL_ID)
    assert found
    assert found.name.startswith(f"{STACK_NAME}-")
    found.delete()
    Stack(system.aws, STACK_NAME).delete()
    s3.delete_bucket(Bucket=taken)


def test_an_instance_lives_until_it_is_terminated(system: OfflineSystem, launched: Stack) -> None:
    identity = launched.resource(instance.LOGICAL_ID)
    assert instance.terminated(system.aws, set()) == set()
    assert instance.terminated(system.aws, {identity, "i-0123"}) == {"i-0123"}
    system.aws.client("ec2").terminate_instances(InstanceIds=[identity])
    assert instance.terminated(system.aws, {identity}) == {identity}
