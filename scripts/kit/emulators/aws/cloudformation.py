"""CloudFormation: Ref of a secret is its ARN; templates and metadata are read back in ASCII; who
asks for JSON gets JSON; a stack that is still being created can be deleted; what a resource that
could not be deleted depends on stays, so that the next deletion works.

The policy of a role refers to that ARN. Of characters beyond ASCII only "?" is read back, also by
cfn-init, which puts that on the instance. So the template and what is in it have none.

ministack's Ref is the secret's name; https://github.com/ministackorg/ministack/issues/1601 lists
where else its CloudFormation differs from AWS. The resource types of EC2 and SNS are in `ec2` and
`sns`.

AWS: CloudFormation Template Reference Guide, "AWS::SecretsManager::Secret", Return values;
the "?" is told in https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814,
and how a creation is cancelled before the deletion in issue 1730 there. ministack deletes while it
goes on to create. That ContentType=JSON gives JSON, with times in seconds, is in no document, but
cfn-init asks so (cfnbootstrap/cfn_client.py in aws-cfn-bootstrap) and reads nothing else.
"""

from __future__ import annotations

import asyncio
import functools
import html
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import QueryParser
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, provisioners, stacks

Operation = Callable[..., Any]  # creates, updates or deletes a resource of a type
Answer = tuple[int, dict[str, str], bytes]  # status, headers, body

RANDOM_SUFFIX = len("-xxxxxx")  # of a secret's ARN, after the name


def wrap(resource_type: str, operation: str, wrapper: Operation) -> None:
    """Put a function around one of a type's operations; it gets the original."""
    operations = provisioners._RESOURCE_HANDLERS[resource_type]
    operations[operation] = functools.partial(wrapper, operations[operation])


def create_secret(original: Operation, *arguments: Any) -> tuple[str, dict[str, Any]]:
    """Create a stack's secret; return its ARN, which is its Ref, and its attributes."""
    _, attributes = original(*arguments)
    return attributes["Arn"], attributes


def update_secret(
    original: Operation, arn: str, *arguments: Any, **more: Any
) -> tuple[str, dict[str, Any]]:
    """Change a stack's secret, which stays the same one; return as `create_secret` does."""
    _, attributes = original(secret_name(arn), *arguments, **more)
    return attributes["Arn"], attributes


def delete_secret(original: Operation, arn: str, *arguments: Any) -> None:
    """Delete a stack's secret."""
    original(secret_name(arn), *arguments)


def secret_name(arn: str) -> str:
    """The name of a secret, by which ministack finds it."""
    return arn.rpartition(":")[2][:-RANDOM_SUFFIX]


def get_template(original: Operation, *arguments: Any) -> Answer:
    """Read a template back."""
    status, headers, body = original(*arguments)
    return status, headers, ascii_only(body.decode()).encode()


def metadata_xml(original: Operation, *arguments: Any) -> str:
    """Read a resource's metadata back, which are JSON in XML."""
    text = html.unescape(
        original(*arguments).removeprefix("<Metadata>").removesuffix("</Metadata>")
    )
    if not text:
        return ""
    metadata = json.dumps(json.loads(text), ensure_ascii=False)
    return f"<Metadata>{handlers._esc(ascii_only(metadata))}</Metadata>"


def ascii_only(text: str) -> str:
    """A text with "?" for what is beyond ASCII."""
    return text.encode("ascii", "replace").decode()


async def handle_request(original: Operation, *request: Any) -> Answer:
    """Answer a request, in JSON if it asks for that."""
    method, _, _, body, query = request
    answer: Answer = await original(*request)
    given = query | parse_qs(body.decode("utf-8", "replace")) if method == "POST" else query
    if given.get("ContentType") != ["JSON"]:
        return answer
    status, _, xml = answer
    return status, {"Content-Type": "application/json"}, to_json(given["Action"][0], status, xml)


def to_json(action: str, status: int, xml: bytes) -> bytes:
    """An answer to an action in JSON instead of XML."""
    shape = model().operation_model(action).output_shape if status == 200 else None
    response = {"status_code": status, "headers": {}, "body": xml}
    content = QueryParser().parse(response, shape)
    request_id = {"RequestId": content.pop("ResponseMetadata")["RequestId"]}
    document = content | request_id
    if status == 200:
        result = {f"{action}Result": content, "ResponseMetadata": request_id}
        document = {f"{action}Response": result}
    return json.dumps(document, default=datetime.timestamp).encode()


@functools.cache
def model() -> ServiceModel:
    """CloudFormation as boto3 knows it."""
    return ServiceModel(Loader().load_service_model("cloudformation", "service-2"))


creating: dict[str, asyncio.Task[Any]] = {}  # stack ID → its creation or update
cancelled: set[str] = set()  # names of stacks that are deleted meanwhile


async def create(original: Operation, name: str, stack_id: str, *more: Any, **options: Any) -> None:
    """Create or update a stack; until it ends, a deletion can cancel it."""
    task = asyncio.current_task()
    assert task
    creating[stack_id] = task
    try:
        await original(name, stack_id, *more, **options)
    finally:
        del creating[stack_id]
        cancelled.discard(name)


async def delete(original: Operation, name: str, stack_id: str, *more: Any, **options: Any) -> None:
    """Delete a stack, after its creation has stopped at the next resource."""
    if task := creating.get(stack_id):
        cancelled.add(name)
        await asyncio.wait([task])
    await original(name, stack_id, *more, **options)


def provision(
    original: Operation, kind: str, logical_id: str, properties: Any, name: str, *more: Any
) -> Any:
    """Create a resource, unless its stack is deleted.

    Raises:
        ValueError: it is.
    """
    if name in cancelled:
        raise ValueError("Resource creation cancelled")
    return original(kind, logical_id, properties, name, *more)


async def roll_back(original: Operation, name: str, *more: Any, **options: Any) -> None:
    """Roll a failed operation back, unless the deletion of all follows."""
    if name not in cancelled:
        await original(name, *more, **options)


def delete_resource(original: Operation, *arguments: Any) -> Any:
    """Delete a resource, unless one that depends on it could not be deleted and still needs it.

    Raises:
        ValueError: there is such a one.
    """
    name, logical_id = arguments[-2:]
    stack = cloudformation._stacks.get(name) or {}
    left, template = stack.get("_resources", {}), stack.get("_template") or {}
    failed = [
        other
        for other, resource in left.items()
        if resource.get("ResourceStatus") == "DELETE_FAILED" and other != logical_id
    ]
    if logical_id in stacks._with_dependencies(failed, template.get("Resources", {}), set(left)):
        raise ValueError(f"{', '.join(failed)} could not be deleted, and may depend on it.")
    return original(*arguments)


def order(original: Operation, *arguments: Any) -> list[str]:
    """The order in which resources are created: those that only wait come last.

    AWS creates at the same time what does not depend on each other; ministack creates one resource
    after the other, and would wait for the signal of an instance that it has not created yet.
    """
    resources, ids = arguments[0], original(*arguments)
    return sorted(ids, key=lambda name: resources[name]["Type"].endswith("::WaitCondition"))


def install() -> None:
    """Let CloudFormation create and delete like this, and read back templates."""
    stacks._topological_sort = functools.partial(order, stacks._topological_sort)
    handlers._deploy_stack_async = functools.partial(create, handlers._deploy_stack_async)
    handlers._delete_stack_async = functools.partial(delete, handlers._delete_stack_async)
    stacks._provision_resource = functools.partial(provision, stacks._provision_resource)
    stacks._delete_resource = functools.partial(delete_resource, stacks._delete_resource)
    stacks._roll_back_operation = functools.partial(roll_back, stacks._roll_back_operation)
    cloudformation.handle_request = functools.partial(handle_request, cloudformation.handle_request)
    readers = handlers._ACTION_HANDLERS
    readers["GetTemplate"] = functools.partial(get_template, readers["GetTemplate"])
    handlers._resource_metadata_xml = functools.partial(
        metadata_xml, handlers._resource_metadata_xml
    )
    wrap("AWS::SecretsManager::Secret", "create", create_secret)
    wrap("AWS::SecretsManager::Secret", "update", update_secret)
    wrap("AWS::SecretsManager::Secret", "delete", delete_secret)
