"""The template as the doctor reads it, with its references resolved."""

from __future__ import annotations

import json

import pytest

from doctor.checked_workshop import fake_context
from kit.commands.doctor.stages import OWNERS
from kit.stack.template import load_template

pytestmark = pytest.mark.unit

ROLES = [name for name in OWNERS if name.endswith("Role")]


@pytest.mark.parametrize("role", ROLES)
def test_the_policies_of_a_role_resolve(role: str) -> None:
    context = fake_context()
    context.partition, context.region, context.account = "aws", "eu-west-1", "123456789012"
    (policy,) = context.expected(role, "Policies")
    text = json.dumps(policy["PolicyDocument"])
    assert "Fn::" not in text
    assert "${" not in text
    for statement in policy["PolicyDocument"]["Statement"]:
        resource = statement["Resource"]
        for arn in resource if isinstance(resource, list) else [resource]:
            assert arn in ("*", "x") or arn.startswith("arn:aws:"), arn  # x is the fake's every ID


def test_each_resource_that_a_stage_owns_is_in_the_template() -> None:
    assert set(OWNERS) <= set(load_template()["Resources"])
