"""Photos that cannot be downloaded, or are none."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from faults.harness import MATCH, Harness
from faults.ledger import MAILED, QUEUED, Photo
from faults.table.registry import Faults

fault = Faults()


def encode(picture: bytes, kind: str, **options: Any) -> bytes:
    """The picture in another format."""
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def broken_host(harness: Harness, media_id: str, fault_: dict[str, Any]) -> None:
    """Let the photo host do something to one photo."""
    name = harness.address(media_id).rpartition("/")[2]
    harness.faults.x(kind="photo", name=name, **({"times": 1000} | fault_))


NEVER = "rejected: the photo host answered "


@fault("photos: what the host answers")
def _(harness: Harness, number: int) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"status": 404}, f"{NEVER}404"),
        ({"status": 410}, f"{NEVER}410"),
        ({"status": 503, "times": 2}, MAILED),
        ({"status": 429, "times": 1}, MAILED),
        ({"status": 302, "location": "http://127.0.0.1:1/"}, f"{NEVER}302"),
        ({"body": "endless"}, "rejected: too large"),
        ({"body": "page"}, "rejected: unreadable"),
        ({"body": "truncated", "times": 1}, MAILED),
    ]
    for _ in range(number):
        for wish, expected in cases:
            media_id = harness.system.x.upload(harness.photo(MATCH))
            broken_host(harness, media_id, wish)
            harness.expect(media_id, expected)
            harness.entry.posts += 1
            harness.system.x.post("Look who is here", [media_id])


@fault("photos: the host fails too long, then redrive")
def _(harness: Harness, number: int) -> None:
    wishes: list[dict[str, Any]] = [{"status": 503}, {"body": "truncated"}]
    if number > 2:
        wishes += [{"delay": 30}, {"body": "slow"}]
    photos = []
    for _ in range(number):
        for wish in wishes:
            media_id = harness.system.x.upload(harness.photo(MATCH))
            broken_host(harness, media_id, wish)
            photos.append(harness.expect(media_id, QUEUED))
            harness.entry.posts += 1
            harness.system.x.post("Look who is here", [media_id])
    harness.wait_until_settled()
    redrive(harness, photos)


def redrive(harness: Harness, photos: list[Photo]) -> None:
    """Fix the cause and redrive; now they are expected to be mailed."""
    waiting = sum(photo.state == QUEUED for photo in photos)
    harness.entry.notes.append(f"{waiting} of {len(photos)} photos were in the queue before")
    harness.faults.end()
    harness.redrive()
    for photo in photos:
        photo.expected = MAILED


def pixel() -> bytes:
    """A picture of one pixel."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "JPEG")
    return file.getvalue()


@fault("photos: formats, sizes and damage")
def _(harness: Harness, number: int) -> None:
    photo = harness.photo(MATCH)
    for _ in range(number):
        harness.post(encode(photo, "WEBP"), MAILED)
        harness.post(encode(photo, "GIF"), MAILED)
        harness.post(encode(photo, "PNG"), MAILED)
        harness.post(pixel(), "no face")
        harness.post(photo + bytes(20 << 20), "rejected: too large")
        harness.post(photo[: len(photo) // 3], "unreadable")
        harness.post(b"", "rejected: unreadable")
        harness.post(b"this is no photo", "rejected: unreadable")


@fault("photos: odd names", long=True)
def _(harness: Harness, number: int) -> None:
    bad = "rejected: its address is not that of a photo"
    names = [
        ("a b.jpg", MAILED),
        ("fünf é 写真.jpg", MAILED),
        ("x" * 1000 + ".jpg", MAILED),
        ("a%20b+c&d;e.jpg", MAILED),
        ("../secret.jpg", bad),
        ("..%2fsecret.jpg", bad),
        ("", bad),
    ]
    for _ in range(number):
        for name, expected in names:
            media_id = harness.system.x.upload(harness.photo(MATCH))
            prefix, _, real = harness.address(media_id).rpartition("/")
            harness.faults.x(kind="photo", name=name.replace("%20", " "), serve=real, times=1000)
            harness.expect(media_id, expected)
            harness.post_line(harness.message(media_id, f"{prefix}/{name}"))
