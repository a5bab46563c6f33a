"""What X's photo host makes of a photo: an upright JPEG of at most 2048 × 2048 pixels."""

from __future__ import annotations

import functools
import io
from pathlib import Path

from PIL import Image

from kit.images import upright

# X makes the photos that it takes smaller; the Lambda function is to see what is too large. So a
# photo saved as PNG, of 4000 pixels and some 16 MB, arrives, and a file of 20 MB is passed on.
MAX_CONVERTED_BYTES = 19 * 1024 * 1024
MAX_CONVERTED_PIXELS = 50_000_000
MAX_UPLOADED_PIXELS = 8192 * 8192  # X takes no more a side
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
LARGE_PIXELS = 2048  # the longer side of a photo asked for with name=large

# Ours is stricter, and is checked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


def is_too_large_to_decode(data: bytes) -> bool:
    """Whether a file declares more pixels than X takes: a few kilobytes can be a decoded 7 GB."""
    try:
        # Opening reads only the header: nothing is decoded.
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return image.width * image.height > MAX_UPLOADED_PIXELS
    except Exception:  # Pillow has a dozen kinds of exceptions for broken pictures
        return False


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
        # Opening reads only the header, so the size is known before anything is decoded.
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_CONVERTED_PIXELS:
                return None
            if image.format == "JPEG" and max(image.size) <= LARGE_PIXELS:
                return None
            image.thumbnail((LARGE_PIXELS, LARGE_PIXELS))
            jpeg = io.BytesIO()
            upright(image).convert("RGB").save(jpeg, "JPEG", quality=90)
            return jpeg.getvalue()
    except Exception:  # Pillow has a dozen kinds of exceptions for broken pictures
        return None
