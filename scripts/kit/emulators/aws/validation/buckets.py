"""S3 refuses names that no bucket may have, notifications that could not be delivered, and the
deletion of a bucket that is not empty.

ministack's CloudFormation creates buckets past these checks; of functions that are notified it
never asks whether S3 may invoke them.

AWS: S3 User Guide, "General purpose bucket naming rules", "Granting permissions to publish event
notification messages to a destination" and "Deleting a general purpose bucket". The words for names
are those of CloudFormation: https://github.com/Hubs-Foundation/hubs-cloud/issues/13 and
https://github.com/aws-amplify/amplify-cli/issues/2928.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc, s3

from kit.emulators.aws.cloudformation import Operation, wrap
from kit.emulators.aws.s3 import may_invoke
from kit.emulators.aws.validation import deployment
from kit.emulators.aws.validation.errors import ResourceError

SHORTEST, LONGEST = 3, 63  # characters of a name
UNREACHABLE = "Unable to validate the following destination configurations"
NOT_EMPTY = "The bucket you tried to delete is not empty"


def check_name(properties: dict[str, Any]) -> None:
    """Refuse a name that no bucket may have."""
    name = properties.get("BucketName")
    if not name:
        return
    if name != name.lower():
        raise ValueError("Bucket name should not contain uppercase characters")
    if not SHORTEST <= len(name) <= LONGEST:
        raise ValueError(f"Bucket name should be between {SHORTEST} and {LONGEST} characters long")
    if not s3._validate_bucket_name(name):
        raise ResourceError("The specified bucket is not valid.", "S3")


def create(original: Operation, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    """Create a stack's bucket, or leave nothing of it."""
    before = set(s3._buckets)
    try:
        return original(logical_id, properties, stack)
    except ValueError:
        for name in set(s3._buckets) - before:
            s3._buckets.pop(name)
        raise


def delete(original: Operation, name: str, *arguments: Any) -> None:
    """Delete a stack's bucket, if it is empty."""
    if is_full(name):
        raise ResourceError(NOT_EMPTY, "S3", 409, "GeneralServiceException")
    original(name, *arguments)


def is_full(name: str) -> bool:
    """Whether a bucket holds objects, or versions of them."""
    bucket = s3._buckets.get(name, {})
    return bool(bucket.get("objects")) or any(
        key[0] == name for key in getattr(s3, "_object_versions", {})
    )


def validate_destinations(
    original: Callable[..., Any],
    configurations: list[dict[str, Any]],
    region: str,
    bucket: str = "",
    skip: bool = False,
) -> Any:
    """Refuse a notification's function that is not there, or that S3 may not invoke."""
    if refused := original(configurations, region, bucket, skip):
        return (
            s3._error("InvalidArgument", UNREACHABLE, 400) if is_unreachable(refused) else refused
        )
    functions = [each["arn"] for each in configurations if each["type"] == "lambda"]
    if not skip and not all(exists(arn) and may_invoke(arn, bucket) for arn in functions):
        return s3._error("InvalidArgument", UNREACHABLE, 400)
    return None


def is_unreachable(answer: Any) -> bool:
    """Whether ministack says the same, with the destinations in it."""
    return UNREACHABLE.encode() in answer[2]


def exists(function_arn: str) -> bool:
    """Whether there is a function."""
    function, _, _ = lambda_svc._get_func_record_for_ref(function_arn)
    return function is not None


def install() -> None:
    """Let S3 and CloudFormation refuse like this."""
    deployment.refusals["AWS::S3::Bucket"] = [check_name]
    wrap("AWS::S3::Bucket", "create", create)
    wrap("AWS::S3::Bucket", "delete", delete)
    s3._validate_notification_configs = functools.partial(
        validate_destinations, s3._validate_notification_configs
    )
