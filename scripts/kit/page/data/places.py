"""What there is to open: the stack's resources that hold data, and the account's other buckets."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from starlette.exceptions import HTTPException

from kit.page.services import Services
from kit.page.state import State
from kit.stack.template import load_template

KINDS = {
    "AWS::S3::Bucket": "bucket",
    "AWS::DynamoDB::Table": "table",
    "AWS::SQS::Queue": "queue",
    "AWS::SNS::Topic": "topic",
    "AWS::Logs::LogGroup": "log",
    "AWS::SecretsManager::Secret": "secret",
}
# Amazon S3 User Guide, "Bucket naming rules". Logical IDs begin with a capital letter.
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Place(NamedTuple):
    """A resource that holds data."""

    id: str  # in the page's addresses: its logical ID, or the name of a bucket
    kind: str  # one of KINDS
    name: str  # its physical ID


class Places:
    """All of them."""

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state

    def all(self) -> list[Place]:
        """Those of the stack, kind by kind, and the other buckets."""
        own = self.of_the_stack()
        listed = self.services.client("s3").list_buckets()["Buckets"]
        names = {place.name for place in own}
        others = [Place(b["Name"], "bucket", b["Name"]) for b in listed if b["Name"] not in names]
        return own + others

    def of_the_stack(self) -> list[Place]:
        """The resources of the stack that hold data; none as long as it is not complete."""
        ids = self.state.ids
        return [Place(name, kind, ids[name]) for name, kind in kinds().items() if name in ids]

    def find(self, identity: str) -> Place:
        """A place by its ID; a bucket of the stack also by its physical one.

        Raises:
            HTTPException: 404, there is none.
        """
        for place in self.of_the_stack():
            if identity in (place.id, place.name):
                return place
        if BUCKET.fullmatch(identity):  # S3 will say whether it is there
            return Place(identity, "bucket", identity)
        raise HTTPException(404, "It is not there: there is no complete stack that has it.")


@functools.cache
def kinds() -> dict[str, str]:
    """The kinds of the template's resources that hold data, by logical ID, kind by kind."""
    resources = load_template()["Resources"]
    return {
        name: kind
        for type_name, kind in KINDS.items()
        for name, resource in resources.items()
        if resource["Type"] == type_name
    }
