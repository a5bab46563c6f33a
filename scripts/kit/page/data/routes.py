"""The routes of the tab Data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import quote

from botocore.exceptions import ClientError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kit.http import body_of
from kit.jsonl import Json
from kit.limits import MIB, UPLOAD_BYTES
from kit.page.data.buckets import Buckets
from kit.page.data.places import Place, Places
from kit.page.data.views import Views
from kit.page.services import Services
from kit.page.state import State

GONE = {"404", "NoSuchBucket", "NoSuchKey", "NotFound", "ResourceNotFoundException"}
GONE |= {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
TOO_LARGE = f"The file is larger than {UPLOAD_BYTES // MIB} MB: upload it with the command."
# Answers with a picture: of a request, by a name for the cache, and what reads it.
Picture = Callable[[Request, str, Callable[[], bytes]], Awaitable[Response]]
View = Callable[[Place, str], Json]
T = TypeVar("T")


class Data:
    """Answers below /data.

    Args:
        services, state: of the page.
        picture: makes an answer of a picture.
        done: called when something was uploaded.
    """

    def __init__(
        self, services: Services, state: State, picture: Picture, done: Callable[[], None]
    ) -> None:
        self.services = services
        self.places = Places(services, state)
        self.buckets = Buckets(services)
        views = Views(services, state)
        self.item = views.item
        self.views: dict[str, View] = {
            "table": views.table,
            "queue": views.queue,
            "topic": views.topic,
            "log": views.log,
            "secret": views.secret,
        }
        self.picture_of = picture
        self.done = done

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/data", self.list_places),
            Route("/data/{place}", self.view),
            Route("/data/{place}/one", self.one),
            Route("/data/{place}/picture", self.picture),
            Route("/data/{place}/download", self.download),
            Route("/data/{place}/upload", self.upload, methods=["POST"]),
        ]

    async def list_places(self, _: Request) -> Response:
        """GET /data: what there is to open."""
        places = await run_in_threadpool(self.places.all)
        return JSONResponse([place._asdict() for place in places])

    async def view(self, request: Request) -> Response:
        """GET /data/{place}?prefix=…&after=…: what is in it; at most 200 rows."""
        query = request.query_params
        prefix, after = query.get("prefix", ""), query.get("after", "")

        def read(place: Place) -> Json:
            if place.kind == "bucket":
                return self.buckets.folder(place.name, prefix, after)
            return self.views[place.kind](place, after)

        return JSONResponse(await self.read(request, read))

    async def one(self, request: Request) -> Response:
        """GET /data/{place}/one?key=…: an object, or an item."""
        key = key_of(request)

        def read(place: Place) -> Json:
            if place.kind == "table":
                return self.item(place, key)
            return self.buckets.one(bucket_of(place), key)

        return JSONResponse(await self.read(request, read))

    async def picture(self, request: Request) -> Response:
        """GET /data/{place}/picture?key=…&size=large: an object as a picture, encoded anew."""
        key = key_of(request)
        bucket = bucket_of(self.places.find(request.path_params["place"]))

        def name() -> str:
            return f"object {bucket} {key} {self.buckets.etag(bucket, key)}"

        def read() -> bytes:
            return self.services.read(bucket, key, UPLOAD_BYTES)

        return await self.picture_of(request, await run_in_threadpool(gone_or, name), read)

    async def download(self, request: Request) -> Response:
        """GET /data/{place}/download?key=…: an object to save, whatever it is."""
        key = key_of(request)
        bucket = bucket_of(self.places.find(request.path_params["place"]))
        size, chunks = await run_in_threadpool(gone_or, lambda: self.buckets.chunks(bucket, key))
        # RFC 6266: the name in UTF-8, percent-encoded.
        name = quote(key.rpartition("/")[2] or "object", safe="")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Content-Length": str(size),
        }
        return StreamingResponse(chunks, 200, headers, "application/octet-stream")

    async def upload(self, request: Request) -> Response:
        """POST /data/{place}/upload?key=…: the file itself."""
        key = key_of(request)
        data = await body_of(request, UPLOAD_BYTES, TOO_LARGE)
        answer = await self.read(
            request, lambda place: self.buckets.upload(bucket_of(place), key, data)
        )
        self.done()
        return JSONResponse(answer, 201)

    async def read(self, request: Request, read: Callable[[Place], Json]) -> Json:
        """What is read of the place of a request, with the place itself."""
        place = self.places.find(request.path_params["place"])
        found = await run_in_threadpool(gone_or, lambda: read(place))
        return {"place": place._asdict()} | found


def gone_or(read: Callable[[], T]) -> T:
    """What is read.

    Raises:
        HTTPException: 404, AWS says that it is not there.
    """
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise HTTPException(404, "It is not there any more.") from None
        raise


def key_of(request: Request) -> str:
    """The key that a request is about."""
    if key := request.query_params.get("key"):
        return key
    raise HTTPException(400, "Name the key.")


def bucket_of(place: Place) -> str:
    """The name of a bucket."""
    if place.kind != "bucket":
        raise HTTPException(404, "This is no bucket.")
    return place.name
