"""The routes of the exercise: the file, its deployment, tests, the check, and help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.http import json_of
from kit.page import hints
from kit.page.exercise import MAX_CHARACTERS, Exercise
from kit.page.watcher import Watcher

MAX_JSON = 8 * MAX_CHARACTERS  # bytes; a character has up to six in JSON


class ExerciseRoutes:
    """Answers what the tab Code asks.

    Args:
        exercise: does it.
        watcher: of the page, which is to look at once.
    """

    def __init__(self, exercise: Exercise, watcher: Watcher) -> None:
        self.exercise = exercise
        self.watcher = watcher

    def routes(self) -> list[Route]:
        """All of them."""
        exercise, check = self.exercise, self.watcher.check
        return [
            Route("/exercise", self.get(exercise.read)),
            Route("/exercise", self.write, methods=["PUT"]),
            Route("/exercise/deployed", self.get(lambda: {"text": exercise.deployed()})),
            Route("/exercise/solution", self.get(lambda: {"text": exercise.solution()})),
            Route("/exercise/hints", self.get(hints.parts)),
            Route("/exercise/deploy", self.deploy, methods=["POST"]),
            Route("/exercise/test", self.test, methods=["POST"]),
            Route("/exercise/check", self.do(self.start_check), methods=["POST"]),
            Route("/exercise/check/stop", self.do(check.stop), methods=["POST"]),
            Route("/invocations/{identity}/stop", self.stop, methods=["POST"]),
        ]

    def get(self, read: Callable[[], Any]) -> Callable[[Request], Awaitable[Response]]:
        """A route that answers with what is read."""

        async def answer(_: Request) -> Response:
            return JSONResponse(await run_in_threadpool(read))

        return answer

    def do(self, act: Callable[[], None]) -> Callable[[Request], Awaitable[Response]]:
        """A route that does something."""

        async def answer(_: Request) -> Response:
            await run_in_threadpool(act)
            return JSONResponse({"done": True})

        return answer

    async def write(self, request: Request) -> Response:
        """PUT /exercise: {"text": …, "tag": of the text that was there before}."""
        body = await json_of(request, MAX_JSON)
        write, text, tag = self.exercise.write, body.get("text"), body.get("tag")
        return JSONResponse(await run_in_threadpool(write, text, tag))

    async def deploy(self, request: Request) -> Response:
        """POST /exercise/deploy: {"force": whether to deploy what Python cannot read}."""
        force = (await json_of(request, MAX_JSON)).get("force") is True
        result = await run_in_threadpool(self.exercise.deploy, force)
        self.watcher.hurry()
        return JSONResponse(result)

    async def test(self, request: Request) -> Response:
        """POST /exercise/test: see `Exercise.test`."""
        body = await json_of(request, MAX_JSON)
        result = await run_in_threadpool(self.exercise.test, body)
        self.watcher.hurry()
        return JSONResponse(result)

    def start_check(self) -> None:
        """Check the file."""
        if self.exercise.on_disk() is None:
            raise HTTPException(409, "There is no file to check yet.")
        self.watcher.check.start()

    async def stop(self, request: Request) -> Response:
        """POST /invocations/{id}/stop: end the process of an invocation, which only offline can."""
        identity = request.path_params["identity"]
        if identity not in self.watcher.state.running:
            raise HTTPException(404, "It does not run any more.")
        admin = self.exercise.services.admins["aws"]
        await run_in_threadpool(admin.delete, f"invocations/{identity}")
        self.watcher.hurry()
        return JSONResponse({"stopped": True})
