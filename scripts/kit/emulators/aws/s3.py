"""S3: its events need the permission of the function, and a batch is deleted key by key.

A new object invokes a function only with the function's permission at that moment. ministack
delivers whatever the resource-based policy says; of queues and topics it asks. An event that S3 may
not deliver is lost, as on AWS: nobody is told. Here the denied calls have it (see admin).

DeleteObjects answers 200 and names the keys that the caller may not delete; ministack refuses the
whole request.

AWS: S3 User Guide, "Granting permissions to publish event notification messages to a
destination"; Lambda Developer Guide, "Process Amazon S3 event notifications with Lambda"; S3 API
Reference, "DeleteObjects".
"""

from __future__ import annotations

import contextvars
import functools
import html
import re
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc, s3

from kit.emulators.aws.auth import may
from kit.emulators.aws.cloudtrail import record_denial

S3 = "s3.amazonaws.com"
INVOKE = "lambda:InvokeFunction"
DELETE, DELETE_VERSION = "s3:DeleteObject", "s3:DeleteObjectVersion"
ACCESS_KEY = re.compile(r"Credential=(\w+)/")

in_batch = contextvars.ContextVar("in_batch", default=False)  # whether the request deletes many


# --- Events ------------------------------------------------------------------------------------


def may_invoke(function_arn: str, bucket: str) -> bool:
    """Whether a function's resource-based policy lets S3 invoke it for a bucket."""
    function, _, _ = lambda_svc._get_func_record_for_ref(function_arn)
    question = iam_evaluator.EvalContext(
        principal_arn="*",  # it is the service, and nobody of an account
        principal_type="Service",
        principal_account="",
        action=INVOKE,
        resource_arn=function_arn,
        region=get_region(),
        service_context={
            "aws:sourcearn": f"arn:aws:s3:::{bucket}",
            "aws:sourceaccount": s3._bucket_owner_account(bucket) or get_account_id(),
        },
    )
    policy = (function or {}).get("policy")
    answer = iam_evaluator.evaluate_resource_policy(policy, question, service=S3)
    return bool(answer.decision == "Allow")


def invoke_function(
    original: Callable[..., None], function_arn: str, event: dict[str, Any], region: str
) -> None:
    """Invoke a function for an event, if it permits that."""
    if may_invoke(function_arn, event["Records"][0]["s3"]["bucket"]["name"]):
        original(function_arn, event, region)
    else:
        record_denial(S3, INVOKE, function_arn)


# --- Deleting many -----------------------------------------------------------------------------


def action_of(original: Callable[..., Any], method: str, path: str, query: dict[str, Any]) -> Any:
    """The action of a request; note whether it deletes many objects."""
    in_batch.set(method == "POST" and "delete" in query)
    return original(method, path, query)


def enforce(original: Callable[..., Any], key: str, action: str, *more: Any, **others: Any) -> Any:
    """Let ministack check a request; what a batch may delete is checked key by key, later."""
    answer = original(key, action, *more, **others)
    is_denial = isinstance(answer, iam_evaluator.EvalResult)
    return None if is_denial and in_batch.get() and action in (DELETE, DELETE_VERSION) else answer


def delete_objects(
    original: Callable[..., Any], bucket: str, body: bytes, headers: dict[str, str]
) -> Any:
    """Delete what the caller may, and answer with an error for each other key.

    AWS: S3 API Reference, "DeleteObjects": s3:DeleteObject is always needed, and for a version
    s3:DeleteObjectVersion, too.
    """
    caller = ACCESS_KEY.search(headers.get("authorization", ""))
    try:
        root, errors = s3.fromstring(body), ""
    except s3.ParseError:
        return original(bucket, body, headers)
    objects = [one for one in root if one.tag.rpartition("}")[2] == "Object"]
    targets = iam_actions._s3_batch_delete_targets(bucket, body)
    for one, (arn, version) in zip(objects, targets, strict=True):
        actions = (DELETE, DELETE_VERSION) if version else (DELETE,)
        if caller and not all(may(caller[1], action, arn)["allowed"] for action in actions):
            root.remove(one)
            key = html.escape(arn.partition("/")[2])
            errors += f"<Error><Key>{key}</Key><Code>AccessDenied</Code>"
            errors += "<Message>Access Denied</Message></Error>"
    if not errors:
        return original(bucket, body, headers)
    answer = f'<DeleteResult xmlns="{s3.S3_NS}"></DeleteResult>'.encode()
    if len(root):
        _, _, answer = original(bucket, s3.tostring(root), headers)
    result = s3.fromstring(answer)
    result.extend(s3.fromstring(f'<X xmlns="{s3.S3_NS}">{errors}</X>'))
    return 200, {"Content-Type": "application/xml"}, s3.tostring(result)


def install() -> None:
    """Let S3 ask before it invokes a function, and delete like this."""
    s3._deliver_event_to_lambda = functools.partial(invoke_function, s3._deliver_event_to_lambda)
    iam_actions._s3_action = functools.partial(action_of, iam_actions._s3_action)
    iam_evaluator.enforce = functools.partial(enforce, iam_evaluator.enforce)
    s3._delete_objects = functools.partial(delete_objects, s3._delete_objects)
