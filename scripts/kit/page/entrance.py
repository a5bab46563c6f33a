"""The page is for the browser that has opened the address that `workshop.py start` prints.

As with Jupyter's servers: the address holds a token, which becomes a cookie; then the browser goes
on to the address without it (Jupyter Server, "Security in the Jupyter Server"). The cookie is for
this port, because browsers give a cookie to all ports of a host.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.http import READY
from kit.keys import same

MESSAGE = (
    "This page opens only with the address that “workshop.py start” has printed: take that one."
)
# A cookie for the same site only is not sent when another site, or a file, has led here, however
# often the server redirects. It is when this page itself goes on.
GO_ON = '<!doctype html><meta http-equiv="refresh" content="0; url=/"><title>Opening …</title>'


class Entrance:
    """ASGI middleware that lets in who has the token.

    Args:
        app: answers.
        token: of the page.
        port: at which the page is served.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app = app
        self.token = token
        self.cookie = f"workshop-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the token into a cookie; pass on requests with that; refuse others with 401."""
        if scope["type"] == "lifespan" or scope.get("path") == READY:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        shown = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        if scope["path"] == "/" and same(query.get("token", [""])[0], self.token):
            await self.welcome(headers)(scope, receive, send)
        elif same(shown, self.token):
            await self.app(scope, receive, send)
        else:
            close = {"Connection": "close"}
            await JSONResponse({"error": MESSAGE}, 401, close)(scope, receive, send)

    def welcome(self, headers: Headers) -> Response:
        """Set the cookie, and lead to the address without the token."""
        elsewhere = headers.get("sec-fetch-site") == "cross-site"
        answer = HTMLResponse(GO_ON) if elsewhere else RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
        return answer
