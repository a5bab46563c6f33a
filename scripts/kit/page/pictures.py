"""Pictures: of which kind they are, the samples, and small ones for the page."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable

from PIL import Image

from kit import samples
from kit.images import upright
from kit.page.refusal import Refusal

SMALL_PIXELS, LARGE_PIXELS = 320, 1280
MAX_PIXELS = 50_000_000  # of a picture that is decoded
KEPT_BYTES = 24 * 1024 * 1024  # of all pictures kept ready
STARTS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
}


def kind_of(data: bytes) -> str:
    """The media type of a picture by its first bytes; empty if it is none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in STARTS.items() if data.startswith(start)), "")


def sample(name: object) -> bytes:
    """A sample picture by its name, of which there are five.

    Raises:
        Refusal: there is none of this name.
    """
    if name not in (*samples.PHOTOS, samples.LANDSCAPE):
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
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP", "GIF")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Refusal("The picture has too many pixels.", 415)
            image.draft("RGB", (pixels, pixels))
            small = upright(image).convert("RGB")
            small.thumbnail((pixels, pixels))
            jpeg = io.BytesIO()
            small.save(jpeg, "JPEG", quality=85)
            return jpeg.getvalue()
    except Refusal:
        raise
    except Exception as error:  # Pillow has a dozen kinds of exceptions for broken pictures
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
