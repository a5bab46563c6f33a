"""The face endpoint's lines: one comparison, and two at a time."""

from __future__ import annotations

import io
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from PIL import Image

from kit.emulators.rekognition import faces
from kit.emulators.system import OfflineSystem

SIZES = {"640 × 480": (640, 480), "2048 × 1536": (2048, 1536)}


def picture(photo: Path, size: tuple[int, int]) -> bytes:
    """A JPEG of exactly that size with the photo in its middle."""
    with Image.open(photo) as image:
        image.thumbnail((size[0], 10_000))
        whole = image.resize((round(image.width * size[1] / image.height), size[1]))
    canvas = Image.new("RGB", size, (120, 130, 140))
    canvas.paste(whole, ((size[0] - whole.width) // 2, 0))
    jpeg = io.BytesIO()
    canvas.save(jpeg, "JPEG", quality=90)
    return jpeg.getvalue()


def unseen(photo: bytes) -> bytes:
    """The same JPEG as a file that nobody has compared: some bytes follow its end."""
    return photo + os.urandom(16)


def core_seconds(photo: bytes, times: int) -> float:
    """The median of the seconds of a core's time in which the faces of a photo are found."""
    faces.warm_up()
    taken = []
    for _ in range(times):
        started = time.process_time()
        faces.find_faces(photo)
        taken.append(time.process_time() - started)
    return statistics.median(taken)


class Endpoint:
    """The emulated Rekognition, with a reference that it knows."""

    def __init__(self, system: OfflineSystem, reference: Path) -> None:
        self.client: Any = boto3.client(
            "rekognition",
            endpoint_url=system.rekognition_url,
            region_name=system.aws.region,
            aws_access_key_id=system.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=system.keys["AWS_SECRET_ACCESS_KEY"],
        )
        self.reference = reference.read_bytes()
        self.compare(self.reference)

    def compare(self, photo: bytes) -> float:
        """Compare a photo with the reference; return the seconds."""
        started = time.perf_counter()
        self.client.compare_faces(
            SourceImage={"Bytes": self.reference}, TargetImage={"Bytes": photo}
        )
        return time.perf_counter() - started

    def one(self, photo: bytes, times: int) -> float:
        """The median of the seconds of a comparison."""
        return statistics.median(self.compare(unseen(photo)) for _ in range(times))

    def rate(self, photo: bytes, at_once: int, times: int) -> float:
        """Comparisons a second, so many at a time."""
        photos = [unseen(photo) for _ in range(times * at_once)]
        started = time.perf_counter()
        with ThreadPoolExecutor(at_once) as threads:
            list(threads.map(self.compare, photos))
        return len(photos) / (time.perf_counter() - started)
