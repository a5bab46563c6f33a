"""Photos upright: cameras note in the file (EXIF) how they were held."""

from __future__ import annotations

from PIL import Image, ImageOps


def upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says; as it is where there is none, or a damaged one."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow's exceptions for damaged EXIF are of several kinds
        return image
