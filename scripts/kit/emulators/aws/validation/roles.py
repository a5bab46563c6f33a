"""Lambda and Firehose accept a role only if its trust policy lets them assume it.

ministack asks only whether the role exists. Lambda also refuses runtimes that never were, or that
are no longer supported. For the values that it takes, see `lambda_limits`.

AWS: Lambda Developer Guide, "Defining Lambda function permissions with an execution role" and
"Lambda runtimes"; Lambda API Reference, "CreateFunction"; Data Firehose Developer Guide,
"Controlling access with Amazon Data Firehose".
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import firehose, iam, lambda_svc

from kit.emulators.aws.validation import deployment
from kit.emulators.aws.validation.errors import ResourceError
from kit.emulators.aws.validation.properties import data_folder

Json = dict[str, Any]

LAMBDA, FIREHOSE = "lambda.amazonaws.com", "firehose.amazonaws.com"
LAMBDA_REFUSES = "The role defined for the function cannot be assumed by Lambda."
FIREHOSE_REFUSES = "Firehose is unable to assume role {role}. Please check the role provided."


def may_assume(service: str, role_arn: str) -> bool:
    """Whether the trust policy of a role lets a service assume it."""
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if not role:
        return False
    policy = role["AssumeRolePolicyDocument"]
    policy = json.loads(policy) if isinstance(policy, str) else policy
    statements = policy.get("Statement", [])
    statements = [statements] if isinstance(statements, dict) else statements
    question = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn=role["Arn"],
        region=get_region(),
        service_context={"aws:sourceaccount": get_account_id()}
        | ({"sts:externalid": get_account_id()} if service == FIREHOSE else {}),
    )
    document = {"Statement": [{**each, "Resource": "*"} for each in statements]}
    answer = iam_evaluator.evaluate_resource_policy(document, question, service=service)
    return bool(answer.decision == "Allow")


def lambda_refusal(function: Json) -> str | None:
    """Why Lambda refuses a function, or None."""
    if "Role" in function and not may_assume(LAMBDA, function["Role"]):
        return LAMBDA_REFUSES
    runtime = function.get("Runtime")
    if runtime in ended_runtimes():
        return (
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    if runtime and runtime not in runtimes():
        values = ", ".join(sorted(runtimes().keys() - ended_runtimes()))
        return (
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{values}] or be a valid ARN"
        )
    return None


@functools.cache
def runtimes() -> dict[str, dict[str, str | None]]:
    """All runtimes that Lambda ever had, with the days on which they end."""
    file = data_folder() / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
    known: dict[str, dict[str, str | None]] = json.loads(file.read_text(encoding="utf-8"))
    return known


def ended_runtimes() -> set[str]:
    """The runtimes with which no function can be created any more."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    return {name for name, days in runtimes().items() if (days["create-block"] or "9") <= today}


def firehose_refusal(stream: Json) -> str | None:
    """Why Firehose refuses a delivery stream, or None."""
    for name, destination in stream.items():
        if name.endswith(("DestinationConfiguration", "DestinationUpdate")):
            role = destination.get("RoleARN")
            if role and not may_assume(FIREHOSE, role):
                return FIREHOSE_REFUSES.format(role=role)
    return None


def check_function(properties: Json) -> None:
    """Refuse a function of a stack."""
    if message := lambda_refusal(properties):
        raise ResourceError(message, "Lambda")


def check_stream(properties: Json) -> None:
    """Refuse a delivery stream of a stack."""
    if message := firehose_refusal(properties):
        raise ResourceError(message, "Firehose")


def configure_function(original: Callable[..., Any], *arguments: Any) -> Any:
    """Create a function or change its configuration, if Lambda would."""
    if message := lambda_refusal(arguments[-1]):
        return error_response_json("InvalidParameterValueException", message, 400)
    return original(*arguments)


def configure_stream(original: Callable[..., Any], request: Json) -> Any:
    """Create a delivery stream or change its destination, if Firehose would."""
    if message := firehose_refusal(request):
        return error_response_json("InvalidArgumentException", message, 400)
    return original(request)


def install() -> None:
    """Let Lambda, Firehose and CloudFormation refuse like this."""
    deployment.refusals["AWS::Lambda::Function"] = [check_function]
    deployment.refusals["AWS::KinesisFirehose::DeliveryStream"] = [check_stream]
    for name in ("_create_function", "_update_config"):
        original = getattr(lambda_svc, name)
        setattr(lambda_svc, name, functools.partial(configure_function, original))
    for name in ("CreateDeliveryStream", "UpdateDestination"):
        original = firehose._HANDLERS[name]
        firehose._HANDLERS[name] = functools.partial(configure_stream, original)
