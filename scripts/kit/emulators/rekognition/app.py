"""The emulated Rekognition: requests of the AWS API come in, answers or errors go out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kit.emulators.rekognition.admin import Admin
from kit.emulators.rekognition.errors import MESSAGES, ServiceError
from kit.emulators.rekognition.faults import Faults
from kit.emulators.rekognition.requests import MAX_BODY, json_object, read_body
from kit.emulators.rekognition.service import Rekognition
from kit.http import READ_ON, READY, Guard, TokenGuard

MAX_WAITING = 100  # requests; more are throttled


class Endpoint:
    """Speaks the AWS JSON 1.1 protocol for the service; counts the calls, and fails some."""

    def __init__(self, service: Rekognition) -> None:
        """Nothing is waiting and no fault is active."""
        self.service = service
        self.waiting = 0
        self.faults = Faults()
        self.calls: Counter[str] = Counter()

    async def handle(self, request: Request) -> Response:
        """Answer a request of the AWS API; every failure becomes an error of the service."""
        try:
            return json_response(await self.operate(request))
        except ServiceError as error:
            return error_response(error)
        except RuntimeError as error:
            print(f"offline Rekognition: {error}", file=sys.stderr, flush=True)
            code = "InternalServerError"
            return error_response(ServiceError(code, MESSAGES[code], 500))

    async def operate(self, request: Request) -> dict[str, Any]:
        """Find the operation, check that the caller may call it, and run it in its turn."""
        name = request.headers.get("x-amz-target", "").removeprefix("RekognitionService.")
        operations = self.service.operations
        operation = operations.get(name)
        if operation is None:
            raise ServiceError(
                "UnknownOperationException",
                f"Offline Rekognition has {', '.join(operations)}, not '{name[:80]}'",
            )
        if self.waiting >= MAX_WAITING:
            raise ServiceError("ThrottlingException", MESSAGES["ThrottlingException"])
        self.waiting += 1
        try:
            data = await read_body(request)
            caller = await asyncio.to_thread(self.service.auth.authenticate, request, data)
            self.calls[name] += 1
            body = json_object(data)
            self.faults.fail(name)
            action = f"rekognition:{name}"
            denial = await asyncio.to_thread(self.service.auth.denial, caller, action, "*")
            if denial:
                raise ServiceError("AccessDeniedException", denial)
            return await operation(caller, body)
        finally:
            self.waiting -= 1


def json_response(
    body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A response of the AWS JSON 1.1 protocol."""
    return Response(
        json.dumps(body),  # as ASCII: a message may quote half a surrogate pair
        status,
        {"x-amzn-requestid": str(uuid.uuid4())} | (headers or {}),
        media_type="application/x-amz-json-1.1",
    )


def error_response(error: ServiceError) -> Response:
    """An error of the AWS JSON 1.1 protocol."""
    body = {"__type": error.code, "Code": error.code, "Message": error.message}
    return json_response(body, error.status, {"x-amzn-errortype": error.code})


def application(service: Rekognition) -> Starlette:
    """The web application around the service; its start also starts the workers."""
    endpoint = Endpoint(service)
    admin = Admin(service, endpoint.calls, endpoint.faults)

    async def start_workers() -> None:
        try:
            await service.workers.start()
        except (OSError, EOFError, RuntimeError) as error:
            print(f"offline Rekognition cannot start: {error}", file=sys.stderr, flush=True)
            os._exit(1)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        starting = asyncio.create_task(start_workers())  # the port is open meanwhile
        yield
        starting.cancel()

    return Starlette(
        routes=[
            Route("/", endpoint.handle, methods=["POST"]),
            Route(READY, admin.ready),
            Route("/_workshop/stats", admin.stats),
            Route("/_workshop/comparisons", admin.comparisons),
            Route("/_workshop/faults", admin.change_faults, methods=["POST", "DELETE"]),
        ],
        # `json_object` reads on past its own limit, so that the caller gets the service's error.
        middleware=[
            Middleware(Guard, max_body=READ_ON * MAX_BODY),
            Middleware(TokenGuard, token=service.token),
        ],
        lifespan=lifespan,
    )
