"""The stack: which one is the workshop's, its state, and where its resources are."""

from __future__ import annotations

from kit.page.formatting import Json, iso
from kit.page.pollers.poller import Poller

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
OURS = {"TwitterBucket", "RekognitionLambdaFunction"}


class Stacks(Poller):
    """The newest stack with our resources."""

    stage = "StreamingInstance"
    service = "The offline AWS"

    def poll(self) -> None:
        """Its state, and its resources once it is complete."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = [stack for page in pages for stack in page["Stacks"]]
        stacks = [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
        stacks.sort(key=lambda stack: stack["CreationTime"], reverse=True)
        for stack in stacks:
            if self.is_ours(stack):
                return
        if self.state.stack:
            self.state.forget_stack()

    def is_ours(self, stack: Json) -> bool:
        """Whether this is the workshop's stack; if so, note how it is."""
        state, identity, status = self.state, stack["StackId"], stack["StackStatus"]
        before = state.stack if state.stack and state.stack["id"] == identity else None
        if before and before["status"] == status and not status.endswith("_IN_PROGRESS"):
            return True
        ids = self.resources(identity)
        building = status in ("CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS") and not ids
        if not building and not OURS & ids.keys():
            return False  # a stack of something else
        if not before:
            state.forget_stack()
        failed = "FAILED" in status or "ROLLBACK" in status
        state.stack = {
            "id": identity,
            "name": stack["StackName"],
            "status": status,
            "created": iso(stack["CreationTime"].replace(microsecond=0)),
            "failure": self.first_failure(identity) if failed else "",
        }
        state.ids = {name: value for name, value in ids.items() if value and status in COMPLETE}
        return True

    def resources(self, identity: str) -> dict[str, str]:
        """Physical ids by logical id."""
        paginator = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
            for page in paginator.paginate(StackName=identity)
            for resource in page["StackResourceSummaries"]
        }

    def first_failure(self, identity: str) -> str:
        """Which resource failed first, and why."""
        answer = self.client("cloudformation").describe_stack_events(StackName=identity)
        failures = [e for e in answer["StackEvents"] if e["ResourceStatus"].endswith("_FAILED")]
        if not failures:
            return "no event says why"
        first = failures[-1]  # the newest comes first
        return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason')}"
