"""The search for recent posts, with which a streamer finds the posts that it missed."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.auth import Auth
from kit.emulators.x.errors import INVALID_REQUEST, Problem
from kit.emulators.x.fields import RequestedFields
from kit.emulators.x.posts import made_at
from kit.emulators.x.rules import InvalidRule, compile_rule
from kit.emulators.x.store import Store


class Search:
    """Finds posts.

    Args:
        auth: checks the app's token.
        store: has the posts.
        delay: seconds until a post is found.
    """

    def __init__(self, auth: Auth, store: Store, delay: float) -> None:
        self.auth = auth
        self.store = store
        self.delay = delay

    async def recent(self, request: Request) -> Response:
        """GET /2/tweets/search/recent: posts that a query finds, the newest first, in pages."""
        self.auth.check_app(request)
        query = request.query_params
        try:
            matches = compile_rule(query["query"])
            since, size = int(query.get("since_id", 0)), int(query.get("max_results", 10))
            until = int(query.get("next_token", 1 << 63))
        except (InvalidRule, KeyError, ValueError):
            raise Problem(400, **INVALID_REQUEST) from None
        newest = time.time() - self.delay
        found = [
            post
            for post in reversed(self.store.posts)
            if since < int(post.id) < until
            and made_at(post.id) <= newest
            and not post.protected
            and matches(post)
        ]
        page = [self.store.objects_of(post) for post in found[:size]]
        fields = RequestedFields(query, in_search=True)
        answer: dict[str, Any] = {"meta": {"result_count": len(page)}}
        if page:
            answer["data"] = [fields.of_post(data) for data, _, _ in page]
            answer["includes"] = fields.includes(
                [item for _, media, _ in page for item in media],
                list({user["id"]: user for _, _, user in page}.values()),
            )
        if len(found) > size:
            answer["meta"]["next_token"] = found[size - 1].id
        return JSONResponse(answer)
