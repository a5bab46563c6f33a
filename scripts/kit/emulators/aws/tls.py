"""TLS: a request counts as sent over it."""

from __future__ import annotations

from ministack import app as gateway
from starlette.types import ASGIApp, Receive, Scope, Send


def as_if_over_tls(original: ASGIApp) -> ASGIApp:
    """Tell ministack that requests came over TLS.

    Nothing leaves this machine; and the buckets' policies deny any other request, as they should.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [*scope["headers"], (b"x-forwarded-proto", b"https")]
            scope = {**scope, "headers": headers}
        await original(scope, receive, send)

    return application


def install() -> None:
    """Let every request that ministack gets from now on pass through here."""
    gateway.app = as_if_over_tls(gateway.app)
