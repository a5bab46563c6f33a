"""Small helpers of several tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kit.stack.stack import Stack

REPOSITORY = Path(__file__).resolve().parent.parent
Found = TypeVar("Found")


def wait_for(what: Callable[[], Found | None], seconds: float = 60.0) -> Found:
    """Wait until `what` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"nothing came within {seconds:.0f} s"
        time.sleep(0.05)
    return found


def s3_event(bucket: str, *keys: str) -> dict[str, Any]:
    """The event that S3 sends for new objects; its keys are form-encoded already."""
    return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": k}}} for k in keys]}


def remove_statement(stack: Stack, role: str, sid: str) -> None:
    """Take a statement out of the policy of a role."""
    iam, name = stack.aws.client("iam"), stack.resource(role)
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    others = [s for s in document["Statement"] if s["Sid"] != sid]
    assert len(others) == len(document["Statement"]) - 1
    changed = json.dumps(document | {"Statement": others})
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=changed)
