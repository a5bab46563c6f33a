"""HTTP on 127.0.0.1: the guard, the body of a request, and the server.

The servers listen on 127.0.0.1 only, but the learner's browser is on this computer too, and runs
the scripts of web sites. A site reaches a local server in two ways. It sends a form or a request
across sites; the browser then says where it comes from, in Origin or Sec-Fetch-Site. Or its own
name points to 127.0.0.1 (DNS rebinding); the browser then asks for that name, in Host. Programs
such as boto3 and the AWS CLI send neither another Host nor an Origin.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

import uvicorn
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.keys import same

# The names below localhost are for S3's addresses with the bucket's name in front. The browser
# resolves them itself, so that no web site can own one.
NAMES = ("127.0.0.1", "localhost")
ADMIN = "/_workshop/"  # below it is what the services that are emulated do not have
READY = "/_workshop/ready"  # whether a server answers; everybody may know
# A body above its limit is read on up to here, and dropped: a browser shows no answer that comes
# while it sends, and boto3 tries again.
READ_ON = 4  # times the limit


# --- The guard ------------------------------------------------------------------------------------


class Guard:
    """ASGI middleware that refuses requests of web pages, and bodies that are too large.

    Args:
        app: answers the other requests.
        max_body: how many bytes a body may have.
        port: the only one that Host may name; without it any, and names with a bucket in front.
        public_host: another name of this server, at which a proxy forwards to it; see `codespace`.
    """

    def __init__(
        self, app: ASGIApp, max_body: int, port: int | None = None, public_host: str = ""
    ) -> None:
        self.app = app
        self.max_body = max_body
        self.hosts = {f"{name}:{port}" for name in NAMES} if port else None
        self.public_origins: set[str] = set()
        if public_host and self.hosts is not None:
            self.hosts.add(public_host)
            # The proxy puts the second or third in the place of the first.
            names = (f"https://{public_host}", f"https://localhost:{port}")
            self.public_origins = {*names, f"http://localhost:{port}"}
        self.elsewhere = (
            f"This page is at http://127.0.0.1:{port}, and not by another name or at another port: "
            "open the address that “workshop.py start” has printed."
            if port
            else "Ask for 127.0.0.1, not for another name."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 421 (Host), 403 (another site) or 413 (body), or pass the request on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if len(headers.getlist("host")) != 1 or not self.is_ours(headers["host"]):
            await refuse(scope, receive, send, 421, self.elsewhere)
        elif is_from_a_web_page(scope, headers, self.public_origins):
            await refuse(scope, receive, send, 403, "Another web site may not do this.")
        elif length.isdecimal() and int(length[:20]) > self.max_body:
            await refuse(scope, receive, send, 413, f"More than {self.max_body} bytes.")
        else:
            await self.bounded(scope, receive, send)

    def is_ours(self, host: str) -> bool:
        """Whether a Host header names this server."""
        return host in self.hosts if self.hosts else is_local(host)

    async def bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, but end a body that turns out to be too large."""
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


def is_local(host: str) -> bool:
    """Whether a Host header names this computer: localhost:4566, or bucket.localhost."""
    name, _, port = host.partition(":")
    return (not port or port.isdecimal()) and (
        name in NAMES or name.endswith(tuple(f".{name}" for name in NAMES))
    )


def is_from_a_web_page(
    scope: Scope, headers: Headers, public_origins: Collection[str] = ()
) -> bool:
    """Whether another web page than one of this very server sends a request.

    Args:
        scope, headers: of the request.
        public_origins: how a proxy in front of this server names it.
    """
    origin = headers.get("origin")
    if origin not in (None, f"http://{headers.get('host')}", *public_origins):
        return True
    site = headers.get("sec-fetch-site", "none")
    # A click on a link of another server of this computer, such as the one in the e-mail that
    # asks for confirmation.
    link = scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate"
    # To the public name lead links of the codespace's own page, which is another site.
    sites = ("same-site", "cross-site") if public_origins else ("same-site",)
    return site not in ("none", "same-origin") and not (site in sites and link)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, message: str) -> None:
    """Answer with an error, and hang up instead of reading on."""
    await JSONResponse({"detail": message}, status, {"connection": "close"})(scope, receive, send)


class TokenGuard:
    """ASGI middleware that asks for the workshop's token below /_workshop/.

    Args:
        app: answers.
        token: what a request has to show: `Authorization: Bearer …`.
        public: the beginning of paths that need none.
    """

    def __init__(self, app: ASGIApp, token: str, public: str = READY) -> None:
        self.app = app
        self.expected = f"Bearer {token}"
        self.public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 401, or pass the request on."""
        path = scope.get("path", "")
        if path.startswith(ADMIN) and not path.startswith(self.public):
            shown = Headers(scope=scope).get("authorization", "")
            if not same(shown, self.expected):
                message = "Show the workshop's token, WORKSHOP_TOKEN: Authorization: Bearer …"
                await refuse(scope, receive, send, 401, message)
                return
        await self.app(scope, receive, send)


# --- The body of a request ------------------------------------------------------------------------


async def body_of(
    request: Request, limit: int, message: str = "The request is too large."
) -> bytes:
    """The body of a request, of which never more than `limit` bytes are stored.

    Raises:
        HTTPException: 413 with `message`; it is larger.
    """
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            body += chunk
        elif size > READ_ON * limit:
            break
    if size > limit:
        raise HTTPException(413, message)
    return bytes(body)


async def json_of(request: Request, limit: int) -> dict[str, Any]:
    """The JSON object in a request.

    Raises:
        HTTPException: 413, it is larger than `limit` bytes; 400, it is no JSON object.
    """
    return parse_object(await body_of(request, limit))


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        HTTPException: 400, it is none.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HTTPException(400, "The request is not understood.")
    return value


# --- The server -----------------------------------------------------------------------------------


class Server(uvicorn.Server):
    """An application on a port of 127.0.0.1.

    Args:
        app: the application.
        port: of TCP.
        on_stop: called first when the process is told to end; then `run` returns as soon as all
            connections are closed. Without it, the process ends at once, and waits for nothing.
        with_date: whether each answer gets a Date and a Server; the application may have its own.
    """

    def __init__(
        self,
        app: ASGIApp,
        port: int,
        on_stop: Callable[[], None] | None = None,
        with_date: bool = True,
    ) -> None:
        self.on_stop = on_stop
        super().__init__(
            uvicorn.Config(
                app,
                "127.0.0.1",
                port,
                ws="none",
                # A client that posts on a connection just as we close it would get no answer.
                timeout_keep_alive=600,
                timeout_graceful_shutdown=1,
                # An access log would record the learner's actions, and nobody needs it.
                access_log=False,
                log_level="error",
                date_header=with_date,
                server_header=with_date,
                # What a request sets must not be there for the next one on its connection.
                reset_contextvars=True,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End on SIGTERM and SIGINT."""
        if self.on_stop is None:
            os._exit(0)
        self.on_stop()
        self.should_exit = True  # uvicorn itself would let the signal kill the process in the end


def serve(
    app: ASGIApp,
    port: int,
    on_stop: Callable[[], None] | None = None,
    with_date: bool = True,
    with_ipv6: bool = False,
) -> None:
    """Serve an application until the process is told to end; see `Server`.

    Args:
        app: the application.
        port: of TCP.
        on_stop, with_date: see `Server`.
        with_ipv6: whether to answer at ::1 as well, which localhost may mean in a browser.
    """
    Server(app, port, on_stop, with_date).run(listen(port) if with_ipv6 else None)


def listen(port: int) -> list[socket.socket]:
    """Listen at 127.0.0.1 and, if this computer has it and nobody else is there, at ::1."""
    sockets = [socket.create_server(("127.0.0.1", port))]
    with contextlib.suppress(OSError):
        sockets.append(socket.create_server(("::1", port), family=socket.AF_INET6))
    return sockets
