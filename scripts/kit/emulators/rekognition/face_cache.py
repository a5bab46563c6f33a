"""The faces of the pictures that came last, so that each picture is looked at once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from typing import Any

from kit.emulators.rekognition import faces
from kit.emulators.rekognition.workers import Workers

REMEMBERED = 1_000  # pictures whose faces are known; 2 KB each


class Remembered:
    """The faces of the pictures that came last, by their bytes.

    A workshop compares one reference with many photos, and photos are posted more than once: each
    picture is looked at once, also when several requests have it at the same time.
    """

    def __init__(self, workers: Workers) -> None:
        """Let the workers look at what is new."""
        self.workers = workers
        self.seconds = 0.0  # that the workers computed
        self.known: OrderedDict[bytes, asyncio.Future[list[faces.Face]]] = OrderedDict()

    async def find(self, data: bytes, note: dict[str, Any]) -> list[faces.Face]:
        """The faces of a picture, largest first; the seconds that it took are added to `note`.

        Raises:
            FaceError: the picture cannot be used.
            RuntimeError: the worker failed; the next request tries again.
        """
        key = hashlib.sha256(data).digest()
        if key not in self.known:
            self.known[key] = asyncio.ensure_future(self.look(data, note))
            # One that nobody waits for any more has raised its error for nobody.
            self.known[key].add_done_callback(lambda task: task.cancelled() or task.exception())
            if len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
        self.known.move_to_end(key)
        try:
            return await asyncio.shield(self.known[key])
        except RuntimeError:
            self.known.pop(key, None)
            raise

    async def look(self, data: bytes, note: dict[str, Any]) -> list[faces.Face]:
        """Let an idle worker find the faces."""
        async with self.workers.take() as worker:
            started = time.perf_counter()
            try:
                found: list[faces.Face] = await asyncio.to_thread(
                    worker.call, faces.find_faces, data
                )
                return found
            finally:
                seconds = time.perf_counter() - started
                note["seconds"] = round(note.get("seconds", 0) + seconds, 4)
                self.seconds += seconds
