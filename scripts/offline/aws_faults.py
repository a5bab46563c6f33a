"""Faults of the emulated AWS, made on purpose: throttling, errors, late answers, events twice.

    POST   /_workshop/faults   {"service": "dynamodb", "action": "PutItem", "code":
                               "ThrottlingException", "status": 400, "times": 5}
    DELETE /_workshop/faults   ends all faults

They meet only who works with a role's credentials, that is the functions and the instance; who
watches with the account's own ones is let through. Besides service and action a fault may have:

- times: so many requests get it (default: all, until DELETE), or seconds: so long;
- delay: seconds before the answer;
- after: true does what was asked, and fails then, as when the answer gets lost on its way;
- share: of PutRecordBatch, that share of the records of each request fails, with HTTP 200.

The service "events" has no actions: for `delay` seconds, asynchronous events of Lambda are held
back; then they come in reverse order, each one twice.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import re
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

SCOPE = re.compile(rb"Credential=(\w+)/\d+/[\w-]+/([\w-]+)/aws4_request")
ROLE_KEY = b"ASIA"  # how temporary credentials begin


@dataclass
class Fault:
    """What goes wrong, and how often or how long."""

    service: str  # as signed for, such as firehose; or "events"
    action: str = ""  # such as PutRecordBatch; empty is any
    code: str = "ServiceUnavailable"
    status: int = 503
    times: int = 1 << 30
    seconds: float = 1e9
    delay: float = 0.0
    after: bool = False
    share: float = 1.0
    since: float = field(default_factory=time.monotonic)

    def strikes(self, service: str, action: str) -> bool:
        """Whether a request gets it; if so, that is counted."""
        now = time.monotonic()
        if (
            self.service != service
            or self.action not in ("", action)
            or self.times <= 0
            or now > self.since + self.seconds
        ):
            return False
        self.times -= 1
        return True


faults: list[Fault] = []


def change(method: str, body: bytes) -> tuple[int, Any]:
    """Answer /_workshop/faults: HTTP status and JSON."""
    if method == "DELETE":
        faults.clear()
    else:
        try:
            faults.append(Fault(**json.loads(body)))
        except (TypeError, ValueError) as error:
            return 400, {"error": str(error)}
    return 200, {"faults": len(faults)}


# --- Requests ---------------------------------------------------------------------------------


def action_of(service: str, scope: Message, headers: dict[bytes, bytes], body: bytes) -> str:
    """What a request asks for, by the name that the service's API gives it."""
    if target := headers.get(b"x-amz-target"):
        return target.decode().rpartition(".")[2]
    if service == "s3":
        method: str = scope["method"].capitalize()
        return f"{method}Object" if scope["path"].strip("/").count("/") else f"{method}Bucket"
    return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]


async def whole_body(receive: Receive) -> bytes:
    """The body of a request."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def once_more(body: bytes, receive: Receive) -> Receive:
    """Give out a body that has been read already."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


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


def with_faults(original: Application) -> Application:
    """Let requests fail as `faults` says."""

    async def application(scope: Message, receive: Receive, send: Send) -> None:
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


async def fail_some(
    original: Application, fault: Fault, scope: Message, body: bytes, send: Send
) -> None:
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


async def no_more() -> Message:
    """What comes after the body."""
    return {"type": "http.disconnect"}


# --- Events -----------------------------------------------------------------------------------

held: list[Callable[[], None]] = []
held_lock = threading.Lock()


def hold_events(original: Callable[..., None], *arguments: Any) -> None:
    """Pass an event on to Lambda's queue; or, if there is such a fault, later and twice."""
    fault = next((fault for fault in faults if fault.strikes("events", "")), None)
    if fault is None:
        original(*arguments)
        return
    context = contextvars.copy_context()  # a timer's thread would not know the account
    with held_lock:
        if not held:
            timer = threading.Timer(fault.delay, release_events)
            timer.daemon = True
            timer.start()
        held.append(lambda: context.copy().run(original, *arguments))


def release_events() -> None:
    """Pass on what is held: the last event first, each one twice."""
    with held_lock:
        events = held[::-1]
        held.clear()
    for event in events:
        event()
        event()
