"""Stack updates do what Instructions.md says of them, "Change a parameter later"."""

from __future__ import annotations

import json

import pytest

from kit.stack.stack import Stack
from kit.stack.template import load_template
from support import instructions
from support.systems import BorrowedSystem

PARAMETERS = load_template()["Parameters"]


def update(stack: Stack, **changed: str) -> None:
    """Change parameters of a stack, and wait until it is done."""
    values = {name: {"ParameterValue": value} for name, value in changed.items()}
    others = {name: {"UsePreviousValue": True} for name in PARAMETERS if name not in changed}
    stack.cloudformation.update_stack(
        StackName=stack.name,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": name, **value} for name, value in (values | others).items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    stack.cloudformation.get_waiter("stack_update_complete").wait(
        StackName=stack.name, WaiterConfig={"Delay": 1}
    )


@pytest.mark.unit
def test_the_text_names_each_parameter_once() -> None:
    named = [name for row in instructions.table("Changed | What") for name in row[0].split(", ")]
    keys = {name for name in PARAMETERS if name.startswith("Twitter")}
    assert sorted(named) == sorted([*(PARAMETERS.keys() - keys), "or a key"])


def test_another_rule_is_in_the_secret_which_the_streamer_reads_when_it_starts(
    system: BorrowedSystem, stack: Stack
) -> None:
    secrets, secret = system.aws.client("secretsmanager"), stack.resource("TwitterKeys")
    instance = stack.resource("StreamingInstance")
    for rule in ('from:learner ("black cat" OR -"a b") has:images', ""):
        update(stack, StreamRule=rule)
        keys = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
        assert keys["STREAM_RULE"] == rule
        assert keys["TWITTER_TOKEN"] == system.keys["TWITTER_TOKEN"]
    described = stack.cloudformation.describe_stack_resource(
        StackName=stack.name, LogicalResourceId="StreamingInstance"
    )
    assert described["StackResourceDetail"]["PhysicalResourceId"] == instance
