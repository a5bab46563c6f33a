"""What was posted, and how the emulated X is: for the workshop's page and for tests, not of X."""

from __future__ import annotations

import itertools

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from offline.x.memory import Memory
from offline.x.photo_host import PhotoHost
from offline.x.stream import FilteredStream


class Overview:
    """Looks at the others, and changes nothing."""

    def __init__(self, memory: Memory, stream: FilteredStream, photo_host: PhotoHost) -> None:
        self.memory = memory
        self.stream = stream
        self.photo_host = photo_host

    async def posts(self, request: Request) -> Response:
        """GET /_workshop/posts: all posts, the newest first; ?after=ID&limit=N for fewer."""
        after = request.query_params.get("after")
        posts = itertools.takewhile(lambda post: post.id != after, reversed(self.memory.posts))
        limit = int(request.query_params.get("limit", len(self.memory.posts)))
        streamed = self.stream.streamed
        return JSONResponse(
            [
                data | {"media": media, "user": user, "streamed": data["id"] in streamed}
                for data, media, user in map(self.memory.describe, itertools.islice(posts, limit))
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
