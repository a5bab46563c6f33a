"""The objects of a bucket: those that are new, and the listing of the newest."""

from __future__ import annotations

from collections import deque

from kit.jsonl import Json
from kit.page.formatting import iso
from kit.page.pollers.poller import ContentPoller, SeenNames
from kit.page.services import Services
from kit.page.state import State

AGAIN = 20  # objects listed once more, as some come out of order


class Objects:
    """Objects below a prefix whose names grow with time."""

    def __init__(self, services: Services, prefix: str) -> None:
        self.services = services
        self.prefix = prefix
        self.seen = SeenNames()
        self.recent: deque[str] = deque(maxlen=AGAIN)

    def new(self, bucket: str) -> list[Json]:
        """The objects that are not noted yet, in the order of their names."""
        start = {"StartAfter": self.recent[0]} if len(self.recent) == AGAIN else {}
        paginator = self.services.client("s3").get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=bucket, Prefix=self.prefix, **start)
        found = [one for page in pages for one in page.get("Contents", [])]
        return [one for one in found if one["Key"] not in self.seen.names]

    def note(self, found: Json) -> None:
        """Note an object that was read: it is new no more."""
        self.seen.add(found["Key"])
        self.recent = deque(sorted([*self.recent, found["Key"]])[-AGAIN:], AGAIN)

    def newest(self, bucket: str) -> list[Json]:
        """The newest ones, the newest first."""
        start = {"StartAfter": self.recent[0][:-1]} if self.recent else {}
        answer = self.services.client("s3").list_objects_v2(
            Bucket=bucket, Prefix=self.prefix, MaxKeys=100, **start
        )
        found: list[Json] = answer.get("Contents", [])
        return sorted(found, key=lambda one: one["LastModified"], reverse=True)


def listing(objects: list[Json]) -> str:
    """Objects as `aws s3 ls` lists them; the browser writes its own time for that in UTC."""
    lines = [f"{iso(o['LastModified'])} {o['Size']:>10}  {o['Key']}" for o in objects]
    return "\n".join(lines) or "(nothing yet)"


class BucketPoller(ContentPoller):
    """A bucket's objects below a prefix."""

    service = "The bucket"
    prefix: str

    def __init__(self, services: Services, state: State) -> None:
        super().__init__(services, state)
        self.objects = Objects(services, self.prefix)
