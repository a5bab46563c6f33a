"""IAM and STS: may a caller do something, may a role; temporary credentials of a role.

ministack checks the policies of the sender of a request. Where one of its services acts for a
role, as Firehose does when it writes an object, it checks nothing: the plug-ins ask here. The
emulated Rekognition asks, too, over HTTP (see admin).

AWS: IAM User Guide, "Policy evaluation logic" and "Temporary security credentials in IAM".
"""

from __future__ import annotations

import functools
import logging
import secrets
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import sts

from kit.emulators.aws.cloudtrail import record_denial
from kit.keys import take_token

logger = logging.getLogger("workshop")
workshop_token = take_token()


def may(access_key: str, action: str, resource: str) -> dict[str, Any]:
    """Say whether the policies of a caller allow an action on a resource (an ARN or *).

    Returns: "allowed"; and "message", the reason that AWS gives for a denial.
    """
    principal = iam_evaluator.resolve_principal(access_key, get_account_id())
    if not access_key or isinstance(principal, iam_evaluator.AuthError):
        return {"allowed": False, "message": "The security token in the request is invalid."}
    if principal.policies is None:  # the account itself
        return {"allowed": True}
    question = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={},
        principal_keys=principal.keys,
    )
    answer = iam_evaluator.evaluate(question, principal.policies, *principal.limits)
    allowed = answer.decision == "Allow"
    if not allowed:
        record_denial(principal.arn, action, resource)
    denial = f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
    return {"allowed": allowed, "message": denial}


def role_may(role_arn: str, action: str, resource: str) -> bool:
    """Say whether a role may do an action; if not, ministack's log says so."""
    answer = may(service_key(role_arn), action, resource)
    if not answer["allowed"]:
        logger.warning(answer["message"])
    return bool(answer["allowed"])


@functools.cache
def service_key(role_arn: str) -> str:
    """An access key with which to ask whether a role may do something."""
    return new_session(role_arn, "service")["AccessKeyId"]


def new_session(role_arn: str, name: str) -> dict[str, str]:
    """Temporary credentials of a role, as STS makes them for a service."""
    role = role_arn.rpartition("/")[2]
    return new_session_of(session_arn(role, name), f"{role}:{name}")


def new_session_of(arn: str, user_id: str) -> dict[str, str]:
    """Temporary credentials that stand for somebody; nobody can guess them."""
    credentials = {
        "AccessKeyId": f"ASIA{secrets.token_hex(8).upper()}",
        "SecretAccessKey": secrets.token_hex(20),
        "Token": secrets.token_hex(),
    }
    register_session(arn, user_id, credentials)
    return credentials


def session_arn(role: str, name: str) -> str:
    """The ARN of a session of a role."""
    return f"arn:aws:sts::{get_account_id()}:assumed-role/{role}/{name}"


def register_session(arn: str, user_id: str, credentials: dict[str, str]) -> None:
    """Let temporary credentials stand for somebody."""
    sts.register_session(
        credentials["AccessKeyId"],
        {
            "Arn": arn,
            "UserId": user_id,
            "SecretAccessKey": credentials["SecretAccessKey"],
            "SessionToken": credentials["Token"],
        },
    )
