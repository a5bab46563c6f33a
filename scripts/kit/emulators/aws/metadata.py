"""The instance metadata service, which gives an instance its role's credentials."""

from __future__ import annotations

from typing import Any

from kit.emulators.aws.clock import timestamp
from kit.emulators.aws.ec2 import instances


def metadata(method: str, path: str, headers: dict[bytes, bytes]) -> tuple[int, Any]:
    """Answer as an instance's metadata service (IMDSv2) does: HTTP status and text or JSON.

    Args:
        method: GET, or PUT for the token.
        path: /_workshop/instances/<instance ID>/latest/…, because every instance has its own.
        headers: of the request, in lower case.
    """
    instance_id, _, rest = path.removeprefix("/_workshop/instances/").partition("/latest/")
    if instance_id not in instances:
        return 404, ""
    if (method, rest) == ("PUT", "api/token"):
        return 200, instance_id
    if headers.get(b"x-aws-ec2-metadata-token") != instance_id.encode():
        return 401, ""  # version 1, without a token, is switched off in the template
    fresh = {"LastUpdated": timestamp(), "Expiration": timestamp(86_400)}
    credentials = instances[instance_id] | fresh
    credentials_path = "meta-data/iam/security-credentials/"
    return {
        "meta-data/instance-id": (200, instance_id),
        credentials_path: (200, credentials["Role"]),
        f"{credentials_path}{credentials['Role']}": (200, credentials),
    }.get(rest, (404, ""))
