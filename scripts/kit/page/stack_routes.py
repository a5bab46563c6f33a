"""The routes of the stack and of the streamer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.http import json_of
from kit.page.launch import Launch
from kit.page.streamer import StreamerProcess
from kit.page.watcher import Watcher

MAX_JSON = 64 * 1024
Endpoint = Callable[[Request], Awaitable[Response]]


class StackRoutes:
    """Answers what the tabs Launch and Streamer ask.

    Args:
        launch, streamer: do it.
        watcher: of the page, which is to look at once.
    """

    def __init__(self, launch: Launch, streamer: StreamerProcess, watcher: Watcher) -> None:
        self.launch = launch
        self.streamer = streamer
        self.watcher = watcher

    def routes(self) -> list[Route]:
        """All of them."""
        launch, streamer = self.launch, self.streamer
        reads: dict[str, Callable[[], Any]] = {
            "/stack": launch.progress,
            "/stack/form": launch.form,
            "/stack/left": launch.left,
            "/stack/contents": launch.contents,
            "/streamer": streamer.as_json,
        }
        acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "/stack/create": launch.create,
            "/stack/update": launch.update,
            "/stack/delete": lambda _: launch.delete(),
            "/streamer/start": lambda _: streamer.start(),
            "/streamer/stop": lambda _: streamer.stop(),
        }
        return [
            *(Route(path, self.get(read)) for path, read in reads.items()),
            *(Route(path, self.post(act), methods=["POST"]) for path, act in acts.items()),
        ]

    def get(self, read: Callable[[], Any]) -> Endpoint:
        """A route that answers with what is read."""

        async def answer(_: Request) -> Response:
            return JSONResponse(await run_in_threadpool(read))

        return answer

    def post(self, act: Callable[[dict[str, Any]], None]) -> Endpoint:
        """A route that does something with the JSON that it gets."""

        async def answer(request: Request) -> Response:
            body = await json_of(request, MAX_JSON)
            await run_in_threadpool(act, body)
            self.watcher.hurry()
            return JSONResponse({"done": True})

        return answer
