"""Requests that fail, come late, or are done in part only, as the faults say."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import parse_qs

from ministack import app as gateway
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.emulators.aws.asgi import no_more, once_more, whole_body
from kit.emulators.aws.faults import Fault, faults

SCOPE = re.compile(rb"Credential=(\w+)/\d+/[\w-]+/([\w-]+)/aws4_request")
ROLE_KEY = b"ASIA"  # how temporary credentials begin


def action_of(service: str, scope: Scope, headers: dict[bytes, bytes], body: bytes) -> str:
    """What a request asks for, by the name that the service's API gives it."""
    if target := headers.get(b"x-amz-target"):
        return target.decode().rpartition(".")[2]
    if service == "s3":
        method: str = scope["method"].capitalize()
        return f"{method}Object" if scope["path"].strip("/").count("/") else f"{method}Bucket"
    return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]


async def respond(send: Send, fault: Fault, headers: dict[bytes, bytes]) -> None:
    """Answer with the fault's code, in JSON or XML as the service does."""
    text = "made on purpose"
    if b"x-amz-target" in headers:
        body, kind = json.dumps({"__type": fault.code, "message": text}), b"application/json"
    else:
        error = f"<Code>{fault.code}</Code><Message>{text}</Message>"
        whole = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
        body, kind = whole if fault.service == "sns" else f"<Error>{error}</Error>", b"text/xml"
    start = {"type": "http.response.start", "status": fault.status}
    await send({**start, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body.encode()})


def with_faults(original: ASGIApp) -> ASGIApp:
    """Let requests fail as `faults` says."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        signed = SCOPE.search(headers.get(b"authorization", b""))
        if not faults or not signed or not signed[1].startswith(ROLE_KEY):
            await original(scope, receive, send)
            return
        service, body = signed[2].decode(), await whole_body(receive)
        action = action_of(service, scope, headers, body)
        fault = next((fault for fault in faults if fault.strikes(service, action)), None)
        if fault is None:
            await original(scope, once_more(body, receive), send)
        elif fault.share < 1:
            await fail_some(original, fault, scope, body, send)
        else:
            if fault.after:
                await original(scope, once_more(body, receive), nowhere)
            await asyncio.sleep(fault.delay)
            await respond(send, fault, headers)

    return application


async def nowhere(_: Message) -> None:
    """Where an answer goes that nobody gets."""


async def fail_some(original: ASGIApp, fault: Fault, scope: Scope, body: bytes, send: Send) -> None:
    """Take some records of a PutRecordBatch, and refuse the others, evenly spread."""
    request = json.loads(body)
    records = request["Records"]
    refused = {n for n in range(len(records)) if (n + 1) * fault.share % 1 < fault.share}
    request["Records"] = [r for n, r in enumerate(records) if n not in refused]
    answers: list[Message] = []
    taken: dict[str, Any] = {"RequestResponses": [], "Encrypted": False}
    if request["Records"]:
        inner = json.dumps(request).encode()
        length = (b"content-length", str(len(inner)).encode())
        kept = [pair for pair in scope["headers"] if pair[0] != b"content-length"]

        async def keep(message: Message) -> None:
            answers.append(message)

        whole = once_more(inner, no_more)
        await original({**scope, "headers": [*kept, length]}, whole, keep)
        taken = json.loads(b"".join(message.get("body", b"") for message in answers))
    results = iter(taken["RequestResponses"])
    no = {"ErrorCode": fault.code, "ErrorMessage": "made on purpose"}
    taken["RequestResponses"] = [no if n in refused else next(results) for n in range(len(records))]
    taken["FailedPutCount"] = len(refused)
    head = [(b"content-type", b"application/x-amz-json-1.1")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": json.dumps(taken).encode()})


def install() -> None:
    """Let every request that ministack gets pass through here."""
    gateway.app = with_faults(gateway.app)
