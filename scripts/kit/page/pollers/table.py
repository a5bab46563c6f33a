"""PostsTable: which photos have metadata, and which an outcome."""

from __future__ import annotations

import time
from typing import Any

from kit.jsonl import Json
from kit.page.formatting import Content, counted, entry, pretty, seconds_since
from kit.page.pollers.poller import ContentPoller, SeenNames
from kit.page.services import Services
from kit.page.state import State

MAX_KEYS = 100  # that BatchGetItem takes


class PostsTable(ContentPoller):
    """The items of the newest photos."""

    stage = "PostsTable"
    service = "The table"

    def __init__(self, services: Services, state: State) -> None:
        super().__init__(services, state)
        self.seen = SeenNames()
        self.asked: list[tuple[Any, ...]] = []  # how far these photos were when it last asked
        self.asked_at = 0.0

    def poll(self) -> None:
        """Outcomes of photos that have none yet."""
        pending = [
            photo
            for photo in self.state.posts.newest_photos()
            if photo["delivered"] and not photo["outcome"] and not photo["old"]
        ][:MAX_KEYS]
        if self.due(pending):
            self.read([photo["key"] for photo in pending])

    def due(self, pending: list[Json]) -> bool:
        """Whether to ask: when something has happened to these photos, and else now and then.

        The outcome is written shortly after the comparison.
        """
        photos = [(p["key"], p["stored"], p["compared"], p["mailed"]) for p in pending]
        soon = any(p["compared"] and seconds_since(p["compared"]) < 5 for p in pending)
        waited = time.monotonic() - self.asked_at
        if not pending or (photos == self.asked and not soon and waited < 3):
            return False
        self.asked, self.asked_at = photos, time.monotonic()
        return True

    def read(self, keys: list[str]) -> None:
        """Read the items of these photos, and how many the table has."""
        status = self.status
        for key, item in self.items(keys).items():
            photo = self.state.posts.photo(key)
            if self.seen.add(key):
                status.last = max(status.last or "", photo["stored"] or photo["delivered"])
            if "outcome" in item:
                similarity = photo["similarity"]
                if similarity is None and "similarity" in item:
                    similarity = float(item["similarity"])
                self.state.posts.change(key, outcome=item["outcome"], similarity=similarity)
        described = self.client("dynamodb").describe_table(TableName=self.physical_id)
        status.count = described["Table"]["ItemCount"]

    def items(self, keys: list[str]) -> dict[str, Json]:
        """The items of photos, by media key; their values without DynamoDB's types."""
        table = self.physical_id
        request = {table: {"Keys": [{"media_key": {"S": key}} for key in keys]}}
        answer = self.client("dynamodb").batch_get_item(RequestItems=request)
        return {
            item["media_key"]["S"]: {
                name: next(iter(value.values())) for name, value in item.items()
            }
            for item in answer["Responses"].get(table, [])
        }

    def content(self) -> Content:
        """The items of the newest photos."""
        photos = [photo for photo in self.state.posts.newest_photos() if photo["delivered"]]
        keys = [photo["key"] for photo in photos][:10]
        found = self.items(keys) if keys else {}
        entries = [entry(key, pretty(found[key])) for key in keys if key in found]
        about = f"{counted(self.status.count, 'items')}. Those of the newest photos:"
        return Content(about, entries, f"aws dynamodb scan --table-name {self.physical_id}")
