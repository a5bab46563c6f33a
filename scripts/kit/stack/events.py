"""A stack's events, as they come: what is created or deleted, and what failed.

CloudFormation API Reference, "DescribeStackEvents": newest first, and of a deleted stack only by
its ID.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from kit.errors import WorkshopError
from kit.jsonl import Json

POLL_SECONDS = 0.3
LONGEST = 3600  # seconds; every wait in the template ends earlier


class Events:
    """The events of one stack; each is given out once.

    Args:
        cloudformation: a boto3 client.
        stack_id: the stack's, not its name.
        slowness: how many times longer than in the emulated AWS it takes.
    """

    def __init__(self, cloudformation: Any, stack_id: str, slowness: int = 1) -> None:
        self.pages = cloudformation.get_paginator("describe_stack_events")
        self.stack_id = stack_id
        self.pause = POLL_SECONDS * slowness
        self.seen: set[str] = set()

    def new(self) -> list[Json]:
        """Those that came since the last call, oldest first."""
        found = []
        for page in self.pages.paginate(StackName=self.stack_id):
            events = [one for one in page["StackEvents"] if one["EventId"] not in self.seen]
            found += events
            if len(events) < len(page["StackEvents"]):
                break  # the rest is older still
        self.seen |= {event["EventId"] for event in found}
        return found[::-1]

    def follow(self, deletion: bool = False) -> Iterator[Json]:
        """Yield the events until the creation, or the deletion, has ended; the last one says how.

        Raises:
            WorkshopError: CloudFormation does not end it.
        """
        started = time.monotonic()
        while time.monotonic() - started < LONGEST:
            for event in self.new():
                yield event
                if self.ends(event, deletion):
                    return
            time.sleep(self.pause)
        raise WorkshopError(
            f"CloudFormation has been busy for {LONGEST // 60} minutes with {self.stack_id}: see "
            "its events in the console."
        )

    def ends(self, event: Json, deletion: bool) -> bool:
        """Whether an operation on the whole stack has ended with this event."""
        status = event["ResourceStatus"]
        return (
            event.get("PhysicalResourceId") == self.stack_id
            and not status.endswith("_IN_PROGRESS")
            and status.startswith("DELETE_") == deletion
        )
