"""HTTP: what the other parties and the tests ask the emulated AWS, below /_workshop/.

    /_workshop/outbox?after=3         the e-mails, without the first three
    /_workshop/calls                  how many calls are in CloudTrail's log, by operation
    /_workshop/authorize?access_key=KEY&action=ACTION&resource=ARN
                                      may a caller do something? Rekognition asks this
    /_workshop/refusals               what was refused to whom
    /_workshop/instances/ID/latest/…  the metadata service of an instance
    /_workshop/faults                 POST a fault, DELETE ends all: see faults.py

All answer with JSON, but for some of the metadata, which are text.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from ministack import app as gateway
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.emulators.aws import faults
from kit.emulators.aws.asgi import whole_body
from kit.emulators.aws.auth import may, refusals
from kit.emulators.aws.cloudtrail import calls
from kit.emulators.aws.metadata import metadata
from kit.emulators.aws.outbox import outbox


def workshop_pages(original: ASGIApp) -> ASGIApp:
    """Answer what is below /_workshop/, and pass on everything else."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if not path.startswith("/_workshop/"):
            await original(scope, receive, send)
            return
        status: int = 200
        answer: Any
        query = dict(parse_qsl(scope["query_string"].decode()))
        try:
            if path == "/_workshop/outbox":
                answer = outbox[int(query.get("after", 0)) :]  # so many mails are known already
            elif path == "/_workshop/calls":
                answer = calls
            elif path == "/_workshop/authorize":
                answer = may(query["access_key"], query["action"], query["resource"])
            elif path == "/_workshop/refusals":
                answer = list(refusals)
            elif path.startswith("/_workshop/instances/"):
                status, answer = metadata(scope["method"], path, dict(scope["headers"]))
            elif path == "/_workshop/faults":
                status, answer = faults.change(scope["method"], await whole_body(receive))
            else:
                status, answer = 404, {"error": f"There is no {path} here."}
        except (KeyError, ValueError) as error:
            status, answer = 400, {"error": f"The question is not understood: {error}"}
        body = answer if isinstance(answer, str) else json.dumps(answer)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    return application


def install() -> None:
    """Let every request to ministack pass through here."""
    gateway.app = workshop_pages(gateway.app)
