"""The photo host: what https://pbs.twimg.com/media/ is for X. It asks for no keys."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from kit.emulators.x.broken_photos import broken_photo
from kit.emulators.x.errors import Problem
from kit.emulators.x.photos import large_jpeg
from kit.emulators.x.store import Memory

# Two at a time: decoding 50 megapixels takes 150 MB and more.
_converters = ThreadPoolExecutor(max_workers=2)


class PhotoHost:
    """Serves the uploads.

    Attributes:
        served: how many photos it has sent.
        faults: what is to go wrong, on purpose: PHOTO_FAULT with a name, of which * is any.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.served = 0
        self.faults: list[dict[str, Any]] = []

    def repair(self) -> None:
        """Let everything work again."""
        self.faults = []

    async def photo(self, request: Request) -> Response:
        """GET /media/{name}: with ?format=jpg&name=large as an upright JPEG, otherwise as it is."""
        name, size = request.path_params["name"], request.query_params
        if fault := self._fault(name):
            await asyncio.sleep(fault["delay"])
            if broken := broken_photo(fault, self.memory.base_url + "/_workshop/ready"):
                return broken
            name = fault["serve"] or name
        if not any(media.name == name for media in self.memory.media.values()):
            raise Problem(404)
        self.served += 1
        path = self.memory.folder / name
        if (size.get("format"), size.get("name")) == ("jpg", "large"):
            loop = asyncio.get_running_loop()
            jpeg = await loop.run_in_executor(_converters, large_jpeg, path)
            if jpeg:
                return Response(jpeg, media_type="image/jpeg")
        return FileResponse(path, media_type="image/jpeg")

    def _fault(self, name: str) -> dict[str, Any] | None:
        """Return the first fault of a photo that is left, and use it up once."""
        for fault in self.faults:
            if fault["times"] > 0 and fault["name"] in ("*", name):
                fault["times"] -= 1
                return fault
        return None
