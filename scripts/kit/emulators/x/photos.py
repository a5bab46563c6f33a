"""The photo host, in place of https://pbs.twimg.com/media/. It asks for no keys.

Beside it are the photos of the sample posts, in place of the folder on GitHub that the template's
SampleUrlPrefix names: nothing leaves the computer.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from kit import samples
from kit.emulators.x.errors import Problem
from kit.emulators.x.faults import Faults, broken_photo
from kit.emulators.x.store import Store
from kit.images import PictureError, TooManyPixelsError, as_jpeg, open_picture
from kit.limits import MIB, UPLOAD_PIXELS

# X makes the photos that it takes smaller; the Lambda function is to see photos that are too
# large. So a photo saved as PNG, of 4000 pixels and some 16 MB, arrives, and a file of 20 MB is
# passed on.
MAX_CONVERTED_BYTES = 19 * MIB
LARGE_PIXELS = 2048  # the longer side of a photo asked for with name=large

# Two at a time: decoding 50 megapixels takes 150 MB and more.
_converters = ThreadPoolExecutor(max_workers=2)


class PhotoHost:
    """Serves the uploads.

    Attributes:
        served: how many photos it has sent.
    """

    def __init__(self, store: Store, faults: Faults) -> None:
        self.store = store
        self.faults = faults
        self.served = 0

    async def photo(self, request: Request) -> Response:
        """GET /media/{name}: with ?format=jpg&name=large as an upright JPEG, otherwise as it is."""
        name, size = request.path_params["name"], request.query_params
        if fault := self.faults.next_of_photo(name):
            await asyncio.sleep(fault["delay"])
            if broken := broken_photo(fault, self.store.base_url + "/_workshop/ready"):
                return broken
            name = fault["serve"] or name
        if not any(media.name == name for media in self.store.media.values()):
            raise Problem(404)
        path = self.store.folder / name
        if not path.exists():  # the learner has tidied up in the folder
            raise Problem(404)
        self.served += 1
        if (size.get("format"), size.get("name")) == ("jpg", "large"):
            loop = asyncio.get_running_loop()
            jpeg = await loop.run_in_executor(_converters, large_jpeg, path)
            if jpeg:
                return Response(jpeg, media_type="image/jpeg")
        return FileResponse(path, media_type="image/jpeg")


async def sample(request: Request) -> Response:
    """GET /samples/{name}: a photo of the sample posts as it is, whatever the query asks for."""
    name = request.path_params["name"]
    path = samples.folder() / name
    if name not in samples.PHOTOS or not path.exists():
        raise Problem(404)
    return FileResponse(path, media_type="image/jpeg")


@functools.lru_cache(maxsize=64)
def large_jpeg(path: Path) -> bytes | None:
    """Convert a picture to an upright JPEG of at most 2048 × 2048 pixels.

    Returns:
        The JPEG; or None when the file is to be served as it is: it is such a JPEG already, it is
        too big to convert, or it is no picture. The Lambda function has to cope with the latter.
    """
    if path.stat().st_size > MAX_CONVERTED_BYTES:
        return None
    try:
        with open_picture(path) as image:
            if image.format == "JPEG" and max(image.size) <= LARGE_PIXELS:
                return None
            return as_jpeg(image, LARGE_PIXELS, quality=90)
    except PictureError:
        return None


def is_too_large_to_decode(data: bytes) -> bool:
    """Whether a file declares more pixels than X takes: a few kilobytes can be a decoded 7 GB."""
    try:
        with open_picture(data, max_pixels=UPLOAD_PIXELS):
            return False
    except PictureError as error:
        return isinstance(error, TooManyPixelsError)
