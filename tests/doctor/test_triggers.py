"""What lets S3 invoke a function: the statement of its policy, and the notification's filter."""

from __future__ import annotations

from typing import Any

import pytest

from kit.commands.doctor.triggers import allows_s3, passes_filter

pytestmark = pytest.mark.unit

FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:f"


def source(bucket: str) -> dict[str, Any]:
    return {"Condition": {"ArnLike": {"AWS:SourceArn": f"arn:aws:s3:::{bucket}"}}}


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        (source("mine"), True),
        (source("m*"), True),
        (source("other"), False),
        ({"Effect": "Deny"}, False),
        ({"Principal": "*"}, True),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, False),
        ({"Action": "lambda:GetFunction"}, False),
    ],
)
def test_statements_that_let_s3_invoke_a_function(change: dict[str, Any], allowed: bool) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION,
    }
    assert allows_s3(statement | change, FUNCTION, "arn:aws:s3:::mine") == allowed


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("Prefix", "images/", True),
        ("prefix", "", True),
        ("prefix", "photos/", False),
        ("Suffix", ".jpg", True),
        ("suffix", ".png", False),
    ],
)
def test_filters_of_a_notification(name: str, value: str, passed: bool) -> None:
    assert passes_filter("images/3_1.jpg", [{"Name": name, "Value": value}]) == passed
