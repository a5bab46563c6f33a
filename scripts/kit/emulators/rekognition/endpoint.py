"""The way of a request of the AWS API: into an operation, and out as an answer or an error."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kit.emulators.rekognition import faces
from kit.emulators.rekognition.errors import MESSAGES, ServiceError
from kit.emulators.rekognition.faults import Faults
from kit.emulators.rekognition.request import body_of, caller_of
from kit.emulators.rekognition.service import Rekognition

MAX_WAITING = 100  # requests; more are throttled


class Endpoint:
    """Speaks the AWS JSON 1.1 protocol for the service; counts the calls, and fails some."""

    def __init__(self, service: Rekognition) -> None:
        """Nothing is waiting and no fault is under way."""
        self.service = service
        self.waiting = 0
        self.faults = Faults()
        self.calls: Counter[str] = Counter()

    async def handle(self, request: Request) -> Response:
        """Answer a request of the AWS API; every failure becomes an error of the service."""
        try:
            return self.answer(await self.operate(request))
        except (ServiceError, faces.FaceError) as error:
            status = error.status if isinstance(error, ServiceError) else 400
            return self.answer(
                {"__type": error.code, "Code": error.code, "Message": error.message},
                status,
                {"x-amzn-errortype": error.code},
            )
        except RuntimeError as error:
            print(f"offline Rekognition: {error}", file=sys.stderr, flush=True)
            code = "InternalServerError"
            return self.answer({"__type": code, "Message": MESSAGES[code]}, 500)

    @staticmethod
    def answer(
        body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """A response of the AWS JSON 1.1 protocol."""
        return Response(
            json.dumps(body),  # as ASCII: a message may quote half a surrogate pair
            status,
            {"x-amzn-requestid": str(uuid.uuid4())} | (headers or {}),
            media_type="application/x-amz-json-1.1",
        )

    async def operate(self, request: Request) -> dict[str, Any]:
        """Find the operation, check that the caller may call it, and run it in its turn."""
        name = request.headers.get("x-amz-target", "").removeprefix("RekognitionService.")
        operations, account = self.service.operations, self.service.account
        operation = operations.get(name)
        if operation is None:
            raise ServiceError(
                "UnknownOperationException",
                f"Offline Rekognition has {' and '.join(operations)}, not '{name[:80]}'",
            )
        self.calls[name] += 1
        body = await body_of(request)
        self.faults.fail(name)
        if self.waiting >= MAX_WAITING:
            raise ServiceError("ThrottlingException", MESSAGES["ThrottlingException"])
        self.waiting += 1
        try:
            caller = caller_of(request)
            if account:
                refusal = await asyncio.to_thread(
                    account.refusal, caller, f"rekognition:{name}", "*"
                )
                if refusal:
                    raise ServiceError("AccessDeniedException", refusal)
            return await operation(caller, body)
        finally:
            self.waiting -= 1
