"""Who may talk to the servers of offline mode: programs on this computer, and no web page.

The servers listen on 127.0.0.1 only, but the learner's browser is on this computer too, and runs
what web sites tell it to. A site reaches a local server in two ways. It sends a form or a request
across sites; the browser then says where it comes from, in Origin or Sec-Fetch-Site. Or its own
name points to 127.0.0.1 (DNS rebinding); the browser then asks for that name, in Host. Programs
such as boto3 and the AWS CLI send neither another Host nor an Origin.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The names below localhost are for S3's addresses with the bucket's name in front. The browser
# resolves them itself, so that no web site can own one.
NAMES = ("127.0.0.1", "localhost")


def is_local(host: str) -> bool:
    """Whether a Host header names this computer: localhost:4566, or bucket.localhost."""
    name, _, port = host.partition(":")
    return (not port or port.isdecimal()) and (
        name in NAMES or name.endswith(tuple(f".{name}" for name in NAMES))
    )


def is_from_a_web_page(scope: Scope, headers: Headers) -> bool:
    """Whether another web page than one of this very server sends a request."""
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{headers.get('host')}":
        return True
    site = headers.get("sec-fetch-site", "none")
    # A click on a link of another server of this computer, such as the one in the e-mail that
    # asks for confirmation.
    link = scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate"
    return site == "cross-site" or (site == "same-site" and not link)


class Guard:
    """ASGI middleware that refuses requests of web pages, and bodies that are too large.

    Args:
        app: what answers the other requests.
        max_body: how many bytes a body may have.
    """

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 421 (Host), 403 (another site) or 413 (body), or pass the request on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if len(headers.getlist("host")) != 1 or not is_local(headers["host"]):
            await refuse(scope, receive, send, 421, "Ask for 127.0.0.1, not for another name.")
        elif is_from_a_web_page(scope, headers):
            await refuse(scope, receive, send, 403, "Another web site may not do this.")
        elif length.isdecimal() and int(length[:20]) > self.max_body:
            await refuse(scope, receive, send, 413, f"More than {self.max_body} bytes.")
        else:
            await self.bounded(scope, receive, send)

    async def bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, but end a body that does not say how large it is in time."""
        left = self.max_body
        started = False

        async def take() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            return message if left >= 0 else {"type": "http.disconnect"}

        async def give(message: Message) -> None:
            nonlocal started
            if left >= 0 or started:
                started = True
                await send(message)

        try:
            await self.app(scope, take, give)
        except Exception:
            if left >= 0:
                raise
        if left < 0 and not started:
            await refuse(scope, receive, send, 413, f"More than {self.max_body} bytes.")


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    """Answer with an error, and hang up instead of reading on."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await JSONResponse({"detail": reason}, status, {"connection": "close"})(scope, receive, send)
