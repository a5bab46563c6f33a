"""Small tools for ASGI, the interface between a server and an application."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def replay(body: bytes, receive: Receive) -> Receive:
    """Give out a body that has been read already, and then what comes after it."""
    replayed = False

    async def receive_again() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def disconnected() -> Message:
    """What comes after the body of a client that waits for nothing more."""
    return {"type": "http.disconnect"}


async def ask(application: ASGIApp, scope: Scope, body: bytes) -> bytes:
    """Let an application do a request with this body, and return the body of its answer."""
    headers = [header for header in scope["headers"] if header[0] != b"content-length"]
    length = (b"content-length", str(len(body)).encode())
    answer: list[bytes] = []

    async def collect(message: Message) -> None:
        answer.append(message.get("body", b""))

    inner = {**scope, "headers": [*headers, length]}
    await application(inner, replay(body, disconnected), collect)
    return b"".join(answer)


def as_if_over_tls(application: ASGIApp) -> ASGIApp:
    """Tell ministack that requests came over TLS.

    Nothing leaves this computer; and the buckets' policies deny requests that came otherwise, as
    they should (S3 User Guide, "Bucket policy examples": aws:SecureTransport).
    """

    async def over_tls(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [*scope["headers"], (b"x-forwarded-proto", b"https")]
            scope = {**scope, "headers": headers}
        await application(scope, receive, send)

    return over_tls
