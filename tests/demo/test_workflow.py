"""The workflow that runs `demo --aws` in a fork's own account, and the role that it takes."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from demo.conftest import PERMISSIONS
from kit.commands.demo.command import NAME
from kit.emulators.aws.validation.properties import data_folder
from kit.stack.template import load_template
from support import REPOSITORY

pytestmark = pytest.mark.unit

POLICY = json.loads(PERMISSIONS)
TYPES = {resource["Type"] for resource in load_template()["Resources"].values()}
# Services that a type can use, and the template does not: keys of KMS, streams, file systems.
UNUSED = ("elasticfilesystem:", "kinesis:", "kms:", "s3files:", "s3tables:", "ssm:")


def needed() -> dict[str, set[str]]:
    """What CloudFormation does as the caller for each type: the permissions of its handlers.

    They are in the type's schema in CloudFormation's registry, which cfn-lint carries; see the
    CloudFormation CLI User Guide, "Resource type schema", handlers.
    """
    folder = data_folder() / "schemas" / "resources"
    found: dict[str, set[str]] = {}
    for path in folder.glob("*.json"):
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind = str(schema.get("typeName"))
        if kind in TYPES:
            handlers = schema.get("handlers", {})
            actions = [handlers.get(h, {}).get("permissions", []) for h in ("create", "delete")]
            found.setdefault(kind, set()).update(action for each in actions for action in each)
    return found


def test_the_role_may_do_what_cloudformation_does_for_it() -> None:
    allowed = [action.lower() for each in POLICY["Statement"] for action in each["Action"]]
    handlers = needed()
    assert TYPES - handlers.keys() == {"Custom::BucketEmptier"}  # which is its function
    missing = {
        action
        for actions in handlers.values()
        for action in actions
        if not action.lower().startswith(UNUSED)
        if not any(fnmatchcase(action.lower(), pattern) for pattern in allowed)
    }
    assert missing == set()


def test_the_role_s_resources_are_those_of_the_demo_s_stack() -> None:
    for statement in POLICY["Statement"]:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            assert resource == "*" or NAME in resource or "TwitterKeys" in resource


def test_the_workflow_is_started_by_hand_and_has_no_stored_key() -> None:
    text = (REPOSITORY / ".github" / "workflows" / "aws.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow[True] == "workflow_dispatch"  # YAML reads the key "on" like this
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in text
    (job,) = workflow["jobs"].values()
    assert job["environment"] == "aws"
    assert job["steps"][-1]["run"] == "make demo-aws OPTIONS=--yes"
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert "demo-aws:" in makefile
