"""What is in the body of a request: a JSON object, or a file in a form."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request

from kit.emulators.x.errors import INVALID_REQUEST, Problem


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises:
        Problem: 400, it is something else.
    """
    try:
        body = await request.json()
        # Neither half of an emoji nor NaN could be sent on.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem(400, **INVALID_REQUEST)
    return body


def form_file(content_type: str, body: bytes, name: str) -> bytes:
    """Return the bytes of one field of a multipart/form-data body.

    Raises:
        Problem: 400, there is no such field.
    """
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary:
        for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode()):
            head, _, content = part.partition(b"\r\n\r\n")
            if f'name="{name}"'.encode() in head:
                return content
    raise Problem(400, **INVALID_REQUEST)
