"""The emulated X, put together: which part answers at which path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.emulators.x.admin import Overview
from kit.emulators.x.auth import Keys
from kit.emulators.x.errors import Problem
from kit.emulators.x.faults import Faults
from kit.emulators.x.photo_host import PhotoHost
from kit.emulators.x.posting import MAX_UPLOAD_BYTES, Posting
from kit.emulators.x.search import Search
from kit.emulators.x.store import Memory
from kit.emulators.x.stream import FilteredStream
from kit.http import Guard, serve

MIB = 1024 * 1024
RULES_PATH = "/2/tweets/search/stream/rules"
STREAMER_PATHS = ("/oauth2/token", "/2/users/me", RULES_PATH, "/2/tweets/search/stream")


@dataclass(frozen=True)
class Settings:
    """What distinguishes one emulated X from another."""

    port: int  # on 127.0.0.1
    username: str  # who the keys belong to
    photos: Path  # the folder for the uploads
    keep_alive: float  # seconds between two signs of life on a silent stream
    search_delay: float  # seconds until the search finds a post
    keys: dict[str, str]  # by their names in the environment; what is missing is not checked


class X:
    """The parts of the emulated X."""

    def __init__(self, settings: Settings) -> None:
        self.keys = Keys(settings.keys)
        self.memory = Memory(settings.photos, f"http://127.0.0.1:{settings.port}")
        self.stream = FilteredStream(self.keys, self.memory, settings.keep_alive)
        self.search = Search(self.keys, self.memory, settings.search_delay)
        self.posting = Posting(self.keys, self.memory, self.stream, settings.username)
        self.photo_host = PhotoHost(self.memory)
        self.faults = Faults(self.stream, self.photo_host)
        self.overview = Overview(self.memory, self.stream, self.photo_host)

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/oauth2/token", self.keys.token, methods=["POST"]),
                Route("/2/users/me", self.posting.me),
                Route(RULES_PATH, self.stream.list_rules),
                Route(RULES_PATH, self.stream.change_rules, methods=["POST"]),
                Route("/2/tweets/search/stream", self.stream.connect),
                Route("/2/tweets/search/recent", self.search.recent),
                Route("/2/media/upload", self.posting.upload, methods=["POST"]),
                Route("/2/tweets", self.posting.create, methods=["POST"]),
                Route("/media/{name}", self.photo_host.photo),
                Route("/_workshop/ready", self.overview.stats),
                Route("/_workshop/posts", self.overview.posts),
                Route("/_workshop/stats", self.overview.stats),
                Route("/_workshop/faults", self.faults.change, methods=["POST", "DELETE"]),
            ],
            exception_handlers={Problem: self.refuse},
            # What is around the file of an upload is less than 1 MiB.
            middleware=[Middleware(Guard, max_body=MAX_UPLOAD_BYTES + MIB)],
        )

    async def refuse(self, request: Request, problem: Exception) -> Response:
        """Answer with a problem; if it is the streamer that is refused, note why."""
        assert isinstance(problem, Problem)
        if request.url.path in STREAMER_PATHS:
            self.stream.refusal = f"{problem.status} {problem.body.get('title', '')}".rstrip()
        return JSONResponse(problem.body, problem.status, media_type="application/problem+json")


def run(settings: Settings) -> None:
    """Serve X on 127.0.0.1. It ends at once when it is told to, also while a stream is open."""
    x = X(settings)
    # Hang up first, because uvicorn waits until all connections are closed.
    serve(x.app(), settings.port, on_stop=x.stream.hang_up)
