"""The processes that look at pictures: started, given work, and replaced when they break."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator, Callable
from typing import Any

from kit.emulators.rekognition import faces

COMPARE_SECONDS = 60  # a worker that takes longer is replaced


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
