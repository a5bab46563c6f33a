"""What is answered below /_workshop/: to workshop.py, to its page and to tests."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.rekognition import faces
from kit.emulators.rekognition.endpoint import Endpoint
from kit.emulators.rekognition.errors import ServiceError
from kit.emulators.rekognition.faults import Fault
from kit.emulators.rekognition.request import body_of


class Workshop:
    """Tells how the service is doing, and makes it fail."""

    def __init__(self, endpoint: Endpoint) -> None:
        """The endpoint has the calls and the faults; the service behind it, all else."""
        self.endpoint = endpoint
        self.service = endpoint.service

    async def ready(self, _: Request) -> Response:
        """Whether all workers have loaded the models."""
        ready = self.service.workers.ready
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def stats(self, _: Request) -> Response:
        """How many calls came, and how many seconds the workers computed."""
        calls, seconds = self.endpoint.calls, self.service.faces.seconds
        return JSONResponse({"calls": dict(calls), "seconds": round(seconds, 4)})

    async def comparisons(self, _: Request) -> Response:
        """The last comparisons; one without `similarity` and `error` is still under way."""
        return JSONResponse(list(self.service.comparisons))

    async def faults(self, request: Request) -> Response:
        """Make the next calls fail; DELETE repairs everything."""
        under_way = self.endpoint.faults.under_way
        if request.method == "DELETE":
            under_way.clear()
            return JSONResponse({"faults": 0})
        try:
            wish = await body_of(request)
            times, per_second = int(wish.get("times", 1)), int(wish.get("per_second", 0))
            fault = Fault(str(wish["code"]), times, wish.get("operation"), per_second)
        except (ServiceError, faces.FaceError, KeyError, TypeError, ValueError):
            return JSONResponse({"error": "send code, times and operation"}, status_code=400)
        if fault.times > 0:
            under_way.append(fault)
        return JSONResponse({"faults": len(under_way)})
