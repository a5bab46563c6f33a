"""S3: a new object invokes a function only with the function's permission at that moment.

ministack delivers to a function whatever its resource-based policy says; of queues and topics it
asks. An event that S3 may not deliver is lost, as on AWS: nobody is told. Here the denied calls
have it (see admin).

AWS: S3 User Guide, "Granting permissions to publish event notification messages to a
destination"; Lambda Developer Guide, "Process Amazon S3 event notifications with Lambda".
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc, s3

from kit.emulators.aws.cloudtrail import record_denial

S3 = "s3.amazonaws.com"
INVOKE = "lambda:InvokeFunction"


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


def install() -> None:
    """Let S3 ask before it invokes a function."""
    s3._deliver_event_to_lambda = functools.partial(invoke_function, s3._deliver_event_to_lambda)
