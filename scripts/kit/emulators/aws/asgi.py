"""A request's body, which can be read once: here it is read, and given out again."""

from __future__ import annotations

from starlette.types import Message, Receive


async def whole_body(receive: Receive) -> bytes:
    """The body of a request."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def once_more(body: bytes, receive: Receive) -> Receive:
    """Give out a body that has been read already."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


async def no_more() -> Message:
    """What comes after the body."""
    return {"type": "http.disconnect"}
