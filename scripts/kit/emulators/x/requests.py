"""The body of a request: a JSON object, or a file in a form."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from kit.emulators.x.errors import INVALID_REQUEST, Problem
from kit.http import json_of
from kit.limits import MIB, UPLOAD_BYTES

MAX_BODY_BYTES = UPLOAD_BYTES + MIB  # the form around the file is smaller than this


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises:
        Problem: 400, the body is something else.
    """
    try:
        body = await json_of(request, MAX_BODY_BYTES)
        # Neither half of an emoji nor NaN could be sent on.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (HTTPException, ValueError):
        raise Problem(400, **INVALID_REQUEST) from None
    return body


async def uploaded_file(request: Request, field: str) -> bytes:
    """Return the file in a field of a multipart/form-data body.

    Raises:
        Problem: 400, there is no such file; 413, it has more than 32 MiB.
    """
    try:
        async with request.form() as form:
            file = form.get(field)
            data = await file.read() if isinstance(file, UploadFile) else None
    except (HTTPException, MultiPartException, ValueError):  # the parser's, all of them
        data = None
    if data is None:
        raise Problem(400, **INVALID_REQUEST)
    if len(data) > UPLOAD_BYTES:
        raise Problem(413)
    return data
