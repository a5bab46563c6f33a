"""The routes of the tabs Code, Launch and Streamer: JSON in, JSON out.

What they do is in `exercise`, `check`, `launch` and `streamer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit import private, running
from kit.http import json_of
from kit.jsonl import Json
from kit.page import hints
from kit.page.actions import Actions
from kit.page.exercise import MAX_CHARACTERS, Exercise
from kit.page.launch import Launch
from kit.page.steps import WORK
from kit.page.streamer import StreamerProcess
from kit.page.watcher import Watcher

MAX_JSON = 8 * MAX_CHARACTERS  # bytes; a character of the code has up to six in JSON
Action = Callable[[Json], object]


def tool_routes(
    actions: Actions,
    exercise: Exercise,
    launch: Launch,
    streamer: StreamerProcess,
    watcher: Watcher,
) -> list[Route]:
    """All of them."""
    check = watcher.check

    def start_check(_: Json) -> None:
        if exercise.on_disk() is None:
            raise HTTPException(409, "There is no file to check yet.")
        check.start()

    def start_again(body: Json) -> None:
        step = body.get("step")
        if type(step) is not int or not 1 <= step <= len(WORK):
            raise HTTPException(400, "There is no such step.")
        streamer.stop()
        private.write(running.AGAIN, str(step))

    def stop_invocation(body: Json) -> None:
        identity = str(body.get("id"))
        if identity not in watcher.state.running:
            raise HTTPException(404, "It does not run any more.")
        exercise.services.admins["aws"].delete(f"invocations/{identity}")

    reads: dict[str, Callable[[], object]] = {
        "/exercise": exercise.read,
        "/exercise/deployed": lambda: {"text": exercise.deployed()},
        "/exercise/solution": lambda: {"text": exercise.solution()},
        "/exercise/hints": hints.parts,
        "/exercise/event": exercise.events.to_edit,
        "/stack": launch.progress,
        "/stack/form": launch.form,
        "/stack/left": launch.left,
        "/stack/contents": launch.contents,
        "/streamer": streamer.as_json,
    }
    acts: dict[str, Action] = {
        "/steps/again": start_again,
        "/exercise/save": lambda body: exercise.write(body.get("text"), body.get("tag")),
        "/exercise/deploy": lambda body: exercise.deploy(body.get("force") is True),
        "/exercise/test": exercise.test,
        "/exercise/check": start_check,
        "/exercise/check/stop": lambda _: check.stop(),
        "/invocations/stop": stop_invocation,
        "/queue/redrive": lambda body: actions.redrive(str(body.get("message") or "")),
        "/stack/create": launch.create,
        "/stack/update": launch.update,
        "/stack/delete": lambda _: launch.delete(),
        "/streamer/start": lambda _: streamer.start(),
        "/streamer/stop": lambda _: streamer.stop(),
    }
    return [
        *(get(path, read) for path, read in reads.items()),
        *(post(path, act, watcher.hurry) for path, act in acts.items()),
    ]


def get(path: str, read: Callable[[], Any]) -> Route:
    """GET: answers with what is read."""

    async def answer(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(read))

    return Route(path, answer)


def post(path: str, act: Action, done: Callable[[], None]) -> Route:
    """POST: does something with the object that it gets; `done` is called afterwards."""

    async def answer(request: Request) -> Response:
        result = await run_in_threadpool(act, await json_of(request, MAX_JSON))
        done()
        return JSONResponse({"done": True} if result is None else result)

    return Route(path, answer, methods=["POST"])
