"""Offline Rekognition: CompareFaces and DetectFaces on 127.0.0.1, computed from the pictures.

    PYTHONPATH=scripts python -m offline.rekognition --port 4600

    boto3.client("rekognition", endpoint_url="http://127.0.0.1:4600")

It speaks the service's AWS JSON 1.1 protocol with its limits and error codes (Amazon Rekognition
API Reference, "CompareFaces", and Developer Guide, "Error handling" and "Guidelines and quotas").
Signatures are not verified: the access key only says who calls. Whether that caller may do it is
asked of the offline AWS at AWS_ENDPOINT_URL, which knows the roles; S3 objects come from there too.
Without AWS_ENDPOINT_URL everybody may, and pictures must be sent as bytes.

For tests and for workshop.py:

    GET  /_workshop/ready        200 when the models are loaded, 503 before
    GET  /_workshop/stats        {"calls": {"CompareFaces": 3}, "seconds": 0.9}
    GET  /_workshop/comparisons  the last 100, oldest first
    POST /_workshop/faults       {"code": "ThrottlingException", "times": 2, "operation": null,
                                  "per_second": 0}; DELETE ends all faults
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import lru_cache
from types import FrameType
from typing import Any

import boto3
import requests
import uvicorn
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from offline import faces
from offline.guard import Guard
from offline.processes import exit_with_parent

MAX_BYTES = 5 * 1024 * 1024  # a picture in the request
MAX_S3_BYTES = 15 * 1024 * 1024  # a picture in S3
MAX_BODY = 16 * 1024 * 1024  # two pictures of 5 MB in base64, and the rest of the request
MAX_WAITING = 100  # requests; more are throttled
COMPARE_SECONDS = 60  # a worker that takes longer is replaced
REMEMBERED = 1_000  # pictures whose faces are known; 2 KB each
CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/rekognition/aws4_request"
)
QUALITY_FILTERS = ("NONE", "AUTO", "LOW", "MEDIUM", "HIGH")
MESSAGES = {  # of the errors that tests inject; from "Error handling"
    "InternalServerError": "Internal server error",
    "ProvisionedThroughputExceededException": "Provisioned Rate exceeded",
    "ThrottlingException": "Slow down; sudden increase in rate of requests",
}


class ServiceError(Exception):
    """An error as the service sends it: code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        """Most of the service's errors have the status 400."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Caller:
    """Who calls, from the SigV4 Authorization header."""

    access_key: str
    region: str


@dataclass(frozen=True)
class Picture:
    """A picture of a request: its bytes, or where it lies in S3."""

    data: bytes = b""
    bucket: str = ""
    key: str = ""
    version: str = ""

    def __str__(self) -> str:
        """How the picture is called in the list of comparisons."""
        return f"s3://{self.bucket}/{self.key}" if self.bucket else f"{len(self.data)} bytes"


@dataclass
class Fault:
    """An error that the next `times` calls get, of one operation or of all.

    With `per_second`, so many calls a second pass, as with the service's quota.
    """

    code: str
    times: int
    operation: str | None
    per_second: int = 0
    second: int = 0  # the one that is counted
    passed: int = 0  # calls in it

    def lets_pass(self) -> bool:
        """Count a call; say whether it is within the quota."""
        if (now := int(time.monotonic())) != self.second:
            self.second, self.passed = now, 0
        self.passed += 1
        return self.passed <= self.per_second


# ---------------------------------------------------------------- what the request says


def caller_of(request: Request) -> Caller:
    """Read who calls.

    Raises:
        ServiceError: the request is not signed.
    """
    match = CREDENTIAL.match(request.headers.get("authorization", ""))
    if match is None:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    return Caller(match[1], match[2])


async def body_of(request: Request) -> dict[str, Any]:
    """Read the JSON body, never keeping more than 16 MB of it.

    Raises:
        ServiceError: too large, or not a JSON object.
    """
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY:
            body += chunk
    if size > MAX_BODY:
        raise faces.ImageTooLargeError
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ServiceError("SerializationException", "The request body is not a JSON object")
    return parsed


def invalid(value: object, name: str, constraint: str) -> ServiceError:
    """The error for a parameter that breaks a constraint of the API's model."""
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: "
        f"Member must {constraint}",
    )


def picture_of(body: dict[str, Any], field: str) -> Picture:
    """Read one picture parameter, such as SourceImage: either Bytes or S3Object.

    Raises:
        ServiceError, FaceError: missing, both, malformed or above 5 MB.
    """
    value = body.get(field)
    if value is None:
        raise invalid("null", field[0].lower() + field[1:], "not be null")
    if not isinstance(value, dict):
        raise ServiceError("SerializationException", f"{field} is not a structure")
    encoded, stored = value.get("Bytes"), value.get("S3Object")
    if (encoded is None) == (stored is None):
        raise faces.InvalidParameterError
    if encoded is not None:
        try:
            data = base64.b64decode(encoded, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise ServiceError("SerializationException", f"{field} is not base64") from None
        if len(data) > MAX_BYTES:
            raise faces.ImageTooLargeError
        return Picture(data)
    parts = stored if isinstance(stored, dict) else {}
    place = [parts.get("Bucket"), parts.get("Name"), parts.get("Version", "")]
    if not all(isinstance(part, str) for part in place) or not all(place[:2]):
        raise ServiceError("InvalidS3ObjectException", "Request has invalid S3 object")
    return Picture(b"", *place)


def threshold_of(body: dict[str, Any]) -> float:
    """Read SimilarityThreshold (0 to 100, default 80), and check QualityFilter.

    QualityFilter is checked but not applied: its levels are the service's own.

    Raises:
        ServiceError: outside the API's constraints.
    """
    quality = body.get("QualityFilter", "NONE")
    if quality not in QUALITY_FILTERS:
        allowed = ", ".join(QUALITY_FILTERS)
        raise invalid(f"'{quality}'", "qualityFilter", f"satisfy enum value set: [{allowed}]")
    value = body.get("SimilarityThreshold", 80)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ServiceError("SerializationException", "SimilarityThreshold is not a number")
    if not value >= 0:
        raise invalid(f"'{value}'", "similarityThreshold", "have value greater than or equal to 0")
    if not value <= 100:
        raise invalid(f"'{value}'", "similarityThreshold", "have value less than or equal to 100")
    return float(value)


# ---------------------------------------------------------------- the offline AWS


class OfflineAws:
    """What the service itself asks of AWS: who may what, and the objects in S3."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is its address, such as http://127.0.0.1:4566."""
        self.endpoint = endpoint.rstrip("/")
        self.s3 = lru_cache(maxsize=32)(self._s3)

    def _s3(self, region: str) -> Any:
        return boto3.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                connect_timeout=5,
                read_timeout=20,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"},
                proxies={},
            ),
        )

    def refusal(self, caller: Caller, action: str, resource: str) -> str:
        """Why the caller may not do it; empty if it may. No clear yes is a no."""
        question = {"access_key": caller.access_key, "action": action, "resource": resource}
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy between the parts of offline mode
                answer = session.get(
                    f"{self.endpoint}/_workshop/authorize", params=question, timeout=10
                )
            verdict = answer.json() if answer.status_code == 200 else {}
        except (requests.RequestException, ValueError) as error:
            return f"{action} refused: the offline AWS did not answer ({type(error).__name__})"
        if isinstance(verdict, dict) and verdict.get("allowed") is True:
            return ""
        if isinstance(verdict, dict) and verdict.get("message"):
            return str(verdict["message"])
        return f"{action} refused: the offline AWS answered {answer.status_code} without a verdict"

    def read(self, caller: Caller, picture: Picture) -> bytes:
        """Read a picture from S3 with the caller's permission.

        Raises:
            ServiceError: no such object, or the caller may not read it: the service says the same
                for both.
            FaceError: above 15 MB.
        """
        arn = f"arn:aws:s3:::{picture.bucket}/{picture.key}"
        place = {"Bucket": picture.bucket, "Key": picture.key}
        if picture.version:
            place["VersionId"] = picture.version
        if self.refusal(caller, "s3:GetObject", arn):
            raise unreadable()
        try:
            found = self.s3(caller.region).get_object(**place)
            with contextlib.closing(found["Body"]) as stream:
                if found["ContentLength"] > MAX_S3_BYTES:
                    raise faces.ImageTooLargeError
                data: bytes = stream.read()
                return data
        except (BotoCoreError, ClientError):
            raise unreadable() from None


def unreadable() -> ServiceError:
    """The service's error for an S3 object that it cannot read, whatever the reason."""
    return ServiceError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access "
        "permissions.",
    )


def boxes(answer: dict[str, Any]) -> dict[str, Any]:
    """Where the faces of a comparison are, for those who draw them."""
    return {
        "source": answer["SourceImageFace"]["BoundingBox"],
        "matched": [
            {"box": match["Face"]["BoundingBox"], "similarity": match["Similarity"]}
            for match in answer["FaceMatches"]
        ],
        "unmatched": [{"box": face["BoundingBox"]} for face in answer["UnmatchedFaces"]],
    }


# ---------------------------------------------------------------- workers


class Worker:
    """A process that compares faces: dlib holds the GIL, so threads would wait for each other."""

    def __init__(self) -> None:
        """Start the process; it loads the models when `faces.warm` or a comparison asks."""
        # "spawn" everywhere: a forked copy of a process with threads may lock up.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=faces.work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # else we would not notice that the worker ended

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a function of `faces` in the worker and wait for its result.

        Raises:
            FaceError: as the function did.
            RuntimeError: the function failed otherwise.
            OSError, EOFError: the worker ended, or took more than 60 s.
        """
        self.pipe.send((function, arguments))
        if not self.pipe.poll(COMPARE_SECONDS):
            raise TimeoutError(f"a worker took more than {COMPARE_SECONDS} s")
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.pipe.close()


class Workers:
    """The workers; each call takes one that is idle, or waits for one."""

    def __init__(self, count: int) -> None:
        """`count` workers will run; `start` starts them."""
        self.count = count
        self.started = 0
        self.idle: asyncio.Queue[Worker] = asyncio.Queue()

    @property
    def ready(self) -> bool:
        """Whether all have loaded the models."""
        return self.started >= self.count

    async def start(self) -> None:
        """Start all; a worker takes calls as soon as it has loaded the models."""
        await asyncio.gather(*(self.start_one() for _ in range(self.count)))

    async def start_one(self) -> None:
        """Start one worker, and load its models before it takes calls."""
        worker = await asyncio.to_thread(Worker)
        await asyncio.to_thread(worker.call, faces.warm)
        self.started += 1
        self.idle.put_nowait(worker)

    @contextlib.asynccontextmanager
    async def take(self) -> AsyncIterator[Worker]:
        """An idle worker for the time of a `with`; one that breaks meanwhile is replaced."""
        worker = await self.idle.get()
        try:
            yield worker
        except (OSError, EOFError) as error:
            worker.stop()
            await self.start_one()
            raise RuntimeError(f"a worker was replaced: {error!r}") from error
        except Exception:
            self.idle.put_nowait(worker)
            raise
        self.idle.put_nowait(worker)


class Remembered:
    """The faces of the pictures that came last, by their bytes.

    A workshop compares one reference with many photos, and photos are posted more than once: each
    picture is looked at once, also when several requests have it at the same time.
    """

    def __init__(self, workers: Workers) -> None:
        """Let the workers look at what is new."""
        self.workers = workers
        self.seconds = 0.0  # that the workers computed
        self.known: OrderedDict[bytes, asyncio.Future[list[faces.Face]]] = OrderedDict()

    async def find(self, data: bytes, note: dict[str, Any]) -> list[faces.Face]:
        """The faces of a picture, largest first; the seconds that it took are added to `note`.

        Raises:
            FaceError: the picture cannot be used.
            RuntimeError: the worker failed; the next request tries again.
        """
        key = hashlib.sha256(data).digest()
        if key not in self.known:
            self.known[key] = asyncio.ensure_future(self.look(data, note))
            # One that nobody waits for any more has raised its error for nobody.
            self.known[key].add_done_callback(lambda task: task.cancelled() or task.exception())
            if len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
        self.known.move_to_end(key)
        try:
            return await asyncio.shield(self.known[key])
        except RuntimeError:
            self.known.pop(key, None)
            raise

    async def look(self, data: bytes, note: dict[str, Any]) -> list[faces.Face]:
        """Let an idle worker find the faces."""
        async with self.workers.take() as worker:
            started = time.perf_counter()
            try:
                found: list[faces.Face] = await asyncio.to_thread(
                    worker.call, faces.find_faces, data
                )
                return found
            finally:
                seconds = time.perf_counter() - started
                note["seconds"] = round(note.get("seconds", 0) + seconds, 4)
                self.seconds += seconds


# ---------------------------------------------------------------- the service


class Rekognition:
    """The service: operations, and what `/_workshop` tells about them."""

    def __init__(self, processes: int, aws: str = "") -> None:
        """Prepare the service; the application starts the workers.

        Args:
            processes: how many comparisons run at the same time.
            aws: the address of the offline AWS; empty: no permissions and no S3.
        """
        self.workers = Workers(processes)
        self.faces = Remembered(self.workers)
        self.aws = OfflineAws(aws) if aws else None
        # Pictures are read for those whose turn is next, so that a queue does not fill the memory.
        self.turn = asyncio.Semaphore(2 * processes)
        self.waiting = 0
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        self.comparisons: deque[dict[str, Any]] = deque(maxlen=100)
        self.operations = {"CompareFaces": self.compare_faces, "DetectFaces": self.detect_faces}

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
        operation = self.operations.get(name)
        if operation is None:
            raise ServiceError(
                "UnknownOperationException",
                f"Offline Rekognition has {' and '.join(self.operations)}, not '{name[:80]}'",
            )
        self.calls[name] += 1
        body = await body_of(request)
        self.raise_fault(name)
        if self.waiting >= MAX_WAITING:
            raise ServiceError("ThrottlingException", MESSAGES["ThrottlingException"])
        self.waiting += 1
        try:
            caller = caller_of(request)
            if self.aws:
                refusal = await asyncio.to_thread(
                    self.aws.refusal, caller, f"rekognition:{name}", "*"
                )
                if refusal:
                    raise ServiceError("AccessDeniedException", refusal)
            return await operation(caller, body)
        finally:
            self.waiting -= 1

    def raise_fault(self, operation: str) -> None:
        """Fail this call if a test asked for it."""
        for fault in self.faults:
            if fault.operation in (None, operation) and not fault.lets_pass():
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                status = 500 if fault.code == "InternalServerError" else 400
                raise ServiceError(fault.code, MESSAGES.get(fault.code, "Injected fault"), status)

    async def compare_faces(self, caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
        """CompareFaces: the largest face of the source against every face of the target."""
        source, target = picture_of(body, "SourceImage"), picture_of(body, "TargetImage")
        threshold = threshold_of(body)
        note: dict[str, Any] = {
            "at": time.time(),
            "source": str(source),
            "target": str(target),
        }
        self.comparisons.append(note)
        try:
            reference, found = await self.find_faces(caller, [source, target], note)
            result, best = faces.rate(reference, found, threshold)
        except Exception as error:
            note["error"] = getattr(error, "code", "InternalServerError")
            raise
        note["faces"] = boxes(result)
        note["similarity"] = best
        return result

    async def detect_faces(self, caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
        """DetectFaces. `Attributes` beyond the default cannot be computed and are left out."""
        (found,) = await self.find_faces(caller, [picture_of(body, "Image")], {})
        return faces.describe(found)

    async def find_faces(
        self, caller: Caller, pictures: list[Picture], note: dict[str, Any]
    ) -> list[list[faces.Face]]:
        """Read the pictures, and find the faces of each.

        The seconds that the workers took go into `note`.
        """
        async with self.turn:
            note["seconds"] = 0
            data = [await self.read(caller, picture) for picture in pictures]
            return [await self.faces.find(one, note) for one in data]

    async def read(self, caller: Caller, picture: Picture) -> bytes:
        """The bytes of a picture, from the request or from S3."""
        if not picture.bucket:
            return picture.data
        if self.aws is None:
            raise unreadable()
        return await asyncio.to_thread(self.aws.read, caller, picture)

    async def ready(self, _: Request) -> Response:
        """Whether all workers have loaded the models."""
        return JSONResponse(
            {"ready": self.workers.ready}, status_code=200 if self.workers.ready else 503
        )

    async def stats(self, _: Request) -> Response:
        """How many calls came, and how many seconds the workers computed."""
        return JSONResponse({"calls": dict(self.calls), "seconds": round(self.faces.seconds, 4)})

    async def list_comparisons(self, _: Request) -> Response:
        """The last comparisons; one without `similarity` and `error` is still under way."""
        return JSONResponse(list(self.comparisons))

    async def add_fault(self, request: Request) -> Response:
        """Make the next calls fail; DELETE repairs everything."""
        if request.method == "DELETE":
            self.faults.clear()
            return JSONResponse({"faults": 0})
        try:
            wish = await body_of(request)
            times, per_second = int(wish.get("times", 1)), int(wish.get("per_second", 0))
            fault = Fault(str(wish["code"]), times, wish.get("operation"), per_second)
        except (ServiceError, faces.FaceError, KeyError, TypeError, ValueError):
            return JSONResponse({"error": "send code, times and operation"}, status_code=400)
        if fault.times > 0:
            self.faults.append(fault)
        return JSONResponse({"faults": len(self.faults)})


def application(service: Rekognition) -> Starlette:
    """The web application around the service; its start also starts the workers."""

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
            Route("/", service.handle, methods=["POST"]),
            Route("/_workshop/ready", service.ready),
            Route("/_workshop/stats", service.stats),
            Route("/_workshop/comparisons", service.list_comparisons),
            Route("/_workshop/faults", service.add_fault, methods=["POST", "DELETE"]),
        ],
        # `body_of` reads on past its own limit, so that the caller gets the service's error.
        middleware=[Middleware(Guard, max_body=4 * MAX_BODY)],
        lifespan=lifespan,
    )


class Server(uvicorn.Server):
    """uvicorn, but SIGTERM ends it at once: nothing here is worth waiting for.

    The workers follow: the system closes their pipes.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the process."""
        os._exit(0)


def main() -> None:
    """Serve until the parent ends or a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m offline.rekognition", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--processes", type=int, default=2, help="comparisons at the same time")
    arguments = parser.parse_args()
    exit_with_parent()
    service = Rekognition(max(1, arguments.processes), os.environ.get("AWS_ENDPOINT_URL", ""))
    config = uvicorn.Config(
        application(service),
        host="127.0.0.1",
        port=arguments.port,
        log_level="error",
        access_log=False,
    )
    Server(config).run()


if __name__ == "__main__":
    main()
