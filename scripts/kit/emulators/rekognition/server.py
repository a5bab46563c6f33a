"""The server: which address leads where, and the process that listens on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from kit.emulators.rekognition.endpoint import Endpoint
from kit.emulators.rekognition.request import MAX_BODY
from kit.emulators.rekognition.service import Rekognition
from kit.emulators.rekognition.workshop import Workshop
from kit.guard import Guard


def application(service: Rekognition) -> Starlette:
    """The web application around the service; its start also starts the workers."""
    endpoint = Endpoint(service)
    workshop = Workshop(endpoint)

    async def start_workers() -> None:
        try:
            await service.workers.start()
        except (OSError, EOFError, RuntimeError) as error:
            print(f"offline Rekognition cannot start: {error}", file=sys.stderr, flush=True)
            os._exit(1)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        starting = asyncio.create_task(start_workers())  # the port is open meanwhile
        yield
        starting.cancel()

    return Starlette(
        routes=[
            Route("/", endpoint.handle, methods=["POST"]),
            Route("/_workshop/ready", workshop.ready),
            Route("/_workshop/stats", workshop.stats),
            Route("/_workshop/comparisons", workshop.comparisons),
            Route("/_workshop/faults", workshop.faults, methods=["POST", "DELETE"]),
        ],
        # `body_of` reads on past its own limit, so that the caller gets the service's error.
        middleware=[Middleware(Guard, max_body=4 * MAX_BODY)],
        lifespan=lifespan,
    )


class Server(uvicorn.Server):
    """uvicorn, but SIGTERM ends it at once: nothing here is worth waiting for.

    The workers follow: the system closes their pipes.
    """

    def __init__(self, service: Rekognition, port: int) -> None:
        """Serve the service on a port of 127.0.0.1."""
        config = uvicorn.Config(
            application(service),
            host="127.0.0.1",
            port=port,
            log_level="error",
            access_log=False,
        )
        super().__init__(config)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the process."""
        os._exit(0)
