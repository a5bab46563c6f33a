"""IAM: may a caller do something, may a role, and what was refused to whom.

ministack checks the policies of who sends a request. Where a service of ministack acts for a role,
as Firehose does when it writes an object, the plug-ins ask here.
"""

from __future__ import annotations

import functools
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region

from kit.emulators.aws.sessions import new_session

logger = logging.getLogger("workshop")

refusals: deque[dict[str, str]] = deque(maxlen=1000)  # who, action and resource, oldest first


def enforce(
    original: Callable[..., Any], key: str, action: str, *arguments: Any, **more: Any
) -> Any:
    """Ask ministack whether a request is allowed, and keep it if not."""
    answer = original(key, action, *arguments, **more)
    if isinstance(answer, iam_evaluator.EvalResult):
        resource = more.get("resource_arn", "*")
        refusals.append({"who": answer.principal_arn, "action": action, "resource": resource})
    return answer


def may(access_key: str, action: str, resource: str) -> dict[str, Any]:
    """Say whether the policies of a caller allow an action on a resource (an ARN or *)."""
    principal = iam_evaluator.resolve_principal(access_key, get_account_id())
    if isinstance(principal, iam_evaluator.AuthError):
        return {"allowed": False, "message": principal.message}
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
    if answer.decision != "Allow":
        refusals.append({"who": principal.arn, "action": action, "resource": resource})
    text = f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
    return {"allowed": answer.decision == "Allow", "message": text}


@functools.cache
def service_key(role_arn: str) -> str:
    """An access key with which to ask whether a role may do something."""
    return new_session(role_arn, "service")["AccessKeyId"]


def role_may(role_arn: str, action: str, resource: str) -> bool:
    """Say whether a role may do an action; if not, ministack's log says so."""
    answer = may(service_key(role_arn), action, resource)
    if not answer["allowed"]:
        logger.warning(answer["message"])
    return bool(answer["allowed"])


def install() -> None:
    """Keep what ministack refuses."""
    iam_evaluator.enforce = functools.partial(enforce, iam_evaluator.enforce)
