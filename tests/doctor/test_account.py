"""Credentials, region, and the stack that is checked."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import boto3
import pytest

from doctor.checked_workshop import fake_context, run
from kit.commands.doctor.account import check_stack
from kit.commands.doctor.finding import OK, UNKNOWN, WRONG
from kit.commands.doctor.stack_context import StackContext
from kit.commands.doctor.stages import STAGES, check_all
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import free_port
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import TEMPLATE, load_template

pytestmark = pytest.mark.usefixtures("terminal")


def test_the_stack_failed(system: OfflineSystem) -> None:
    cloudformation = system.aws.client("cloudformation")
    line = "if event['RequestType'] == 'Delete':"
    refuses = line.replace("Delete", "Create") + " raise ValueError('out of order')\\n        "
    code = TEMPLATE.read_text().replace(line, refuses + line)
    bucket = "taken-twitter-000000000000-eu-west-1"
    place = {"LocationConstraint": system.aws.region}
    system.aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    cases = {
        "out-of-order": (code, "BucketEmptier: A bucket could not be emptied: out of order"),
        "taken": (TEMPLATE.read_text(), "already exists"),
    }
    for name, (template, reason) in cases.items():
        with pytest.raises(WorkshopError, match=reason):
            Stack.launch(system.aws, system.parameters(EMAIL), template, name)
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        assert status == "ROLLBACK_COMPLETE"
        done = run("--stack", name)
        assert done.exit_code == 1, done.output
        lines = done.output.splitlines()
        assert [line for line in lines if line.startswith("✗")] == [
            f"✗ stack: {name} is ROLLBACK_COMPLETE"
        ]
        assert reason in done.output
        assert f"delete-stack --stack-name {name}" in done.output
        assert done.output.count("– ") == len(STAGES) - 3
    assert run().exit_code == 2  # which of the two?
    for name in cases:
        Stack(system.aws, name).delete()
    system.aws.client("s3").delete_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("CREATE_IN_PROGRESS", UNKNOWN),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", UNKNOWN),
        ("ROLLBACK_IN_PROGRESS", WRONG),
        ("DELETE_IN_PROGRESS", WRONG),
        ("DELETE_FAILED", WRONG),
        ("CREATE_FAILED", WRONG),
    ],
)
def test_the_stacks_state(state: str, status: str) -> None:
    stack = {"StackName": "s", "StackId": "s", "StackStatus": state, "CreationTime": 0}
    context = fake_context(
        get_template={"TemplateBody": load_template()},
        describe_stacks={"Stacks": [stack], "StackEvents": []},  # a page of either
    )
    context.name = "s"
    found = check_stack(context)
    assert found.status == status
    assert found.fix if status == WRONG else found.next_step


def test_wrong_input_is_one_sentence(stack: Stack, system: OfflineSystem) -> None:
    for name in ("nobody-s", "a b"):
        done = run("--stack", name)
        assert (done.exit_code, f"no stack of this workshop called {name}" in done.output) == (
            2,
            True,
        )
    second = Stack.launch(system.aws, system.parameters(EMAIL))
    done = run()
    assert done.exit_code == 2
    assert stack.name in done.output
    assert second.name in done.output
    second.delete()
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="us-east-1"):
        done = run()
    assert (done.exit_code, "no stack" in done.output) == (2, True)
    with mock.patch.dict(os.environ, AWS_PROFILE="nobody-s"):  # a setting for AWS itself
        done = run("--stack", stack.name)
    assert "no access" not in done.output
    assert f"✓ stack: {stack.name}" in done.output
    with mock.patch.dict(os.environ, AWS_PROFILE="nobody-s", AWS_ENDPOINT_URL=""):
        done = run()
    assert (done.exit_code, "nobody-s" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1 has no Amazon Rekognition"),
        ({"AWS_DEFAULT_REGION": ""}, "no region is set"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no access to"),
        ({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}, "no access to"),
    ],
)
def test_credentials_and_region(variables: dict[str, str], text: str) -> None:
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with mock.patch.dict(os.environ, nowhere | variables):
        for name, value in variables.items():
            if not value:
                del os.environ[name]
        done = run()
    assert done.exit_code == 1, done.output
    assert done.output.startswith("✗ credentials and region")
    assert text in done.output
    assert done.output.count("✗") == 1


@pytest.mark.parametrize(
    ("unnamed", "status"), [("TwitterBucketPermission", OK), ("TwitterBucket", UNKNOWN)]
)
def test_a_resource_without_a_physical_id_is_not_called_missing(
    stack: Stack, unnamed: str, status: str
) -> None:
    context = StackContext(boto3.Session(), stack.name)

    def forget(parsed: dict[str, Any], **_: Any) -> None:
        for resource in parsed["StackResources"]:
            if resource["LogicalResourceId"] == unnamed:
                del resource["PhysicalResourceId"]

    events = context.client("cloudformation").meta.events
    events.register("after-call.cloudformation.DescribeStackResources", forget)
    found = check_stack(context)
    assert found.status == status
    assert (unnamed in found.message) == (status == UNKNOWN)


def test_an_answer_that_nobody_expected_hides_no_other_stage(stack: Stack) -> None:
    context = StackContext(boto3.Session(), stack.name)

    def scramble(parsed: dict[str, Any], **_: Any) -> None:
        parsed["PolicyDocument"] = "what is this?"

    context.client("iam").meta.events.register("after-call.iam.GetRolePolicy", scramble)
    findings = check_all(context)
    assert findings["instance"].status == UNKNOWN
    assert "this check itself failed (TypeError: " in findings["instance"].message
    assert findings["delivered records"].status == UNKNOWN  # "nothing yet", of its own
    assert findings["metadata table"].status == OK
