"""PostsTable: which photos have metadata, and which an outcome."""

from __future__ import annotations

import time
from typing import Any

from kit.page.documents import Content, Doc, entry, pretty, seconds_since
from kit.page.known import Known
from kit.page.parties import Parties
from kit.page.pollers.look import LookInside, Names


class PostsTable(LookInside):
    """The items of the photos that are kept."""

    hop = "PostsTable"
    party = "The table"

    def __init__(self, parties: Parties, known: Known) -> None:
        super().__init__(parties, known)
        self.seen = Names()
        self.asked: list[tuple[Any, ...]] = []
        self.asked_at = 0.0

    def look(self) -> None:
        """Outcomes of photos that have none yet.

        It asks when something has happened, and otherwise now and then; the outcome is written
        shortly after the comparison.
        """
        pending = [
            photo
            for photo in self.known.posts.newest_photos()
            if photo["delivered"] and not photo["outcome"] and not photo["old"]
        ][:100]
        marks = [(p["key"], p["stored"], p["compared"], p["mailed"]) for p in pending]
        soon = any(p["compared"] and seconds_since(p["compared"]) < 5 for p in pending)
        now = time.monotonic()
        if not pending or (marks == self.asked and not soon and now - self.asked_at < 3):
            return
        self.asked, self.asked_at = marks, now
        for key, item in self.items([photo["key"] for photo in pending]).items():
            photo = self.known.posts.photo(key)
            if self.seen.new(key):
                self.box.last = max(self.box.last or "", photo["stored"] or photo["delivered"])
            if "outcome" in item:
                similarity = photo["similarity"]
                if similarity is None and "similarity" in item:
                    similarity = float(item["similarity"])
                self.known.posts.change(key, outcome=item["outcome"], similarity=similarity)
        described = self.client("dynamodb").describe_table(TableName=self.physical_id)
        self.box.count = described["Table"]["ItemCount"]

    def items(self, keys: list[str]) -> dict[str, Doc]:
        """The items of photos, by media key; their values without DynamoDB's types."""
        table = self.physical_id
        wanted = [{"media_key": {"S": key}} for key in keys]
        answer = self.client("dynamodb").batch_get_item(RequestItems={table: {"Keys": wanted}})
        return {
            item["media_key"]["S"]: {
                name: next(iter(value.values())) for name, value in item.items()
            }
            for item in answer["Responses"].get(table, [])
        }

    def content(self) -> Content:
        """The items of the newest photos."""
        photos = [photo for photo in self.known.posts.newest_photos() if photo["delivered"]]
        keys = [photo["key"] for photo in photos][:10]
        found = self.items(keys) if keys else {}
        entries = [entry(key, pretty(found[key])) for key in keys if key in found]
        about = f"{self.box.count} items. Those of the newest photos:"
        return Content(about, entries, f"aws dynamodb scan --table-name {self.physical_id}")
