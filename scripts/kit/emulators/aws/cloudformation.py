"""Secrets Manager: a secret's ARN is what Ref gives. The policy of a role refers to it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners


def create_secret(original: Callable[..., Any], *arguments: Any) -> Any:
    """Create a stack's secret; its Ref is the ARN, where ministack's is the name."""
    _, attributes = original(*arguments)
    return attributes["Arn"], attributes


def delete_secret(original: Callable[..., None], arn: str, *arguments: Any) -> None:
    """Delete a stack's secret; its ARN ends with the name, a dash and six random characters."""
    original(arn.rpartition(":")[2][:-7], *arguments)


def install() -> None:
    """Let CloudFormation create and delete secrets like this."""
    secret = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    secret["create"] = functools.partial(create_secret, secret["create"])
    secret["delete"] = functools.partial(delete_secret, secret["delete"])
