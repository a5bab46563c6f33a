"""Failures on purpose: the streamer and the Lambda functions have to cope with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

# A fault of one photo, unless it says otherwise. status; times: how often it happens; delay in
# seconds; location of a redirect; serve: the name of the photo to send instead; body: one of
# endless, slow, truncated, page.
PHOTO_FAULT = {"status": 200, "times": 1, "delay": 0, "location": "", "serve": "", "body": ""}
JPEG_START = b"\xff\xd8\xff\xe0"


class Faults:
    """The faults that were asked for and are not used up.

    Attributes:
        refuse_with: statuses that the next connects to the stream get.
        silent_until: when, in time.monotonic(), to stop holding the stream back.
        photos: faults of the photo host: PHOTO_FAULT with a name, of which * is any.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Let everything work again."""
        self.refuse_with: list[int] = []
        self.silent_until = 0.0
        self.photos: list[dict[str, Any]] = []

    def is_silent(self) -> bool:
        """Whether the stream is to be held back now."""
        return time.monotonic() < self.silent_until

    def next_of_photo(self, name: str) -> dict[str, Any] | None:
        """Return the first fault of a photo that is left, and use it up once."""
        for fault in self.photos:
            if fault["times"] > 0 and fault["name"] in ("*", name):
                fault["times"] -= 1
                return fault
        return None


def broken_photo(fault: dict[str, Any], elsewhere: str) -> Response | None:
    """Return the photo host's answer for a fault; None: it sends a photo, as always.

    Args:
        fault: with all of PHOTO_FAULT.
        elsewhere: the address that a redirect leads to when the fault names none.
    """
    match fault["body"]:
        case "endless":  # as fast as it can
            return StreamingResponse(endless(0), media_type="image/jpeg")
        case "slow":
            return StreamingResponse(endless(1), media_type="image/jpeg")
        case "truncated":
            return Truncated()
        case "page":
            return Response("<!DOCTYPE html><p>Something went wrong.", media_type="text/html")
    if fault["status"] == 200:
        return None
    return Response(None, fault["status"], {"location": fault["location"] or elsewhere})


async def endless(pause: float) -> AsyncIterator[bytes]:
    """Yield a picture that never ends, `pause` seconds before each of its parts."""
    yield JPEG_START
    while True:
        await asyncio.sleep(pause)
        yield bytes(1 if pause else 1 << 16)


class Truncated(Response):
    """A picture that breaks off long before its announced length."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the beginning; the client sees that the connection is closed."""
        headers = [(b"content-type", b"image/jpeg"), (b"content-length", b"100000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = JPEG_START + bytes(1000)
        await send({"type": "http.response.body", "body": body, "more_body": True})
