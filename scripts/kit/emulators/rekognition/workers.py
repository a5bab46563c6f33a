"""The processes that find faces: started, given work, and replaced when they break.

By hand, although there are libraries: pebble's ProcessPool (5.2) is broken for good when a worker
dies while it has nothing to do, and concurrent.futures' when any worker dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from typing import Any

from kit.emulators.rekognition.errors import FaceError

CALL_SECONDS = 60  # a worker that takes longer is replaced


class Worker:
    """A process that finds faces: dlib holds the GIL, so threads would wait for each other."""

    def __init__(self) -> None:
        """Start the process; it loads the models when `warm_up` or a call asks."""
        # "spawn" everywhere: a forked copy of a process with threads may lock up.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # else nobody would notice that the worker ended

    def call(self, name: str, *arguments: object) -> Any:
        """Run a function of `faces` in the worker and wait for its result.

        Raises:
            FaceError: as the function did.
            RuntimeError: the function failed otherwise.
            OSError, EOFError: the worker ended, or took more than 60 s.
        """
        self.pipe.send((name, arguments))
        if not self.pipe.poll(CALL_SECONDS):
            raise TimeoutError(f"a worker took more than {CALL_SECONDS} s")
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.pipe.close()


def work(pipe: Connection) -> None:
    """Main loop of a worker's process: receive (name, arguments), send result or exception.

    Ends when the other end of the pipe is closed, which the system does when the server
    dies, even if it was killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's business
    # dlib and numpy, of which the server has no need: 0.15 s and 30 MB.
    from kit.emulators.rekognition import faces  # noqa: PLC0415

    answer: Any
    while True:
        try:
            name, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer = getattr(faces, name)(*arguments)
        except FaceError as error:
            answer = error
        except Exception as error:
            # As text: not every exception survives the way through a pipe.
            answer = RuntimeError(f"{type(error).__name__}: {error}")
        try:
            pipe.send(answer)
        except OSError:
            return


class Workers:
    """The workers; each call takes one that is idle, or waits for one.

    One is started at once, each other one when a call has to wait: most workshops never need it.
    """

    def __init__(self, count: int) -> None:
        """Prepare for up to `count` workers; `start` starts the first."""
        self.count = count
        self.wanted = 0
        self.ready = False  # one has loaded the models
        self.idle: asyncio.Queue[Worker] = asyncio.Queue()
        self.starting: set[asyncio.Task[None]] = set()  # asyncio itself may forget a task

    async def start(self) -> None:
        """Start the first; it takes calls as soon as it has loaded the models."""
        self.wanted = 1
        await self.start_one()
        self.ready = True

    def start_another(self) -> None:
        """Start one more, if there may be more, and do not wait for it."""
        if self.wanted < self.count:
            self.wanted += 1
            task = asyncio.create_task(self.start_one())
            self.starting.add(task)
            task.add_done_callback(self.starting.discard)

    async def start_one(self) -> None:
        """Start one worker, and load its models before it takes calls."""
        worker = await asyncio.to_thread(Worker)
        await asyncio.to_thread(worker.call, "warm_up")
        self.idle.put_nowait(worker)

    @contextlib.asynccontextmanager
    async def take(self) -> AsyncIterator[Worker]:
        """An idle worker for the time of a `with`; one that breaks meanwhile is replaced."""
        if self.idle.empty():
            self.start_another()
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
