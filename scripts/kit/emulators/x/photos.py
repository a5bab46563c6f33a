"""What X's photo host makes of a photo: an upright JPEG of at most 2048 × 2048 pixels."""

from __future__ import annotations

import functools
from pathlib import Path

from kit.images import PictureError, TooManyPixelsError, as_jpeg, open_picture

# X makes the photos that it takes smaller; the Lambda function is to see what is too large. So a
# photo saved as PNG, of 4000 pixels and some 16 MB, arrives, and a file of 20 MB is passed on.
MAX_CONVERTED_BYTES = 19 * 1024 * 1024
MAX_UPLOADED_PIXELS = 8192 * 8192  # X takes no more a side
LARGE_PIXELS = 2048  # the longer side of a photo asked for with name=large


def is_too_large_to_decode(data: bytes) -> bool:
    """Whether a file declares more pixels than X takes: a few kilobytes can be a decoded 7 GB."""
    try:
        with open_picture(data, max_pixels=MAX_UPLOADED_PIXELS):
            return False
    except PictureError as error:
        return isinstance(error, TooManyPixelsError)


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
