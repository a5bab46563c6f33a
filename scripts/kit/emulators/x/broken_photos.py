"""What the photo host sends instead of a photo, on purpose: the Lambda function has to cope."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

# A fault of one photo, unless it says otherwise. status; times: how often it happens; delay in
# seconds; location of a redirect; serve: the name of the photo to send instead; body: one of
# endless, slow, truncated, page.
PHOTO_FAULT = {"status": 200, "times": 1, "delay": 0, "location": "", "serve": "", "body": ""}


def broken_photo(fault: dict[str, Any], elsewhere: str) -> Response | None:
    """Return what the photo host answers by a fault; None: the photo, as ever.

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
    yield b"\xff\xd8\xff\xe0"
    while True:
        await asyncio.sleep(pause)
        yield bytes(1 if pause else 1 << 16)


class Truncated(Response):
    """A picture that breaks off long before its announced length."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the beginning; the client sees that the connection is closed."""
        headers = [(b"content-type", b"image/jpeg"), (b"content-length", b"100000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"\xff\xd8\xff\xe0" + bytes(1000)
        await send({"type": "http.response.body", "body": body, "more_body": True})
