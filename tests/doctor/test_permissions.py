"""Whether a role may still do what the template's statement allows."""

from __future__ import annotations

from typing import Any

import pytest

from kit.commands.doctor.permissions import is_granted

pytestmark = pytest.mark.unit

TABLE = "arn:aws:dynamodb:eu-west-1:000000000000:table/posts"
EXPECTED = {
    "Effect": "Allow",
    "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
    "Resource": TABLE,
}


@pytest.mark.parametrize(
    ("changes", "granted"),
    [
        ([{}], True),
        ([{"Action": "dynamodb:*"}], True),
        ([{"Action": "*", "Resource": "*"}], True),
        ([{"Action": "dynamodb:GetItem"}, {"Action": ["DYNAMODB:PutItem"]}], True),
        ([], False),
        ([{"Action": "dynamodb:GetItem"}], False),
        ([{"Resource": f"{TABLE}/index/*"}], False),
        ([{"Effect": "Deny"}], False),
        # An explicit deny overrides an allow: IAM User Guide, "Policy evaluation logic".
        ([{}, {"Effect": "Deny", "Action": "dynamodb:PutItem"}], False),
        ([{}, {"Effect": "Deny", "Action": "dynamodb:DeleteItem"}], True),
    ],
)
def test_what_a_role_may_do(changes: list[dict[str, Any]], granted: bool) -> None:
    assert is_granted(EXPECTED, [EXPECTED | change for change in changes]) == granted
