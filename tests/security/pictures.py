"""Pictures that want to do harm, and small ones to spoil."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png_bomb(width: int, height: int, color: int = 2) -> bytes:
    """A PNG of a few kilobytes that declares so many pixels; 50,000 × 50,000 would be 7.5 GB."""
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg_bomb() -> bytes:
    """A JPEG with 65,500 × 65,500 pixels in its frame header."""
    file = io.BytesIO()
    Image.new("RGB", (100, 100)).save(file, "JPEG")
    jpeg = file.getvalue()
    size = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:size] + struct.pack(">HH", 65_500, 65_500) + jpeg[size + 4 :]


def small_pictures() -> list[bytes]:
    """Small pictures of all the kinds that a JPEG or PNG can be."""
    found = []
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    exif[0x010E] = "description"
    image = Image.radial_gradient("L").resize((100, 90))
    kinds = [("JPEG", mode) for mode in ("L", "RGB", "CMYK")]
    kinds += [("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    options: list[dict[str, Any]] = [{}, {"exif": exif, "icc_profile": b"a profile"}]
    for kind, mode in kinds:
        for more in options:
            file = io.BytesIO()
            image.convert(mode).save(file, kind, **more)
            found.append(file.getvalue())
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", progressive=True)
    return [*found, file.getvalue()]
