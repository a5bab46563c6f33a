"""Pictures: the samples, and small ones for the page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from kit import samples
from kit.images import PictureError, TooManyPixelsError, as_jpeg, open_picture
from kit.page.refusal import Refusal

SMALL_PIXELS, LARGE_PIXELS = 320, 1280
KEPT_BYTES = 24 * 1024 * 1024  # of all pictures kept ready


def sample(name: object) -> bytes:
    """A sample picture by its name, of which there are five.

    Raises:
        Refusal: there is none of this name.
    """
    if name not in samples.NAMES:
        raise Refusal("There is no such sample.", 404)
    path = samples.folder() / str(name)
    if not path.exists():
        raise Refusal("The samples are not here: get them with make samples.", 404)
    return path.read_bytes()


def shrink(data: bytes, pixels: int) -> bytes:
    """Make a picture small: a JPEG of at most so many pixels a side, upright.

    Raises:
        Refusal: it is no picture, or too large.
    """
    try:
        with open_picture(data) as image:
            return as_jpeg(image, pixels, quality=85)
    except TooManyPixelsError:
        raise Refusal("The picture has too many pixels.", 415) from None
    except PictureError as error:
        raise Refusal("This is not a picture that can be shown.", 415) from error


class Pictures:
    """Small pictures; as many are kept as fit into some memory."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self.size = 0
        self.lock = threading.Lock()
        self.turn = threading.Semaphore(2)  # decoding takes memory

    def get(self, name: str, pixels: int, read: Callable[[], bytes]) -> bytes:
        """A picture of at most so many pixels a side; `read` gets the original.

        Raises:
            Refusal: it is no picture.
        """
        with self.lock:
            if (name, pixels) in self.kept:
                self.kept.move_to_end((name, pixels))
                return self.kept[name, pixels]
        with self.turn:
            data = shrink(read(), pixels)
        with self.lock:
            if (name, pixels) not in self.kept:
                self.kept[name, pixels] = data
                self.size += len(data)
            while self.size > KEPT_BYTES:
                self.size -= len(self.kept.popitem(last=False)[1])
        return data
