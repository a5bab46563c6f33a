"""The search for recent posts, with which a streamer finds what it missed."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.auth import Keys
from kit.emulators.x.errors import INVALID_REQUEST, Problem
from kit.emulators.x.fields import Wanted
from kit.emulators.x.ids import made_at
from kit.emulators.x.rules import InvalidRule, compile_rule
from kit.emulators.x.store import Memory


class Search:
    """Finds posts.

    Args:
        keys: tell who may search.
        memory: has the posts.
        delay: seconds until a post is found.
    """

    def __init__(self, keys: Keys, memory: Memory, delay: float) -> None:
        self.keys = keys
        self.memory = memory
        self.delay = delay

    async def recent(self, request: Request) -> Response:
        """GET /2/tweets/search/recent: posts that a query finds, the newest first, in pages."""
        self.keys.check_app(request)
        asked = request.query_params
        try:
            matches = compile_rule(asked["query"])
            since, size = int(asked.get("since_id", 0)), int(asked.get("max_results", 10))
            until = int(asked.get("next_token", 1 << 63))
        except (InvalidRule, KeyError, ValueError):
            raise Problem(400, **INVALID_REQUEST) from None
        newest = time.time() - self.delay
        found = [
            post
            for post in reversed(self.memory.posts)
            if since < int(post.id) < until and made_at(post.id) <= newest and matches(post)
        ]
        described = [self.memory.describe(post) for post in found[:size]]
        wanted = Wanted(asked)
        answer: dict[str, Any] = {"meta": {"result_count": len(described)}}
        if described:
            answer["data"] = [wanted.post(data) for data, _, _ in described]
            answer["includes"] = wanted.includes(
                [item for _, media, _ in described for item in media],
                list({user["id"]: user for _, _, user in described}.values()),
            )
        if len(found) > size:
            answer["meta"]["next_token"] = found[size - 1].id
        return JSONResponse(answer)
