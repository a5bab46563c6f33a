"""CloudFormation: Ref of a secret is its ARN, to which the policy of a role refers.

ministack's Ref is the secret's name; https://github.com/ministackorg/ministack/issues/1601 lists
where else its CloudFormation differs from AWS. The resource types of EC2 and SNS are in `ec2` and
`sns`.

AWS: CloudFormation Template Reference Guide, "AWS::SecretsManager::Secret", Return values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

Operation = Callable[..., Any]  # creates a resource of a type, or deletes one

RANDOM_SUFFIX = len("-xxxxxx")  # of a secret's ARN, after the name


def wrap(resource_type: str, operation: str, wrapper: Operation) -> None:
    """Put a function around how a type's resources are created or deleted; it gets the original."""
    operations = provisioners._RESOURCE_HANDLERS[resource_type]
    operations[operation] = functools.partial(wrapper, operations[operation])


def create_secret(original: Operation, *arguments: Any) -> tuple[str, dict[str, Any]]:
    """Create a stack's secret; return its ARN, which is its Ref, and its attributes."""
    _, attributes = original(*arguments)
    return attributes["Arn"], attributes


def delete_secret(original: Operation, arn: str, *arguments: Any) -> None:
    """Delete a stack's secret."""
    name = arn.rpartition(":")[2][:-RANDOM_SUFFIX]
    original(name, *arguments)


def install() -> None:
    """Let CloudFormation create and delete secrets like this."""
    wrap("AWS::SecretsManager::Secret", "create", create_secret)
    wrap("AWS::SecretsManager::Secret", "delete", delete_secret)
