"""Who may ask the page, and how much a request may hold."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.page.documents import Doc
from kit.page.refusal import Refusal

MAX_JSON = 64 * 1024
HEADERS = {
    "Content-Security-Policy": (  # nothing from elsewhere
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Lets only this page ask: no other site, and no name that points to 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Answer a request, or refuse it."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host not in self.hosts:
            return JSONResponse({"error": "Open the page at 127.0.0.1."}, 421)
        if request.method not in ("GET", "HEAD") and (
            (origin is not None and origin != f"http://{host}")
            or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        ):
            return JSONResponse({"error": "Another site may not do this."}, 403)
        response = await call_next(request)
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


async def body_of(request: Request, limit: int, sentence: str) -> bytes:
    """The body of a request, of which never more than `limit` bytes are kept.

    Raises:
        Refusal: it is larger, with `sentence`.
    """
    if int(request.headers.get("content-length") or 0) > limit:
        # Read on without keeping anything: a browser shows no answer that comes while it sends.
        left = 4 * limit
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                break
        raise Refusal(sentence, 413)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refusal(sentence, 413)
    return bytes(body)


async def json_of(request: Request) -> Doc:
    """The JSON object in a request.

    Raises:
        Refusal: too large, or something else.
    """
    body = await body_of(request, MAX_JSON, "The text is too long.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refusal("The request is not understood.")
    return value
