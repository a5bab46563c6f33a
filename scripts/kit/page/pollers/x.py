"""X and the streamer: new posts, and whether the streamer listens to them."""

from __future__ import annotations

from kit.page.formatting import Content, counted, entry, pretty
from kit.page.pollers.poller import ContentPoller
from kit.page.state import MAX_POSTS


class X(ContentPoller):
    """The emulated X."""

    stage = "X"
    service = "The offline X"

    def poll(self) -> None:
        """New posts."""
        posts, status = self.state.posts, self.status
        stats = self.services.admin("x", "stats")
        if stats["posts"] < status.count:  # X was started anew
            posts.clear()
        if stats["posts"] != status.count or (stats["posts"] and not posts.last):
            new = self.services.admin("x", f"posts?after={posts.last}&limit={MAX_POSTS}")
            for data in reversed(new):
                if data["id"] not in posts.by_id:
                    posts.add(data)
                    status.last = data["created_at"]
                    if data.get("streamed"):
                        self.state.stages["StreamingInstance"].last = data["created_at"]
        status.count = stats["posts"]
        self.state.x = stats

    def content(self) -> Content:
        """The newest posts as X describes them."""
        posts = self.services.admin("x", "posts?limit=10")
        entries = [entry(post["id"], pretty(post), post["created_at"]) for post in posts]
        return Content(
            f"{counted(self.status.count, 'posts')}. The newest, as X describes them:", entries
        )


class Streamer(ContentPoller):
    """The streamer on the instance, as X sees it."""

    stage = "StreamingInstance"
    service = "The offline X"

    def poll(self) -> None:
        """Its connection."""
        connected = self.state.x.get("connected")
        self.status.count = self.state.x.get("delivered", 0)
        self.status.note = "connected" if connected else "not connected"
        if self.state.ids and not connected:
            self.current_error = "Not connected to X: new posts do not travel."

    def content(self) -> Content:
        """Its connection and its rules."""
        about = (
            f"The streamer is {self.status.note} to X. Sent to it: "
            f"{counted(self.status.count, 'posts')}."
        )
        return Content(about, [entry("The rules of its stream", pretty(self.state.x.get("rules")))])
