"""Serves the page: its files, what is new, pictures, and what the learner does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import requests
from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.http import READ_ON, Guard, body_of, json_of
from kit.page.actions import Actions
from kit.page.headers import ResponseHeaders
from kit.page.hop import HOPS
from kit.page.parties import MAX_OBJECT, Parties
from kit.page.pictures import LARGE_PIXELS, SMALL_PIXELS, Pictures, sample
from kit.page.refusal import Refusal
from kit.page.watcher import IDLE_SECONDS, Watcher
from kit.running import Running

FILES = {path.name: path for path in Path(__file__).with_name("static").iterdir()}
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
MAX_JSON = 64 * 1024  # bytes of a request that is no photo
MAX_PHOTO = 32 * 1024 * 1024  # bytes of a photo of a post, as X has it
WAIT_SECONDS = 20.0  # that GET /state waits for news


class Page:
    """The page's answers."""

    def __init__(self, workshop: Running, port: int) -> None:
        self.parties = Parties(workshop)
        self.watcher = Watcher(self.parties)
        self.known = self.watcher.known
        self.actions = Actions(self.parties, self.known)
        self.pictures = Pictures()
        self.port = port

    # ------------------------------------------------------------ the page and its news

    async def file(self, request: Request) -> Response:
        """GET / or /{name}: one of the page's files."""
        path = FILES.get(request.path_params.get("name", "index.html"))
        if not path:
            raise Refusal("There is no such file.", 404)
        return Response(path.read_bytes(), media_type=KINDS[path.suffix])

    async def ready(self, _: Request) -> Response:
        """GET /_workshop/ready."""
        return JSONResponse({"ready": True, "version": self.watcher.version})

    async def state(self, request: Request) -> Response:
        """GET /state?run=…&version=N: what is new, as soon as there is a later version."""
        query = request.query_params
        run = query.get("run", "")
        known = re.fullmatch(r"\d{1,18}", query.get("version", ""))
        version = int(known[0]) if known else 0
        watcher = self.watcher
        if time.monotonic() - watcher.watched > IDLE_SECONDS:
            watcher.wake.set()
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            watcher.watched = time.monotonic()
            if watcher.version and (run != watcher.run or watcher.version > version):
                return JSONResponse(await run_in_threadpool(watcher.state, run, version))
            if time.monotonic() > deadline or await request.is_disconnected():
                return Response(status_code=204)
            await asyncio.sleep(0.1)

    async def hop(self, request: Request) -> Response:
        """GET /hops/{name}: what is in a hop."""
        name = request.path_params["name"]
        if name not in HOPS:
            raise Refusal("There is no such hop.", 404)
        return JSONResponse(await run_in_threadpool(self.watcher.content, name))

    # ------------------------------------------------------------ pictures

    async def photo(self, request: Request) -> Response:
        """GET /photos/{media_key}: a photo of a post, as X has it, or with ?from=s3 as S3 has."""
        key = request.path_params["key"]
        photo = self.known.posts.photo(key)
        if not photo:
            raise Refusal("There is no such photo.", 404)
        stored = request.query_params.get("from") == "s3"

        def read() -> bytes:
            if stored:
                with contextlib.suppress(ClientError, KeyError):  # a stack that is gone
                    return self.parties.read(
                        self.known.ids["RekognitionBucket"], f"images/{key}.jpg"
                    )
            name = photo["url"].rpartition("/")[2]
            return self.parties.download(
                f"{self.parties.urls['x']}/media/{name}?format=jpg&name=large"
            )

        return await self.picture(request, f"{stored} {key} {photo['etag']}", read)

    async def reference(self, request: Request) -> Response:
        """GET /reference: the reference photo."""
        name, etag = self.known.reference["name"], self.known.reference["etag"]
        if not etag:
            raise Refusal("There is no reference photo yet.", 404)
        return await self.picture(
            request,
            f"reference {etag}",
            lambda: self.parties.read(self.known.ids["RekognitionBucket"], name),
        )

    async def sample(self, request: Request) -> Response:
        """GET /samples/{name}: a sample picture."""
        name = request.path_params["name"]
        return await self.picture(request, f"sample {name}", lambda: sample(name))

    async def picture(self, request: Request, name: str, read: Callable[[], bytes]) -> Response:
        """A picture, small or large."""
        pixels = LARGE_PIXELS if request.query_params.get("size") == "large" else SMALL_PIXELS
        try:
            data = await run_in_threadpool(self.pictures.get, name, pixels, read)
        except (ClientError, BotoCoreError, requests.RequestException, KeyError, OSError):
            raise Refusal("The picture cannot be read.", 404) from None
        return Response(data, 200, {"Cache-Control": "private, max-age=3600"}, "image/jpeg")

    # ------------------------------------------------------------ what the learner does

    async def add_photo(self, request: Request) -> Response:
        """POST /photos: one photo of a post to come, as it is in the file."""
        sentence = "The photo is larger than 32 MB, which is more than X takes. Choose another."
        data = await body_of(request, MAX_PHOTO, sentence)
        return JSONResponse({"id": await run_in_threadpool(self.actions.upload, data)})

    async def add_post(self, request: Request) -> Response:
        """POST /posts: {"text": …, "photos": [{"id": …} or {"sample": …}, …]}."""
        identity = await run_in_threadpool(self.actions.post, await json_of(request, MAX_JSON))
        self.watcher.hurry()
        return JSONResponse({"id": identity}, 201)

    async def change_reference(self, request: Request) -> Response:
        """POST /reference: the picture itself, or with ?sample=NAME one of the samples."""
        name = request.query_params.get("sample")
        sentence = "The photo is larger than 15 MB, which is more than Rekognition takes."
        limit = MAX_OBJECT, f"{sentence} Choose another."
        data = sample(name) if name else await body_of(request, *limit)
        name = await run_in_threadpool(self.actions.change_reference, data)
        self.watcher.hurry()
        return JSONResponse({"name": name}, 201)

    async def confirm(self, request: Request) -> Response:
        """POST /mails/{number}/confirm: click the link in a confirmation mail."""
        await run_in_threadpool(self.actions.confirm, request.path_params["number"])
        self.watcher.hurry()
        return JSONResponse({"confirmed": True})

    # ------------------------------------------------------------ all together

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Look at the workshop as long as the server runs."""
        self.watcher.start()
        yield

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/", self.file),
                Route("/_workshop/ready", self.ready),
                Route("/state", self.state),
                Route("/hops/{name}", self.hop),
                Route("/photos/{key}", self.photo),
                Route("/photos", self.add_photo, methods=["POST"]),
                Route("/posts", self.add_post, methods=["POST"]),
                Route("/samples/{name}", self.sample),
                Route("/reference", self.reference),
                Route("/reference", self.change_reference, methods=["POST"]),
                Route("/mails/{number:int}/confirm", self.confirm, methods=["POST"]),
                Route("/{name}", self.file),
            ],
            exception_handlers={
                HTTPException: refused,
                Refusal: refused,
                ClientError: failed,
                BotoCoreError: failed,
                requests.RequestException: failed,
            },
            middleware=[
                Middleware(ResponseHeaders),
                # `body_of` reads on past its own limits, so that the learner gets its sentence.
                Middleware(Guard, max_body=READ_ON * MAX_PHOTO, port=self.port),
            ],
            lifespan=self.lifespan,
        )


async def refused(_: Request, refusal: Exception) -> Response:
    """The answer to what is refused."""
    if isinstance(refusal, HTTPException):
        return JSONResponse({"error": refusal.detail}, refusal.status_code)
    assert isinstance(refusal, Refusal)
    return JSONResponse({"error": refusal.text}, refusal.status)


async def failed(_: Request, error: Exception) -> Response:
    """The answer when a party refuses or does not answer."""
    if isinstance(error, ClientError):
        text = error.response["Error"].get("Message", str(error))
        return JSONResponse({"error": f"AWS refused it: {text}"}, 502)
    return JSONResponse({"error": "A part of the workshop does not answer."}, 502)
