"""What was posted, and how the emulated X is: for the workshop's page and for tests, not of X."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.errors import INVALID_REQUEST, Problem
from kit.emulators.x.photo_host import PhotoHost
from kit.emulators.x.posts import Post
from kit.emulators.x.store import Memory
from kit.emulators.x.stream import FilteredStream


class Overview:
    """Looks at the others, and changes nothing."""

    def __init__(self, memory: Memory, stream: FilteredStream, photo_host: PhotoHost) -> None:
        self.memory = memory
        self.stream = stream
        self.photo_host = photo_host

    async def posts(self, request: Request) -> Response:
        """GET /_workshop/posts: all posts, the newest first; ?after=ID&limit=N for fewer."""
        after = request.query_params.get("after")
        posts: Iterator[Post] = itertools.takewhile(
            lambda post: post.id != after, reversed(self.memory.posts)
        )
        try:
            limit = int(request.query_params.get("limit", len(self.memory.posts)))
            posts = itertools.islice(posts, limit)
        except ValueError:
            raise Problem(400, **INVALID_REQUEST) from None
        streamed = self.stream.streamed
        return JSONResponse(
            [
                data | {"media": media, "user": user, "streamed": data["id"] in streamed}
                for data, media, user in map(self.memory.describe, posts)
            ]
        )

    async def stats(self, _: Request) -> Response:
        """GET /_workshop/stats and /_workshop/ready."""
        return JSONResponse(
            {
                "connected": self.stream.connection is not None,
                "refusal": self.stream.refusal,
                "connects": self.stream.connects,
                "delivered": self.stream.delivered,
                "photos_served": self.photo_host.served,
                "posts": len(self.memory.posts),
                "rules": self.memory.rule_set.rules,
            }
        )
