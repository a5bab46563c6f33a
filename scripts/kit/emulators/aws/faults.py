"""Faults, made on purpose: throttling, errors, late answers, events that come twice.

    POST   /_workshop/faults   {"service": "dynamodb", "action": "PutItem", "code":
                               "ThrottlingException", "status": 400, "times": 5}
    DELETE /_workshop/faults   ends all faults

Faults hit only callers that use a role (the functions, the instance); requests with the account's
own keys pass. Besides service and action a fault may have:

- times: so many requests get it (default: all, until DELETE), or seconds: so long;
- delay: seconds before the answer;
- after: true does what was asked, and fails then, as when the answer gets lost on its way;
- share: of PutRecordBatch, that share of the records of each request fails, with HTTP 200.

The service "events" has no actions: for `delay` seconds, asynchronous events of Lambda are held
back; then they come in reverse order, each one twice, which AWS allows. The service "email" has
none either: `per_second` mails a second go to one address, where SNS allows ten.

AWS: the "Common Errors" of each service's API Reference; Lambda Developer Guide, "Invoking a
Lambda function asynchronously". ministack has no faults.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from ministack.services import lambda_svc
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.emulators.aws import firehose
from kit.emulators.aws.asgi import ask, replay

EVENTS, EMAIL = "events", "email"  # stand for services
MESSAGE = "made on purpose"
# A signature with a role's temporary credentials, whose key begins with ASIA; and the service.
ROLE_SIGNATURE = re.compile(r"Credential=ASIA\w*/\d+/[\w-]+/([\w-]+)/aws4_request")


@dataclass
class Fault:
    """Something that goes wrong, and how often or how long."""

    service: str  # as signed for, such as firehose; or EVENTS, EMAIL
    action: str = ""  # such as PutRecordBatch; empty is any
    code: str = "ServiceUnavailable"
    status: int = 503
    times: float = math.inf
    seconds: float = math.inf
    delay: float = 0.0
    after: bool = False
    share: float = 1.0
    per_second: float = math.inf
    since: float = field(default_factory=time.monotonic)

    def strikes(self, service: str, action: str) -> bool:
        """Whether a request gets it; if so, that is counted."""
        if (
            self.service != service
            or self.action not in ("", action)
            or self.times <= 0
            or time.monotonic() > self.since + self.seconds
        ):
            return False
        self.times -= 1
        return True


faults: list[Fault] = []


def fault_for(service: str, action: str = "") -> Fault | None:
    """The fault that strikes a request, if any."""
    return next((fault for fault in faults if fault.strikes(service, action)), None)


# --- Requests ----------------------------------------------------------------------------------


def with_faults(application: ASGIApp) -> ASGIApp:
    """Let requests fail as `faults` says."""

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if not faults or scope["type"] != "http" or not (service := service_of(scope)):
            await application(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return  # nobody waits for the answer
        fault = fault_for(service, action_of(service, request, body))
        if fault is None:
            await application(scope, replay(body, receive), send)
            return
        response = await strike(fault, application, request, body)
        await response(scope, receive, send)

    return faulty


def service_of(scope: Scope) -> str:
    """The service that a request of a role was signed for; empty if no role has sent it."""
    signature = ROLE_SIGNATURE.search(Headers(scope=scope).get("authorization", ""))
    return signature[1] if signature else ""


def action_of(service: str, request: Request, body: bytes) -> str:
    """The name of the operation that a request asks for, as the service's API has it."""
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if service == "s3":
        kind = "Object" if request.scope["path"].strip("/").count("/") else "Bucket"
        return f"{request.method.capitalize()}{kind}"
    return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]


async def strike(fault: Fault, application: ASGIApp, request: Request, body: bytes) -> Response:
    """Do as much of a request as the fault allows, and return the answer."""
    if fault.share < 1:
        error = {"ErrorCode": fault.code, "ErrorMessage": MESSAGE}
        return JSONResponse(
            await firehose.fail_some(application, request.scope, body, fault.share, error),
            media_type="application/x-amz-json-1.1",
        )
    if fault.after:
        await ask(application, request.scope, body)
    await asyncio.sleep(fault.delay)
    return error_response(fault, as_json="x-amz-target" in request.headers)


def error_response(fault: Fault, as_json: bool) -> Response:
    """The fault's code as the service gives it: in JSON, or in one of three forms of XML.

    EC2 API Reference, "Error codes"; S3 API Reference, "Error responses"; the others are as SNS's.
    """
    if as_json:
        return JSONResponse({"__type": fault.code, "message": MESSAGE}, fault.status)
    xml = f"<Code>{fault.code}</Code><Message>{MESSAGE}</Message>"
    if fault.service == "s3":
        xml = f"<Error>{xml}</Error>"
    elif fault.service == "ec2":
        xml = f"<Response><Errors><Error>{xml}</Error></Errors></Response>"
    else:
        xml = f"<ErrorResponse><Error><Type>Sender</Type>{xml}</Error></ErrorResponse>"
    return Response(xml, fault.status, media_type="text/xml")


# --- Events of Lambda --------------------------------------------------------------------------

held: list[Callable[[], None]] = []
held_lock = threading.Lock()


def hold_events(original: Callable[..., None], *arguments: Any) -> None:
    """Pass an event on to Lambda's queue; or, if there is such a fault, later and twice."""
    fault = fault_for(EVENTS)
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


def install() -> None:
    """Let every event pass through here on its way into Lambda's queue."""
    lambda_svc.invoke_async_with_retry = functools.partial(
        hold_events, lambda_svc.invoke_async_with_retry
    )
