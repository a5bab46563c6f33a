"""The faces of the latest pictures, so that each picture is decoded once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from typing import Any

from kit.emulators.rekognition.comparison import Face
from kit.emulators.rekognition.workers import Workers

MAX_PICTURES = 1_000  # whose faces are cached; 2 KB each


class FaceCache:
    """The faces of the latest pictures, by the pictures' bytes.

    A workshop compares one reference with many photos, and photos are posted more than once: the
    faces of each are found once, also when several requests have it at the same time.

    Attributes:
        seconds: the time that the workers computed.
    """

    def __init__(self, workers: Workers) -> None:
        """Let the workers find the faces of new pictures."""
        self.workers = workers
        self.seconds = 0.0
        self.searches: OrderedDict[bytes, asyncio.Future[list[Face]]] = OrderedDict()

    async def find(self, data: bytes, note: dict[str, Any]) -> list[Face]:
        """The faces of a picture, largest first; the seconds that it took are added to `note`.

        Raises:
            FaceError: the picture cannot be used.
            RuntimeError: the worker failed; the next request tries again.
        """
        key = hashlib.sha256(data).digest()
        if key not in self.searches:
            search = asyncio.ensure_future(self.search(data, note))
            # If nobody waits for it any more, nobody else takes its exception.
            search.add_done_callback(lambda task: task.cancelled() or task.exception())
            self.searches[key] = search
            if len(self.searches) > MAX_PICTURES:
                self.searches.popitem(last=False)
        self.searches.move_to_end(key)
        try:
            return await asyncio.shield(self.searches[key])
        except RuntimeError:
            self.searches.pop(key, None)
            raise

    async def search(self, data: bytes, note: dict[str, Any]) -> list[Face]:
        """Let an idle worker find the faces."""
        async with self.workers.take() as worker:
            started = time.perf_counter()
            try:
                found: list[Face] = await asyncio.to_thread(worker.call, "find_faces", data)
                return found
            finally:
                seconds = time.perf_counter() - started
                note["seconds"] = round(note.get("seconds", 0) + seconds, 4)
                self.seconds += seconds
