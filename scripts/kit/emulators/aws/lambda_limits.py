"""Lambda's limits: how large a request, a package or an environment is, which values it takes.

ministack holds one of them, 250 MB for the files of a package.

AWS: Lambda Developer Guide, "Lambda quotas", where MB is 1,024 KB; Lambda API Reference, "Invoke",
"CreateFunction" and "UpdateFunctionConfiguration"; CloudFormation Template Reference Guide,
"AWS::Lambda::Function Code", which allows inline code of 4 MB, zipped: it is measured here as it
is written.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from kit.emulators.aws import cloudformation
from kit.limits import LAMBDA_REQUEST_BYTES, MIB

SYNC_BYTES, ASYNC_BYTES = 6 * MIB, MIB  # of an invocation's payload
RESPONSE_BYTES = 6 * MIB + 100  # as Lambda's own message has it
INLINE_BYTES = 4 * MIB
ENVIRONMENT_BYTES = 4096  # of all variables together, as JSON
# Seconds, MB, MB.
RANGES = {"timeout": (1, 900), "memorySize": (128, 10_240), "ephemeralStorage.size": (512, 10_240)}
INVOCATION = re.compile(r"/[\d-]+/functions/[^/]+/invocations")
PACKAGE = re.compile(r"/[\d-]+/functions(/[^/]+/code)?")


# --- Requests ----------------------------------------------------------------------------------


async def handle_request(
    original: Callable[..., Any],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    *query: Any,
) -> Any:
    """Answer a request, unless it is too large."""
    message = ""
    if INVOCATION.fullmatch(path):
        asynchronous = headers.get("x-amz-invocation-type") == "Event"
        message = oversized_payload(len(body), asynchronous)
    elif PACKAGE.fullmatch(path) and len(body) > LAMBDA_REQUEST_BYTES:
        operation = "CreateFunction" if path.endswith("functions") else "UpdateFunctionCode"
        message = too_large(LAMBDA_REQUEST_BYTES, operation)
    if message:
        return error_response_json("RequestEntityTooLargeException", message, 413)
    return await original(method, path, headers, body, *query)


def oversized_payload(size: int, asynchronous: bool) -> str:
    """Why the payload of an invocation is refused; empty if it is not."""
    if size > SYNC_BYTES:
        return too_large(SYNC_BYTES, "InvokeFunction")
    if asynchronous and size > ASYNC_BYTES:
        return (
            f"{size} byte payload is too large for the Event invocation type "
            f"(limit {ASYNC_BYTES} bytes)"
        )
    return ""


def too_large(limit: int, operation: str) -> str:
    """The message about a request that is too large."""
    return f"Request must be smaller than {limit} bytes for the {operation} operation"


def check_response(result: dict[str, Any]) -> dict[str, Any]:
    """The result of an invocation; an error instead of a response that is too large."""
    if len(json.dumps(result.get("body"), default=str)) <= RESPONSE_BYTES:
        return result
    message = (
        f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
    )
    error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    return result | {"error": True, "body": error}


# --- Configurations ----------------------------------------------------------------------------


def refusal(configuration: dict[str, Any]) -> tuple[str, str] | None:
    """The code and message with which Lambda refuses a configuration; None if it takes it."""
    values = {
        "timeout": configuration.get("Timeout"),
        "memorySize": configuration.get("MemorySize"),
        "ephemeralStorage.size": (configuration.get("EphemeralStorage") or {}).get("Size"),
    }
    for name, value in values.items():
        least, most = RANGES[name]
        if value is None or least <= int(value) <= most:
            continue
        limit = f"less than or equal to {most}"
        if int(value) < least:
            limit = f"greater than or equal to {least}"
        return (
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy "
            f"constraint: Member must have value {limit}",
        )
    variables = (configuration.get("Environment") or {}).get("Variables") or {}
    if variables and len(json.dumps(variables, ensure_ascii=False).encode()) > ENVIRONMENT_BYTES:
        return (
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit.",
        )
    return None


def checked(original: Callable[..., Any], *arguments: Any) -> Any:
    """Create or configure a function, unless a value is out of its range."""
    if refused := refusal(arguments[-1]):
        return error_response_json(*refused, 400)
    return original(*arguments)


def create_of_stack(
    original: Callable[..., Any], logical_id: str, properties: Any, *more: Any
) -> Any:
    """Create a stack's function, unless its code or a value is refused."""
    check_properties(properties)
    return original(logical_id, properties, *more)


def update_of_stack(
    original: Callable[..., Any], name: str, before: Any, properties: Any, *more: Any
) -> Any:
    """Update a stack's function, unless its code or a value is refused."""
    check_properties(properties)
    return original(name, before, properties, *more)


def check_properties(properties: dict[str, Any]) -> None:
    """Check the properties of a stack's function.

    Raises:
        ValueError: its code or a value is refused.
    """
    code = properties.get("Code", {}).get("ZipFile") or ""
    if len(code.encode()) > INLINE_BYTES:
        raise ValueError(
            f"ZipFile must not exceed {INLINE_BYTES} bytes. For larger source use S3Bucket/S3Key "
            "properties instead."
        )
    if refused := refusal(properties):
        raise ValueError(refused[1])


def install() -> None:
    """Let Lambda hold these limits."""
    lambda_svc.handle_request = functools.partial(handle_request, lambda_svc.handle_request)
    for name in "_create_function", "_update_config":
        setattr(lambda_svc, name, functools.partial(checked, getattr(lambda_svc, name)))
    cloudformation.wrap("AWS::Lambda::Function", "create", create_of_stack)
    cloudformation.wrap("AWS::Lambda::Function", "update", update_of_stack)
