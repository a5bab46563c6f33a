"""Requests without a network."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request


def request(body: bytes, **headers: str) -> Request:
    """A POST request; an underscore in a header's name stands for a hyphen."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [
            (name.replace("_", "-").encode(), value.encode("latin-1", "replace"))
            for name, value in headers.items()
        ],
    }
    return Request(scope, receive)
