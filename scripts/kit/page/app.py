"""The page's routes: its files, the state, pictures, and the learner's actions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
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
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from kit import codespace, samples
from kit.http import READ_ON, READY, Guard, body_of, json_of
from kit.keys import PAGE_TOKEN
from kit.limits import MIB, POST_CHARACTERS, POST_PHOTOS, S3_IMAGE_BYTES, UPLOAD_BYTES
from kit.page import ace, instructions
from kit.page.actions import Actions
from kit.page.data.routes import Data
from kit.page.entrance import Entrance
from kit.page.exercise import Exercise
from kit.page.headers import ResponseHeaders
from kit.page.launch import Launch
from kit.page.pictures import LARGE_PIXELS, SMALL_PIXELS, PictureCache, sample
from kit.page.routes import tool_routes
from kit.page.services import Services
from kit.page.state import SEEN, STAGES
from kit.page.streamer import StreamerProcess
from kit.page.watcher import IDLE_SECONDS, Watcher
from kit.running import EXERCISE, HOME, Running

STATIC = Path(__file__).with_name("static")  # what the browser gets, and nothing else
mimetypes.add_type("text/javascript", ".js")  # some systems call it plain text
# What the browser checks before it asks.
CONSTANTS = {
    "SAMPLES": samples.NAMES,
    "LIMITS": {
        "characters": POST_CHARACTERS,
        "photos": POST_PHOTOS,
        "post": {"service": "X", "bytes": UPLOAD_BYTES, "formats": ["JPEG", "PNG", "GIF", "WebP"]},
        "reference": {
            "service": "Rekognition",
            "bytes": S3_IMAGE_BYTES,
            "formats": ["JPEG", "PNG"],
        },
    },
}
MAX_JSON = 64 * 1024  # bytes of a request that is no photo
WAIT_SECONDS = 20.0  # that GET /state waits for news
LOOK_SECONDS = 1.0  # the same, until it looks whether somebody still waits for its answer


class Page:
    """The page: its web application, and the watcher behind it.

    Args:
        workshop: the running one.
        port: at which the page is served.
        exercise: the learner's file.
        folder: of the system, in which the instance is.
    """

    def __init__(
        self, workshop: Running, port: int, exercise: Path = EXERCISE, folder: Path = HOME
    ) -> None:
        self.token = workshop.keys[PAGE_TOKEN]
        self.services = Services(workshop, exercise)
        self.watcher = Watcher(self.services)
        self.state = self.watcher.state
        self.actions = Actions(self.services, self.state)
        self.exercise = Exercise(self.services, self.state)
        self.launch = Launch(self.services, self.state)
        self.streamer = StreamerProcess(self.services, self.state, folder)
        self.pictures = PictureCache()
        self.port = port
        self.news = asyncio.Event()  # is set with the next version, and then replaced

    # --- The state and the constants ----------------------------------------------------------

    async def constants(self, _: Request) -> Response:
        """GET /constants.js: the limits of the services and the samples' names, as a module."""
        lines = (f"export const {name} = {json.dumps(value)};" for name, value in CONSTANTS.items())
        return Response("\n".join(lines), media_type="text/javascript")

    async def ready(self, _: Request) -> Response:
        """GET /_workshop/ready."""
        return JSONResponse({"ready": True, "version": self.watcher.version})

    async def changes(self, request: Request) -> Response:
        """GET /state?run=…&version=N&line=N: the changes, as soon as there is a later version."""
        query = request.query_params
        run = query.get("run", "")
        version, line = number_of(query.get("version")), number_of(query.get("line"))
        watcher = self.watcher
        if time.monotonic() - watcher.watched > IDLE_SECONDS:
            watcher.wake.set()
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            news = self.news
            watcher.watched = time.monotonic()
            if watcher.version and (run != watcher.run or watcher.version > version):
                return JSONResponse(await run_in_threadpool(watcher.changes, run, version, line))
            if time.monotonic() > deadline or await request.is_disconnected():
                return Response(status_code=204)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LOOK_SECONDS)

    def announce(self) -> None:
        """Let those who wait for news have them."""
        self.news.set()
        self.news = asyncio.Event()

    async def stage(self, request: Request) -> Response:
        """GET /stages/{name}: the content of a stage."""
        name = request.path_params["name"]
        if name not in STAGES:
            raise HTTPException(404, "There is no such stage.")
        return JSONResponse(await run_in_threadpool(self.watcher.content, name))

    # --- Pictures -----------------------------------------------------------------------------

    async def photo(self, request: Request) -> Response:
        """GET /photos/{media_key}: a photo of a post, as X has it, or with ?from=s3 as S3 has."""
        key = request.path_params["key"]
        photo = self.state.posts.photo(key)
        if not photo:
            raise HTTPException(404, "There is no such photo.")
        stored = request.query_params.get("from") == "s3"

        def read() -> bytes:
            if stored:
                with contextlib.suppress(ClientError, KeyError):  # a stack that is gone
                    return self.services.read(
                        self.state.ids["RekognitionBucket"], f"images/{key}.jpg"
                    )
            name = photo["url"].rpartition("/")[2]
            return self.services.download(
                f"{self.services.urls['x']}/media/{name}?format=jpg&name=large"
            )

        return await self.picture(request, f"{stored} {key} {photo['etag']}", read)

    async def reference(self, request: Request) -> Response:
        """GET /reference: the reference photo."""
        name, etag = self.state.reference["name"], self.state.reference["etag"]
        if not etag:
            raise HTTPException(404, "There is no reference photo yet.")
        return await self.picture(
            request,
            f"reference {etag}",
            lambda: self.services.read(self.state.ids["RekognitionBucket"], name),
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
            raise HTTPException(404, "The picture cannot be read.") from None
        return Response(data, 200, {"Cache-Control": "private, max-age=3600"}, "image/jpeg")

    # --- The learner's actions ----------------------------------------------------------------

    async def add_photo(self, request: Request) -> Response:
        """POST /photos: one photo of a post to come, as it is in the file."""
        data = await body_of(request, UPLOAD_BYTES, too_large("X", UPLOAD_BYTES))
        return JSONResponse({"id": await run_in_threadpool(self.actions.upload, data)})

    async def add_post(self, request: Request) -> Response:
        """POST /posts: {"text": …, "photos": [{"id": …} or {"sample": …}, …]}."""
        identity = await run_in_threadpool(self.actions.post, await json_of(request, MAX_JSON))
        self.watcher.hurry()
        return JSONResponse({"id": identity}, 201)

    async def change_reference(self, request: Request) -> Response:
        """POST /reference: the picture itself, or with ?sample=NAME one of the samples."""
        name = request.query_params.get("sample")
        message = too_large("Rekognition", S3_IMAGE_BYTES)
        data = sample(name) if name else await body_of(request, S3_IMAGE_BYTES, message)
        name = await run_in_threadpool(self.actions.change_reference, data)
        self.watcher.hurry()
        return JSONResponse({"name": name}, 201)

    async def confirm(self, request: Request) -> Response:
        """POST /mails/{number}/confirm: click the link in a confirmation mail."""
        await run_in_threadpool(self.actions.confirm, request.path_params["number"])
        self.watcher.hurry()
        return JSONResponse({"confirmed": True})

    async def step_texts(self, _: Request) -> Response:
        """GET /steps: the text of each step."""
        return JSONResponse(await run_in_threadpool(instructions.texts))

    async def see(self, request: Request) -> Response:
        """POST /steps/{id}/seen: the learner has looked at what the step shows."""
        step = request.path_params["step"]
        if step not in SEEN:
            raise HTTPException(404, "This step is not done by looking.")
        self.state.seen.add(step)
        self.watcher.hurry()
        return JSONResponse({"seen": True})

    # --- All together -------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Poll the workshop as long as the server runs."""
        loop = asyncio.get_running_loop()
        self.watcher.published = lambda: loop.call_soon_threadsafe(self.announce)
        self.watcher.start()
        yield
        await run_in_threadpool(self.streamer.stop)
        self.watcher.stop()

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/constants.js", self.constants),
                Route(READY, self.ready),
                Route("/state", self.changes),
                Route("/stages/{name}", self.stage),
                Route("/photos/{key}", self.photo),
                Route("/photos", self.add_photo, methods=["POST"]),
                Route("/posts", self.add_post, methods=["POST"]),
                Route("/samples/{name}", self.sample),
                Route("/reference", self.reference),
                Route("/reference", self.change_reference, methods=["POST"]),
                Route("/mails/{number:int}/confirm", self.confirm, methods=["POST"]),
                *tool_routes(self.actions, self.exercise, self.launch, self.streamer, self.watcher),
                *Data(self.services, self.state, self.picture, self.watcher.hurry).routes(),
                Route("/ace/{path:path}", ace.file),
                Route("/steps", self.step_texts),
                Route("/steps/{step}/seen", self.see, methods=["POST"]),
                Mount("/", StaticFiles(directory=STATIC, html=True)),
            ],
            exception_handlers={
                HTTPException: refused,
                ClientError: failed,
                BotoCoreError: failed,
                requests.RequestException: failed,
            },
            middleware=[
                Middleware(ResponseHeaders),
                Middleware(Entrance, token=self.token, port=self.port),
                # `body_of` reads on past its own limits, so that the learner gets its message.
                Middleware(
                    Guard,
                    max_body=READ_ON * UPLOAD_BYTES,
                    port=self.port,
                    public_host=codespace.public_host(self.port),
                ),
            ],
            lifespan=self.lifespan,
        )


def number_of(text: str | None) -> int:
    """A number of a query; 0 if it is none."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else 0


def too_large(service: str, limit: int) -> str:
    """The message for a photo of more bytes than a service takes."""
    size = f"{limit // MIB} MB"
    return f"The photo is larger than {size}, which is more than {service} takes. Choose another."


async def refused(_: Request, error: Exception) -> Response:
    """The answer to a request that is refused."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def failed(_: Request, error: Exception) -> Response:
    """The answer when a service refuses or does not answer."""
    if isinstance(error, ClientError):
        message = error.response["Error"].get("Message", str(error))
        return JSONResponse({"error": f"AWS refused it: {message}"}, 502)
    return JSONResponse({"error": "A part of the workshop does not answer."}, 502)
