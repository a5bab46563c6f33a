"""The stack: the newest one of the workshop, its status, and the ids of its resources."""

from __future__ import annotations

from kit.jsonl import Json
from kit.page.formatting import iso
from kit.page.pollers.poller import Poller
from kit.stack.find import COMPLETE, failure_of, workshop_stacks


class Stacks(Poller):
    """The newest stack of the workshop."""

    stage = "StreamingInstance"
    service = "The offline AWS"

    def poll(self) -> None:
        """Its status, and its resources once it is complete."""
        stacks = workshop_stacks(self.client("cloudformation"), "RekognitionLambdaFunction")
        newest = next(stacks, None)
        if newest:
            self.update(newest)
        elif self.state.stack:
            self.state.forget_stack()

    def update(self, stack: Json) -> None:
        """Write a stack into the state, if it is another one or has changed."""
        state, identity, status = self.state, stack["StackId"], stack["StackStatus"]
        before = state.stack if state.stack and state.stack["id"] == identity else None
        if before and before["status"] == status and not status.endswith("_IN_PROGRESS"):
            return
        ids = self.resources(identity) if status in COMPLETE else {}
        failed = "FAILED" in status or "ROLLBACK" in status
        failure = failure_of(self.client("cloudformation"), identity) if failed else ""
        if not before:
            state.forget_stack()
        state.stack = {
            "id": identity,
            "name": stack["StackName"],
            "status": status,
            "created": iso(stack["CreationTime"].replace(microsecond=0)),
            "failure": failure,
        }
        state.ids, state.last_stack = ids, stack["StackName"]

    def resources(self, identity: str) -> dict[str, str]:
        """Physical ids by logical id."""
        paginator = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in paginator.paginate(StackName=identity)
            for resource in page["StackResourceSummaries"]
            if resource.get("PhysicalResourceId")
        }
