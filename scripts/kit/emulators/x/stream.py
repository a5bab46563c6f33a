"""The filtered stream: an app adds rules, connects once, and gets the posts that match.

https://docs.x.com/x-api/posts/filtered-stream/introduction
"""

from __future__ import annotations

import time
from collections import deque

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.auth import Auth
from kit.emulators.x.connection import Connection
from kit.emulators.x.errors import INVALID_REQUEST, STREAM_PROBLEMS, Problem
from kit.emulators.x.faults import Faults
from kit.emulators.x.fields import RequestedFields
from kit.emulators.x.posts import Post, now
from kit.emulators.x.requests import json_object
from kit.emulators.x.store import Store

CONNECTS_PER_WINDOW = 50
WINDOW_SECONDS = 15 * 60


class FilteredStream:
    """The rules of the app and its connection, of which there is at most one.

    Args:
        auth: checks the app's token.
        store: has the rules.
        faults: make it fail.
        keep_alive: seconds until a keep-alive is sent on a silent connection.

    Attributes:
        connects: how often the streamer has connected.
        delivered: how many posts went out.
        streamed: their ids.
        refusal: status and title with which the streamer was refused, until it connects.
        recent_connects: when, in time.monotonic(), somebody tried to connect.
    """

    def __init__(self, auth: Auth, store: Store, faults: Faults, keep_alive: float) -> None:
        self.auth = auth
        self.store = store
        self.faults = faults
        self.keep_alive = keep_alive
        self.connects = self.delivered = 0
        self.streamed: set[str] = set()
        self.refusal = ""
        self.recent_connects: deque[float] = deque()
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection | None:
        """The open connection."""
        return self._connection if self._connection and self._connection.open else None

    def reset(self) -> None:
        """Forget the connects that count for the limit, and cut nothing off."""
        self.recent_connects.clear()
        if self.connection:
            self.connection.cut = False

    async def list_rules(self, request: Request) -> Response:
        """GET /2/tweets/search/stream/rules."""
        self.auth.check_app(request)
        rules = self.store.rule_set.rules
        meta = {"sent": now(), "result_count": len(rules)}
        return JSONResponse(({"data": rules} if rules else {}) | {"meta": meta})

    async def change_rules(self, request: Request) -> Response:
        """POST /2/tweets/search/stream/rules: add or delete; with dry_run=true only check."""
        self.auth.check_app(request)
        body = await json_object(request)
        dry_run = request.query_params.get("dry_run", "").lower() == "true"
        try:
            if "add" in body:
                answer = self.store.rule_set.add(body["add"], dry_run)
            else:
                answer = self.store.rule_set.delete(body["delete"], dry_run)
        except (AttributeError, KeyError, TypeError):  # the JSON has another shape
            raise Problem(400, **INVALID_REQUEST) from None
        self.store.save_rules()
        return JSONResponse(answer, 201 if "data" in answer else 200)

    async def connect(self, request: Request) -> Response:
        """GET /2/tweets/search/stream: one connection, held open."""
        self.auth.check_app(request)
        self._count_connect()
        if self.faults.refuse_with:
            status = self.faults.refuse_with.pop(0)
            raise Problem(status, **STREAM_PROBLEMS.get(status, {}))
        if not self.store.rule_set.rules:
            raise Problem(409, **STREAM_PROBLEMS[409])
        if self.connection:
            raise Problem(429, **STREAM_PROBLEMS[429])
        self.connects += 1
        self.refusal = ""
        fields = RequestedFields(request.query_params)
        self._connection = Connection(fields, self.keep_alive, self.faults.is_silent)
        return self._connection

    def _count_connect(self) -> None:
        """Count a connect for the limit.

        Raises:
            Problem: 429, there were too many within 15 minutes.
        """
        second = time.monotonic()
        while self.recent_connects and self.recent_connects[0] < second - WINDOW_SECONDS:
            self.recent_connects.popleft()
        if len(self.recent_connects) >= CONNECTS_PER_WINDOW:
            raise Problem(429)
        self.recent_connects.append(second)

    def deliver(self, post: Post) -> None:
        """Put a public post on the stream, if it is open and a rule matches; else drop it."""
        rules = [] if post.protected else self.store.rule_set.matching(post)
        if rules and self.connection:
            self.delivered += 1
            self.streamed.add(post.id)
            self.connection.send_post(self.store.objects_of(post), rules)

    def hang_up(self) -> None:
        """Close the open connection, if there is one."""
        if self.connection:
            self.connection.hang_up()
