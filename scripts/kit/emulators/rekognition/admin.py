"""The admin API below /_workshop/: for workshop.py, for its page and for tests.

It wants the workshop's token: `Authorization: Bearer …`.
"""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.rekognition.errors import ServiceError
from kit.emulators.rekognition.faults import Fault, Faults
from kit.emulators.rekognition.requests import json_object, read_body
from kit.emulators.rekognition.service import Rekognition


class Admin:
    """Shows the state of the service, and makes it fail.

    Args:
        service: has the workers and the comparisons.
        calls: how many calls of the AWS API came, by operation.
        faults: the active ones.
    """

    def __init__(self, service: Rekognition, calls: Counter[str], faults: Faults) -> None:
        self.service = service
        self.calls = calls
        self.faults = faults

    async def ready(self, _: Request) -> Response:
        """Whether all workers have loaded the models."""
        ready = self.service.workers.ready
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def stats(self, _: Request) -> Response:
        """How many calls came, what changed in the comparisons, the seconds of the workers."""
        seconds, changes = round(self.service.faces.seconds, 4), self.service.comparisons.changes
        return JSONResponse({"calls": dict(self.calls), "seconds": seconds, "changes": changes})

    async def comparisons(self, _: Request) -> Response:
        """The last comparisons; one without `similarity` and `error` is still running."""
        return JSONResponse(list(self.service.comparisons.recent))

    async def change_faults(self, request: Request) -> Response:
        """Make the next calls fail; DELETE ends all faults."""
        active = self.faults.active
        if request.method == "DELETE":
            active.clear()
            return JSONResponse({"faults": 0})
        try:
            body = json_object(await read_body(request))
            times, per_second = int(body.get("times", 1)), int(body.get("per_second", 0))
            fault = Fault(str(body["code"]), times, body.get("operation"), per_second)
        except (ServiceError, KeyError, TypeError, ValueError):
            return JSONResponse({"error": "send code, times and operation"}, status_code=400)
        if fault.times > 0:
            active.append(fault)
        return JSONResponse({"faults": len(active)})
