"""Pictures: read the header, check the number of pixels, scale, turn, write as JPEG."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from kit.limits import IMAGE_PIXELS

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")  # X takes these, and browsers show them

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks of a PNG that show nothing. Pillow refuses large ones, Rekognition and browsers do not.
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
ORIENTATION = 0x0112  # EXIF's tag, whose values mean:
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

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
        data = source if isinstance(source, bytes) else source.read_bytes()
        with Image.open(io.BytesIO(without_texts(data)), formats=formats) as image:
            if image.width * image.height > max_pixels:
                raise TooManyPixelsError
            if min(image.size) < min_side:
                raise TooSmallError
            yield image
    except PictureError:
        raise
    except Exception as error:  # Pillow has a dozen kinds of exceptions for damaged files
        raise PictureError from error


def without_texts(data: bytes) -> bytes:
    """A PNG without its texts and color profile; anything else as it is."""
    if not data.startswith(PNG_SIGNATURE):
        return data
    kept, position = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length  # with the length itself, the chunk's type and its checksum
        if data[position + 4 : position + 8] not in PNG_TEXTS:
            kept.append(data[position:end])
        position = end
    return b"".join(kept)


def media_type(data: bytes) -> str:
    """The media type of a picture, such as image/jpeg; empty if it is none."""
    try:
        with Image.open(io.BytesIO(without_texts(data)), formats=FORMATS) as image:
            # Pillow calls a JPEG MPO if more pictures follow in the file, as phones store them.
            return Image.MIME[(image.format or "").replace("MPO", "JPEG")]
    except Exception:
        return ""


def as_rgb(image: Image.Image) -> Image.Image:
    """The picture in RGB with 8 bits."""
    if image.mode.startswith("I"):  # PNG with 16 bits: convert() would clip to white
        image = image.point(lambda value: value / 256).convert("L")
    return image.convert("RGB")


def apply_exif_orientation(image: Image.Image) -> Image.Image:
    """The picture turned as the camera was held, which EXIF notes; without that, as it is.

    Only EXIF counts, as for browsers and Rekognition; Pillow's own function reads XMP, too.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        turn = TURNS.get(exif.get(ORIENTATION, 1))
    except Exception:  # Pillow's exceptions for damaged EXIF are of several kinds
        return image
    return image.transpose(turn) if turn else image


def as_jpeg(image: Image.Image, pixels: int, quality: int) -> bytes:
    """A JPEG of the picture, upright, whose longer side has at most so many pixels."""
    image.draft("RGB", (pixels, pixels))  # lets the JPEG decoder skip pixels that are not needed
    small = as_rgb(image)
    small.thumbnail((pixels, pixels))
    file = io.BytesIO()
    apply_exif_orientation(small).save(file, "JPEG", quality=quality)
    return file.getvalue()
