"""The open connection of the filtered stream: one answer that goes on and on.

Each post is one line of JSON. When there is none for a while, an empty line, X's keep-alive, shows
that the connection still works.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Send

from kit.emulators.x.fields import PostObjects, RequestedFields

KEEP_ALIVE = b"\r\n"


class Connection(StreamingResponse):
    """Lasts until one side hangs up.

    Args:
        fields: the fields of posts that the client asks for.
        keep_alive: seconds until a keep-alive is sent while nothing else is.
        is_silent: whether the stream is to be held back now, on purpose.

    Attributes:
        open: whether neither side has hung up.
        cut: whether to break off in the middle of the next line, on purpose.
    """

    def __init__(
        self, fields: RequestedFields, keep_alive: float, is_silent: Callable[[], bool]
    ) -> None:
        super().__init__(self.lines(), media_type="application/json")
        self.fields = fields
        self.keep_alive = keep_alive
        self.is_silent = is_silent
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()  # None hangs up
        self.open = True
        self.cut = False

    def send_post(self, objects: PostObjects, rules: list[dict[str, str]]) -> None:
        """Send a post, with the fields that the client asks for, and the rules that it matches."""
        payload: dict[str, Any] = {"data": self.fields.of_post(objects.post)}
        if includes := self.fields.includes(objects.media, [objects.user]):
            payload["includes"] = includes
        self.send_line(json.dumps(payload | {"matching_rules": rules}))

    def send_line(self, text: str) -> None:
        """Send any line."""
        self.queue.put_nowait(text.encode() + b"\r\n")

    def hang_up(self) -> None:
        """Close the connection, after the lines that are still to be sent."""
        self.queue.put_nowait(None)
        self.open = False

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the lines as they come, and a keep-alive when none came for a while."""
        while True:
            try:
                line = await asyncio.wait_for(self.queue.get(), self.keep_alive)
            except TimeoutError:
                line = KEEP_ALIVE
            while self.is_silent() and self.open:
                await asyncio.sleep(0.02)
            if line is None:
                return
            if self.cut and line != KEEP_ALIVE:
                yield line[: len(line) // 2]
                return
            yield line

    async def stream_response(self, send: Send) -> None:
        """Send the lines. Without the last, empty message the client sees a broken connection."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for line in self.body_iterator:
                await send({"type": "http.response.body", "body": line, "more_body": True})
        finally:
            self.open = False
        if not self.cut:
            await send({"type": "http.response.body", "body": b""})
