"""X and the streamer: new posts, and whether somebody listens to them."""

from __future__ import annotations

from kit.page.documents import Content, entry, pretty
from kit.page.pollers.look import LookInside
from kit.page.posts import KEPT_POSTS


class X(LookInside):
    """The emulated X."""

    hop = "X"
    party = "The offline X"

    def look(self) -> None:
        """New posts."""
        posts, box = self.known.posts, self.box
        stats = self.parties.ask("x", "stats")
        if stats["posts"] < box.count:  # X was started anew
            posts.clear()
        if stats["posts"] != box.count or (stats["posts"] and not posts.last):
            new = self.parties.ask("x", f"posts?after={posts.last}&limit={KEPT_POSTS}")
            for data in reversed(new):
                if data["id"] not in posts.by_id:
                    posts.add(data)
                    box.last = data["created_at"]
                    if data.get("streamed"):
                        self.known.hops["StreamingInstance"].last = data["created_at"]
        box.count = stats["posts"]
        self.known.x = stats

    def content(self) -> Content:
        """The newest posts as X describes them."""
        posts = self.parties.ask("x", "posts?limit=10")
        entries = [entry(post["id"], pretty(post), post["created_at"]) for post in posts]
        return Content(f"{self.box.count} posts. The newest, as X describes them:", entries)


class Streamer(LookInside):
    """The streamer on the instance, as X sees it."""

    hop = "StreamingInstance"
    party = "The offline X"

    def look(self) -> None:
        """Its connection."""
        connected = self.known.x.get("connected")
        self.box.count = self.known.x.get("delivered", 0)
        self.box.note = "connected" if connected else "not connected"
        if self.known.ids and not connected:
            self.trouble = "Not connected to X: what is posted now does not travel."

    def content(self) -> Content:
        """Its connection and its rules."""
        about = f"The streamer is {self.box.note} to X. {self.box.count} posts were sent to it."
        return Content(about, [entry("The rules of its stream", pretty(self.known.x.get("rules")))])
