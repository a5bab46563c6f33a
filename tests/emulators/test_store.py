"""What the emulated AWS saves, and how it begins with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from kit.aws_client import Aws
from kit.emulators import folders
from support import wait_until
from support.systems import fresh_system

PARAMETER = "/mine"
BUCKET = "mine-1234"


def make(aws: Aws) -> None:
    """Make something in two services."""
    place = {"LocationConstraint": aws.region}
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    aws.client("s3").put_object(Bucket=BUCKET, Key="me.jpg", Body=b"me")
    aws.client("ssm").put_parameter(Name=PARAMETER, Value="1", Type="String")


def is_there(aws: Aws) -> bool:
    """Whether it is still there, all of it or nothing."""
    objects = [
        entry["Key"]
        for bucket in aws.client("s3").list_buckets()["Buckets"]
        for entry in aws.client("s3").list_objects_v2(Bucket=bucket["Name"])["Contents"]
    ]
    try:
        aws.client("ssm").get_parameter(Name=PARAMETER)
    except ClientError:
        assert objects == []
        return False
    assert objects == ["me.jpg"]
    return True


@pytest.mark.slow
def test_what_belongs_together_is_saved_together(tmp_path: Path) -> None:
    home = tmp_path / "home"
    state, previous = home / folders.STATE, home / folders.PREVIOUS
    with fresh_system(home) as system:
        wait_until(state.exists)
        empty = state.read_bytes()
        make(system.aws)
        wait_until(lambda: PARAMETER in state.read_text())
    # As an earlier version left it: a file for each service.
    for name, payload in json.loads(state.read_text())["services"].items():
        file = {"__ministack_format__": 2, "payload": payload}
        (home / "aws" / f"{name}.json").write_text(json.dumps(file))
    whole = state.read_bytes()
    state.unlink()
    previous.unlink()
    with fresh_system(home) as system:
        assert is_there(system.aws)
        wait_until(state.exists)
    assert not (home / "aws" / "cloudformation.json").exists()
    # The last state was damaged: only the one before is there.
    state.unlink()
    previous.write_bytes(whole)
    with fresh_system(home) as system:
        assert is_there(system.aws)
    # The last state is from before: what is newer on the disk is set aside.
    state.write_bytes(empty)
    with fresh_system(home) as system:
        assert not is_there(system.aws)
    kept = (home / "aws" / "aside").rglob("me.jpg")
    assert [file.read_bytes() for file in kept] == [b"me"]
