"""Pictures: the samples, and small ones for the page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from starlette.exceptions import HTTPException

from kit import samples
from kit.images import PictureError, TooManyPixelsError, as_jpeg, open_picture

SMALL_PIXELS, LARGE_PIXELS = 320, 1280
CACHE_BYTES = 24 * 1024 * 1024  # of all pictures in the cache


def sample(name: object) -> bytes:
    """A sample picture by its name, of which there are five.

    Raises:
        HTTPException: there is none of this name.
    """
    if name not in samples.NAMES:
        raise HTTPException(404, "There is no such sample.")
    path = samples.folder() / str(name)
    if not path.exists():
        raise HTTPException(404, "The samples are not here: get them with make samples.")
    return path.read_bytes()


def shrink(data: bytes, pixels: int) -> bytes:
    """Make a picture small: a JPEG of at most so many pixels a side.

    Raises:
        HTTPException: it is no picture, or too large.
    """
    try:
        with open_picture(data) as image:
            return as_jpeg(image, pixels, quality=85)
    except TooManyPixelsError:
        raise HTTPException(415, "The picture has too many pixels.") from None
    except PictureError as error:
        raise HTTPException(415, "This is not a picture that can be shown.") from error


class PictureCache:
    """Small pictures, made once as long as they fit into some memory."""

    def __init__(self) -> None:
        self.cache: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self.size = 0
        self.lock = threading.Lock()
        self.turn = threading.Semaphore(2)  # decoding takes memory

    def get(self, name: str, pixels: int, read: Callable[[], bytes]) -> bytes:
        """A picture of at most so many pixels a side; `read` gets the original.

        Raises:
            HTTPException: it is no picture.
        """
        with self.lock:
            if (name, pixels) in self.cache:
                self.cache.move_to_end((name, pixels))
                return self.cache[name, pixels]
        with self.turn:
            data = shrink(read(), pixels)
        with self.lock:
            if (name, pixels) not in self.cache:
                self.cache[name, pixels] = data
                self.size += len(data)
            while self.size > CACHE_BYTES:
                self.size -= len(self.cache.popitem(last=False)[1])
        return data
