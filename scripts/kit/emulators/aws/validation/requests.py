"""Refuses calls of CloudFormation as AWS does, before ministack does them.

AWS: CloudFormation API Reference, "CreateStack", "UpdateStack", "CreateChangeSet" and
"ValidateTemplate"; User Guide, "Understand stack status codes" and "Validate stack deployments".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine, handlers, helpers, stacks

from kit.emulators.aws.validation import parameters, template
from kit.emulators.aws.validation.deployment import Error
from kit.emulators.aws.validation.errors import TemplateError

Parameters = dict[str, Any]  # of a call
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[Parameters], Answer]

UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
# A change set's reason, as in https://github.com/aws-cloudformation/rain/pull/744
CHECKS = {"NAME_CONFLICT_VALIDATION": "ResourceExistenceCheck"}
FAILED = (
    "The following hook(s)/validation failed: [{names}]. To troubleshoot Early Validation errors, "
    "use the DescribeEvents API for detailed failure information."
)


def create_stack(original: Handler, call: Parameters) -> Answer:
    """Create a stack, if AWS would; a stack that was rolled back keeps its name until deleted."""
    name = helpers._p(call, "StackName")
    stack = cloudformation._stacks.get(name)
    if stack and stack["StackStatus"] == "ROLLBACK_COMPLETE":
        return answer("AlreadyExistsException", f"Stack [{name}] already exists")
    return refusal(call, {}) or original(call)


def update_stack(original: Handler, call: Parameters) -> Answer:
    """Update a stack, if AWS would."""
    stack = handlers._resolve_stack(helpers._p(call, "StackName"))
    if not stack or stack["StackStatus"] == "DELETE_COMPLETE":
        return original(call)  # it says that there is no such stack
    return wrong_state(stack) or refusal(call, stack) or original(call)


def validate_template(original: Handler, call: Parameters) -> Answer:
    """Validate a template as AWS does."""
    return refusal(call, None) or original(call)


def create_change_set(original: Handler, call: Parameters) -> Answer:
    """Create a change set, if AWS would; with wrong properties it becomes a failed one."""
    stack = handlers._resolve_stack(helpers._p(call, "StackName"))
    exists = stack and stack["StackStatus"] not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
    wrong = wrong_state(stack) if exists else None
    if wrong or (wrong := refusal(call, stack or {})):
        return wrong
    result = original(call)
    if found := re.search(rb"<Id>(.+?)</Id>", result[2]):
        change_set = cloudformation._change_sets[found[1].decode()]
        if change_set["Status"] != "FAILED":
            validate_change_set(change_set)
    return result


def wrong_state(stack: dict[str, Any]) -> Answer | None:
    """The refusal of an update in the stack's present state."""
    status = stack["StackStatus"]
    if status in UPDATABLE or status == "IMPORT_ROLLBACK_COMPLETE":
        return None
    message = f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return answer("ValidationError", message)


def refusal(call: Parameters, stack: dict[str, Any] | None) -> Answer | None:
    """What AWS answers to a call with a wrong template or wrong parameters.

    Args:
        call: its parameters.
        stack: that is updated, or empty. None: only the template counts.
    """
    if helpers._request_problems(call, helpers._p(call, "StackName")):
        return None  # ministack refuses it in AWS's words, as it does the following
    body, problem = helpers._resolve_template(call)
    if stack and (helpers._p(call, "UsePreviousTemplate") == "true"):
        body = body or stack.get("_template_body")
    if problem:
        return None
    if not body:
        message = "Either Template URL or Template Body must be specified."
        return answer("ValidationError", message)
    try:
        parsed = template.parse(body)
        template.check(parsed)
        if stack is not None:
            given = helpers._extract_members(call, "Parameters")
            definitions = parsed.get("Parameters", {})
            parameters.check(definitions, given, stack.get("_resolved_params", {}))
    except TemplateError as error:
        return answer("ValidationError", str(error))
    return None


def answer(code: str, message: str) -> Answer:
    """The answer to a call that is refused."""
    result: Answer = helpers._error(code, message)
    return result


def validate_change_set(change_set: dict[str, Any]) -> None:
    """Validate the properties in a change set, and fail it if they are wrong."""
    body, resolved = change_set["_template"], change_set["_resolved_params"]
    conditions = engine._evaluate_conditions(body, resolved)
    resources = body.get("Resources", {})
    stack = handlers._resolve_stack(change_set["StackId"])
    owned = frozenset(each["PhysicalResourceId"] for each in stack["_resources"].values())
    errors = stacks._validation_errors(
        resources,
        engine._topological_sort(resources, conditions),
        resolved,
        conditions,
        body.get("Mappings", {}),
        change_set["StackName"],
        change_set["StackId"],
        owned,
    )
    if errors:
        names = dict.fromkeys(CHECKS.get(error[2], "PropertyValidation") for error in errors)
        change_set |= {
            "Status": "FAILED",
            "ExecutionStatus": "UNAVAILABLE",
            "StatusReason": FAILED.format(
                names=", ".join(f"AWS::EarlyValidation::{name}" for name in names)
            ),
            "_operation_events": events(change_set, errors),
        }


def events(change_set: dict[str, Any], errors: list[Error]) -> list[dict[str, Any]]:
    """What DescribeEvents has of a failed change set."""
    operation = change_set["ChangeSetId"].rpartition("/")[2]
    return [
        stacks._operation_event(
            change_set["StackId"],
            operation,
            "VALIDATION_ERROR",
            "CREATE_CHANGESET",
            LogicalResourceId=logical_id,
            ResourceType=resource_type,
            ValidationFailureMode="FAIL",
            ValidationName=name,
            ValidationStatus="FAILED",
            ValidationStatusReason=reason,
            ValidationPath=path,
        )
        for logical_id, resource_type, name, path, reason in errors
    ]


def describe_events(original: Handler, call: Parameters) -> Answer:
    """Describe the events of a change set, which ministack has not, or of a stack."""
    name = helpers._p(call, "ChangeSetName")
    change_set = cloudformation._change_sets.get(name)
    if not change_set:
        return original(call)
    fields = handlers._OPERATION_EVENT_FIELDS
    members = "".join(
        "<member>"
        + "".join(f"<{key}>{helpers._esc(event[key])}</{key}>" for key in fields if event.get(key))
        + "</member>"
        for event in change_set.get("_operation_events", [])
    )
    result: Answer = helpers._xml(
        200,
        "DescribeEventsResponse",
        f"<DescribeEventsResult><OperationEvents>{members}</OperationEvents></DescribeEventsResult>",
    )
    return result


def check_support(
    original: Callable[..., None], body: Parameters, conditions: dict[str, bool], **more: Any
) -> None:
    """Check what the conditions leave of a template, as well as what ministack does."""
    original(body, conditions, **more)
    if "Transform" not in body:
        template.check_created(body, conditions)


def install() -> None:
    """Let CloudFormation refuse calls like this."""
    actions = cloudformation._ACTION_HANDLERS
    for name, wrapper in (
        ("CreateStack", create_stack),
        ("UpdateStack", update_stack),
        ("ValidateTemplate", validate_template),
        ("CreateChangeSet", create_change_set),
        ("DescribeEvents", describe_events),
    ):
        actions[name] = functools.partial(wrapper, actions[name])
    for module in (handlers, changesets):
        support = functools.partial(check_support, module.validate_template_support)
        module.validate_template_support = support
    engine._constraint_error = parameters.constraint_error
