"""The filtered stream: an app adds rules, connects once, and gets the posts that match.

https://docs.x.com/x-api/posts/filtered-stream/introduction
"""

from __future__ import annotations

import time
from collections import deque

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.auth import Keys
from kit.emulators.x.connection import Connection
from kit.emulators.x.errors import INVALID_REQUEST, STREAM_PROBLEMS, Problem
from kit.emulators.x.fields import Wanted
from kit.emulators.x.ids import now
from kit.emulators.x.posts import Post
from kit.emulators.x.requests import json_object
from kit.emulators.x.store import Memory

CONNECTS_PER_WINDOW = 50
WINDOW_SECONDS = 15 * 60


class FilteredStream:
    """The rules of the app and its connection, of which there is at most one.

    Args:
        keys: tell who may connect.
        memory: has the rules.
        keep_alive: seconds between two signs of life on a silent connection.

    Attributes:
        connects: how often the streamer was let in.
        delivered: how many posts went out.
        streamed: their ids.
        refusal: why the streamer was refused, until it is let in.
        refuse_with: statuses that the next connects get, on purpose.
        silent_until: when, in time.monotonic(), to stop holding everything back, on purpose.
    """

    def __init__(self, keys: Keys, memory: Memory, keep_alive: float) -> None:
        self.keys = keys
        self.memory = memory
        self.keep_alive = keep_alive
        self.connects = self.delivered = 0
        self.streamed: set[str] = set()
        self.refusal = ""
        self._connection: Connection | None = None
        self.repair()

    def repair(self) -> None:
        """Let everything work again."""
        self.recent_connects: deque[float] = deque()
        self.refuse_with: list[int] = []
        self.silent_until = 0.0
        if self.connection:
            self.connection.cut = False

    @property
    def connection(self) -> Connection | None:
        """The open connection."""
        return self._connection if self._connection and self._connection.open else None

    async def list_rules(self, request: Request) -> Response:
        """GET /2/tweets/search/stream/rules."""
        self.keys.check_app(request)
        rules = self.memory.rule_set.rules
        meta = {"sent": now(), "result_count": len(rules)}
        return JSONResponse(({"data": rules} if rules else {}) | {"meta": meta})

    async def change_rules(self, request: Request) -> Response:
        """POST /2/tweets/search/stream/rules: add or delete; with dry_run=true only say so."""
        self.keys.check_app(request)
        body = await json_object(request)
        dry_run = request.query_params.get("dry_run", "").lower() == "true"
        try:
            if "add" in body:
                answer = self.memory.rule_set.add(body["add"], dry_run)
            else:
                answer = self.memory.rule_set.delete(body["delete"], dry_run)
        except (AttributeError, KeyError, TypeError):  # the JSON has another shape
            raise Problem(400, **INVALID_REQUEST) from None
        self.memory.remember_rules()
        return JSONResponse(answer, 201 if "data" in answer else 200)

    async def connect(self, request: Request) -> Response:
        """GET /2/tweets/search/stream: one connection, held open."""
        self.keys.check_app(request)
        while self.recent_connects and self.recent_connects[0] < time.monotonic() - WINDOW_SECONDS:
            self.recent_connects.popleft()
        if len(self.recent_connects) >= CONNECTS_PER_WINDOW:
            raise Problem(429)
        self.recent_connects.append(time.monotonic())
        if self.refuse_with:
            status = self.refuse_with.pop(0)
            raise Problem(status, **STREAM_PROBLEMS.get(status, {}))
        if not self.memory.rule_set.rules:
            raise Problem(409, **STREAM_PROBLEMS[409])
        if self.connection:
            raise Problem(429, **STREAM_PROBLEMS[429])
        self.connects += 1
        self.refusal = ""
        wanted = Wanted(request.query_params)
        self._connection = Connection(wanted, self.keep_alive, self.is_silent)
        return self._connection

    def is_silent(self) -> bool:
        """Whether everything is to be held back now."""
        return time.monotonic() < self.silent_until

    def deliver(self, post: Post) -> None:
        """Put a post on the stream. When nobody listens, or no rule matches, it is not kept."""
        rules = self.memory.rule_set.matching(post)
        if rules and self.connection:
            self.delivered += 1
            self.streamed.add(post.id)
            self.connection.send_post(self.memory.describe(post), rules)

    def hang_up(self) -> None:
        """Close the open connection, if there is one."""
        if self.connection:
            self.connection.hang_up()
