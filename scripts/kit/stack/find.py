"""Find the workshop's stack, and what failed in it; on AWS and in the emulated AWS.

`cloudformation` is a boto3 client; a stack is what DescribeStacks says about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import itemgetter
from typing import Any

from botocore.exceptions import ClientError

from kit.errors import InputError
from kit.jsonl import Json

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


class StackNotFoundError(InputError):
    """There is no such stack, or there are several."""


def workshop_stacks(
    cloudformation: Any, logical_id: str, name: str | None = None
) -> Iterator[Json]:
    """Yield the workshop's stacks, newest first, whatever their status.

    Their templates tell, because a stack that begins or that failed has no resources.

    Args:
        cloudformation: the client.
        logical_id: a resource that the template has.
        name: the only stack to consider. Default: all.
    """
    stacks = described(cloudformation, name)
    for stack in sorted(stacks, key=itemgetter("CreationTime"), reverse=True):
        body: Any = ""
        with suppress(ClientError):  # no template yet, or deleted in the meantime
            body = cloudformation.get_template(StackName=stack["StackId"])["TemplateBody"]
        resources = body if isinstance(body, str) else body.get("Resources", {})  # YAML or JSON
        if logical_id in resources and stack["StackStatus"] != "DELETE_COMPLETE":
            yield stack


def described(cloudformation: Any, name: str | None) -> list[Json]:
    """The stack of that name, if there is one; without a name all stacks."""
    which = {"StackName": name} if name else {}
    try:
        pages = cloudformation.get_paginator("describe_stacks").paginate(**which)
        return [stack for page in pages for stack in page["Stacks"]]
    except ClientError as error:
        # No stack has this name, or no stack can have it.
        if name and error.response["Error"]["Code"] == "ValidationError":
            return []
        raise


def find_stack(cloudformation: Any, logical_id: str) -> Json | None:
    """The newest complete stack of the workshop, or None."""
    stacks = workshop_stacks(cloudformation, logical_id)
    return next((stack for stack in stacks if stack["StackStatus"] in COMPLETE), None)


def choose_stack(stacks: Iterable[Json], name: str | None, region: str) -> Json:
    """The stack of that name, or the only one; one that is being deleted is the last choice.

    Raises:
        StackNotFoundError: there is none, or several.
    """
    found = [stack for stack in stacks if not name or stack["StackName"] == name]
    found = [stack for stack in found if stack["StackStatus"] != "DELETE_IN_PROGRESS"] or found
    if len(found) == 1:
        return found[0]
    if name:
        raise StackNotFoundError(f"There is no stack of this workshop called {name} in {region}.")
    if not found:
        raise StackNotFoundError(
            f"There is no stack of this workshop in {region}: launch it (step 3), or name another "
            "region with AWS_DEFAULT_REGION."
        )
    names = ", ".join(sorted(stack["StackName"] for stack in found))
    raise StackNotFoundError(f"There are several stacks: name one with --stack ({names}).")


def failure_of(cloudformation: Any, name: str) -> str:
    """Which resource failed first in a stack's last operation, and why: "Bucket: it exists"."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    failure = first_failure(event for page in pages for event in page["StackEvents"])
    if "DescribeEvents" not in failure:
        return failure
    # AWS refused the template before the first resource, and keeps the details elsewhere.
    answer = cloudformation.describe_events(StackName=name, Filters={"FailedEvents": True})
    reasons = [
        f"{event.get('LogicalResourceId')}: {event['ValidationStatusReason']}"
        for event in answer["OperationEvents"]
        if "ValidationStatusReason" in event
    ]
    return "; ".join(reasons) or failure


def first_failure(events: Iterable[Json]) -> str:
    """The first failure among a stack's events, which come newest first."""
    failure = "no event says why"
    for event in events:
        reason = event.get("ResourceStatusReason", "")
        # "Resource creation cancelled" only follows from the failure that is looked for.
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
            failure = f"{event['LogicalResourceId']}: {reason or 'no reason given'}"
        if reason == "User Initiated":  # here the last operation began
            break
    return failure
