"""The server: which address leads where."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from kit.emulators.rekognition.admin import Workshop
from kit.emulators.rekognition.endpoint import Endpoint
from kit.emulators.rekognition.request import MAX_BODY
from kit.emulators.rekognition.service import Rekognition
from kit.http import READ_ON, Guard


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
        middleware=[Middleware(Guard, max_body=READ_ON * MAX_BODY)],
        lifespan=lifespan,
    )
