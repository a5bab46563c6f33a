"""The emulated X, put together: which part answers at which path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.emulators.x.admin import Admin
from kit.emulators.x.auth import Auth
from kit.emulators.x.errors import Problem, problem_of
from kit.emulators.x.faults import Faults
from kit.emulators.x.photos import PhotoHost, sample
from kit.emulators.x.posting import Posting
from kit.emulators.x.requests import MAX_BODY_BYTES
from kit.emulators.x.search import Search
from kit.emulators.x.store import Store
from kit.emulators.x.stream import FilteredStream
from kit.http import READY, Guard, TokenGuard

RULES_PATH = "/2/tweets/search/stream/rules"
STREAMER_PATHS = ("/oauth2/token", "/2/users/me", RULES_PATH, "/2/tweets/search/stream")


async def cannot_save(_: Request, error: Exception) -> Response:
    """Answer with an error of X's when the disk is full, or the folder is not ours."""
    assert isinstance(error, OSError)
    problem = Problem(500, detail=f"it cannot be saved: {error.strerror}.")
    return JSONResponse(problem.body, problem.status_code, media_type="application/problem+json")


@dataclass(frozen=True)
class Settings:
    """The options of an emulated X."""

    port: int  # on 127.0.0.1
    username: str  # the user that the keys belong to
    photos: Path  # the folder for the uploads
    keep_alive: float  # seconds until a keep-alive is sent on a silent stream
    search_delay: float  # seconds until the search finds a post
    token: str  # of the workshop
    keys: dict[str, str]  # by their names in the environment; one that is missing is not checked


class X:
    """The parts of the emulated X."""

    def __init__(self, settings: Settings) -> None:
        self.token = settings.token
        self.auth = Auth(settings.keys)
        self.store = Store(settings.photos, f"http://127.0.0.1:{settings.port}")
        self.faults = Faults()
        self.stream = FilteredStream(self.auth, self.store, self.faults, settings.keep_alive)
        self.search = Search(self.auth, self.store, settings.search_delay)
        self.posting = Posting(self.auth, self.store, self.stream, settings.username)
        self.photo_host = PhotoHost(self.store, self.faults)
        self.admin = Admin(self.store, self.stream, self.photo_host, self.faults)

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/oauth2/token", self.auth.token, methods=["POST"]),
                Route("/2/users/me", self.posting.me),
                Route(RULES_PATH, self.stream.list_rules),
                Route(RULES_PATH, self.stream.change_rules, methods=["POST"]),
                Route("/2/tweets/search/stream", self.stream.connect),
                Route("/2/tweets/search/recent", self.search.recent),
                Route("/2/media/upload", self.posting.upload, methods=["POST"]),
                Route("/2/tweets", self.posting.create, methods=["POST"]),
                Route("/media/{name}", self.photo_host.photo),
                Route("/samples/{name}", sample),
                Route(READY, self.admin.ready),
                Route("/_workshop/posts", self.admin.posts),
                Route("/_workshop/stats", self.admin.stats),
                Route("/_workshop/faults", self.admin.change_faults, methods=["POST", "DELETE"]),
            ],
            exception_handlers={HTTPException: self.refuse, OSError: cannot_save},
            middleware=[
                Middleware(Guard, max_body=MAX_BODY_BYTES),
                Middleware(TokenGuard, token=self.token),
            ],
        )

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer with X's error; if it is the streamer that is refused, note the error."""
        assert isinstance(error, HTTPException)
        problem = problem_of(error)
        if request.url.path in STREAMER_PATHS:
            self.stream.refusal = f"{problem.status_code} {problem.body['title']}"
        return JSONResponse(
            problem.body, problem.status_code, error.headers, "application/problem+json"
        )
