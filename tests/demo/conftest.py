"""What the tests of `demo --aws` share: credentials of a role, and a terminal with these."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.commands.demo.command import demo
from support import REPOSITORY
from support.systems import BorrowedSystem
from support.terminal import running_workshop
from support.workshop import Faults

ANYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
README = (REPOSITORY / "scripts" / "README.md").read_text(encoding="utf-8")
PERMISSIONS = README.partition("Its permissions:")[2].split("```")[1].removeprefix("json")


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: its default VPC is broken."""
    return own_system


@pytest.fixture(scope="module")
def credentials(system: BorrowedSystem) -> dict[str, str]:
    """Temporary credentials of the workflow's role; faults strike only roles."""
    iam, name = system.aws.client("iam"), f"demo-{uuid.uuid4().hex[:6]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(ANYBODY))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="All", PolicyDocument=PERMISSIONS)
    answer = system.aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="demo")
    found = answer["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def run(
    system: BorrowedSystem, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Type `demo --aws` in a terminal with the role's credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in (running_workshop(system).environment() | credentials).items():
        monkeypatch.setenv(name, value)

    def invoke(*options: str, typed: str = "") -> Result:
        return CliRunner().invoke(demo, ["--aws", *options], input=typed)

    return invoke


@pytest.fixture
def faults(system: BorrowedSystem) -> Iterator[Faults]:
    found = Faults(system)
    yield found
    found.end()
