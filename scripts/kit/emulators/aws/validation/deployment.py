"""Refuses properties as CloudFormation does: before the deployment, or when their resource's turn
comes.

Since 2026-06-30 CreateStack, UpdateStack and CreateChangeSet validate the properties of most types
before the first resource: the operation fails, nothing is created, and DescribeEvents has the
details. Types for which that is not supported, and values that are known only later, are validated
by the resource's handler: CREATE_FAILED, and the stack is rolled back.

AWS: CloudFormation User Guide, "Validate stack deployments", with the list of types and an example
of each answer.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Collection
from typing import Any

from ministack.services.cloudformation import engine, stacks

from kit.emulators.aws.validation.errors import ResourceError
from kit.emulators.aws.validation.properties import UNKNOWN, Violation, violations

# Of the types that the document lists as not supported, those near the workshop.
VALIDATED_LATER = frozenset(
    f"AWS::{name}"
    for name in [
        "EC2::SecurityGroup",
        "EC2::SecurityGroupEgress",
        "EC2::SecurityGroupIngress",
        "IAM::AccessKey",
        "IAM::Group",
        "IAM::InstanceProfile",
        "IAM::Policy",
        "IAM::Role",
        "IAM::User",
        "KMS::Alias",
        "KMS::Key",
        "KinesisFirehose::DeliveryStream",
        "Lambda::EventInvokeConfig",
        "Lambda::EventSourceMapping",
        "Logs::LogGroup",
        "S3::AccessPoint",
        "S3::BucketPolicy",
        "SNS::Subscription",
        "SNS::Topic",
        "SNS::TopicPolicy",
        "SQS::QueuePolicy",
        "StepFunctions::StateMachine",
    ]
)
ANSWER = re.compile(r"<Message>(.+?)</Message>|\"[mM]essage\": ?\"((?:[^\"\\]|\\.)+)\"", re.DOTALL)

Properties = dict[str, Any]
Error = tuple[str, str, str, str, str]  # logical ID, type, name, path and reason

# By type: raises ResourceError if the service refuses what the schema allows.
refusals: dict[str, list[Callable[[Properties], None]]] = {}


class Values:
    """What is known of a template's values before its deployment.

    Args:
        resources: the template's, which do not exist yet.
        parameters, conditions, mappings, stack_name, stack_id: as ministack has them.
    """

    def __init__(self, resources: Collection[str], *rest: Any) -> None:
        self.resources = resources
        self.parameters, self.conditions, self.mappings, *self.stack = rest

    def of(self, node: Any) -> Any:
        """A part of a template without functions; UNKNOWN for what depends on a resource."""
        if isinstance(node, list):
            known = [self.of(each) for each in node]
            return [each for each in known if each is not engine._NO_VALUE]
        if isinstance(node, str):
            return UNKNOWN if "{{resolve:" in node else node
        if not isinstance(node, dict):
            return node
        name = next(iter(node)) if len(node) == 1 else ""
        if name == "Fn::If":
            condition, yes, no = node[name]
            return self.of(yes if self.conditions.get(condition) else no)
        if name == "Ref" or name.startswith("Fn::"):
            return self.call(node)
        members = {key: self.of(value) for key, value in node.items()}
        return {key: value for key, value in members.items() if value is not engine._NO_VALUE}

    def call(self, node: Properties) -> Any:
        """What a function returns, if that is known."""
        if any(name in self.resources for name, _ in engine._intrinsic_references(node)):
            return UNKNOWN
        try:
            value = engine._resolve_refs(
                copy.deepcopy(node),
                {},
                self.parameters,
                self.conditions,
                self.mappings,
                *self.stack,
            )
        except (ValueError, TypeError, KeyError, IndexError):  # an export that does not exist, say
            return UNKNOWN
        return self.of(value) if isinstance(value, str) else value


def early_errors(
    original: Callable[..., list[Error]],
    resources: dict[str, Properties],
    ordered: list[str],
    *values: Any,
    **more: Any,
) -> list[Error]:
    """What the validation before a deployment finds: ministack's errors, and those of schemas.

    ministack itself looks for taken bucket names, and checks few types.
    """
    known = Values(resources, *values[:5])
    errors = original(resources, ordered, *values, **more)
    named = {(logical_id, path) for logical_id, _, _, path, _ in errors}
    for logical_id in ordered:
        resource = resources[logical_id]
        if resource["Type"] not in VALIDATED_LATER:
            for found in violations(resource["Type"], known.of(resource.get("Properties", {}))):
                path = "/".join([f"/Resources/{logical_id}/Properties", *map(str, found.path)])
                reason = found.early or f"{found.pointer}: {found.message}"
                if (logical_id, path) not in named:
                    error = (logical_id, resource["Type"], "PROPERTY_VALIDATION", path, reason)
                    errors.append(error)
    return errors


def check_deployed(resource_type: str, logical_id: str, properties: Properties) -> None:
    """Check the properties of a resource whose turn has come.

    Raises:
        ValueError: its handler, or its service, refuses them.
    """
    if found := violations(resource_type, without_stack_tags(properties)):
        raise ValueError(handler_message(logical_id, found))
    for check in refusals.get(resource_type, []):
        check(properties)


def without_stack_tags(properties: Properties) -> Properties:
    """Properties without the tags that CloudFormation itself adds to them."""
    tags = properties.get("Tags")
    if not isinstance(tags, list):
        return properties
    own = [tag for tag in tags if not str(tag.get("Key", "")).startswith("aws:")]
    return {**properties, "Tags": own}


def handler_message(logical_id: str, found: list[Violation]) -> str:
    """What a resource's handler says of wrong properties."""
    lines = [f"{each.pointer}: {each.message}" for each in found]
    return f"Properties validation failed for resource {logical_id} with message:\n" + "\n".join(
        f"[{line}]" for line in lines
    )


def provision(
    original: Callable[..., Any],
    resource_type: str,
    logical_id: str,
    properties: Properties,
    *more: Any,
) -> Any:
    """Create a resource, if its handler accepts it."""
    check_deployed(resource_type, logical_id, properties)
    with_message = in_words(original, resource_type)
    return with_message(resource_type, logical_id, properties, *more)


def update(original: Callable[..., Any], resource_type: str, *arguments: Any) -> Any:
    """Update a resource, if its handler accepts it."""
    _, old, new, _, logical_id, *_ = arguments
    if new != old:
        check_deployed(resource_type, logical_id, new)
    return in_words(original, resource_type)(resource_type, *arguments)


def in_words(original: Callable[..., Any], resource_type: str) -> Callable[..., Any]:
    """Let a handler raise the message of its service, where ministack raises the whole answer."""

    @functools.wraps(original)
    def called(*arguments: Any) -> Any:
        try:
            return original(*arguments)
        except ResourceError:
            raise
        except ValueError as error:
            if answer := ANSWER.search(str(error)):
                service = resource_type.split("::")[1].removeprefix("Kinesis")
                raise ResourceError(answer[1] or answer[2], service) from error
            raise

    return called


def install() -> None:
    """Let CloudFormation validate like this."""
    stacks._validation_errors = functools.partial(early_errors, stacks._validation_errors)
    stacks._provision_resource = functools.partial(provision, stacks._provision_resource)
    stacks._update_resource = functools.partial(update, stacks._update_resource)
