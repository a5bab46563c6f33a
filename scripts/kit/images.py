"""Pictures: read the header, check the number of pixels, scale, turn, write as JPEG."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from kit.limits import IMAGE_PIXELS

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")  # X takes these, and browsers show them

# IMAGE_PIXELS is stricter, and is checked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class PictureError(Exception):
    """No picture of the formats that are allowed, or a damaged one."""


class TooManyPixelsError(PictureError):
    """More pixels than are allowed."""


class TooSmallError(PictureError):
    """A side has fewer pixels than are needed."""


@contextlib.contextmanager
def open_picture(
    source: bytes | Path,
    formats: tuple[str, ...] = FORMATS,
    max_pixels: int = IMAGE_PIXELS,
    min_side: int = 1,
) -> Iterator[Image.Image]:
    """Open a picture, whatever its name says. Only the header is read: nothing is decoded yet.

    Raises:
        TooManyPixelsError, TooSmallError: as the header says.
        PictureError: another format, or damaged; also if that shows only when it is decoded in
            the body of the `with`.
    """
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(file, formats=formats) as image:
            if image.width * image.height > max_pixels:
                raise TooManyPixelsError
            if min(image.size) < min_side:
                raise TooSmallError
            yield image
    except PictureError:
        raise
    except Exception as error:  # Pillow has a dozen kinds of exceptions for damaged files
        raise PictureError from error


def media_type(data: bytes) -> str:
    """The media type of a picture, such as image/jpeg; empty if it is none."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return Image.MIME[image.format or ""]
    except Exception:
        return ""


def as_rgb(image: Image.Image) -> Image.Image:
    """The picture in RGB with 8 bits."""
    if image.mode.startswith("I"):  # PNG with 16 bits: convert() would clip to white
        image = image.point(lambda value: value / 256).convert("L")
    return image.convert("RGB")


def apply_exif_orientation(image: Image.Image) -> Image.Image:
    """The picture turned as the camera was held, which EXIF notes; without that, as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow's exceptions for damaged EXIF are of several kinds
        return image


def as_jpeg(image: Image.Image, pixels: int, quality: int) -> bytes:
    """A JPEG of the picture, upright, whose longer side has at most so many pixels."""
    image.draft("RGB", (pixels, pixels))  # lets the JPEG decoder skip pixels that are not needed
    small = as_rgb(image)
    small.thumbnail((pixels, pixels))
    file = io.BytesIO()
    apply_exif_orientation(small).save(file, "JPEG", quality=quality)
    return file.getvalue()
