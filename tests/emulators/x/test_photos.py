"""The photo host."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from PIL import Image

from emulators.x.harness import LARGE, Server, picture
from kit import samples


@pytest.mark.parametrize(
    ("kind", "given", "orientation", "size"),
    [
        ("JPEG", (4000, 1000), 6, (512, 2048)),
        ("PNG", (4000, 1000), 8, (512, 2048)),
        ("PNG", (40, 60), 1, (40, 60)),
    ],
)
def test_large_and_other_pictures_become_upright_jpegs(
    x: Server, kind: str, given: tuple[int, int], orientation: int, size: tuple[int, int]
) -> None:
    data = picture(kind, given, orientation)
    url = x.photo_url(data)
    image = Image.open(io.BytesIO(requests.get(url, LARGE, timeout=60).content))
    assert (image.format, image.size) == ("JPEG", size)
    assert image.getexif().get(0x0112, 1) == 1
    assert requests.get(url, timeout=60).content == data


def test_the_photos_of_the_sample_posts_are_those_of_the_samples(
    x: Server, pictures: dict[str, Path]
) -> None:
    for name in samples.PHOTOS:
        answer = requests.get(f"{x.url}/samples/{name}", LARGE, timeout=60)
        assert (answer.content, answer.headers["content-type"]) == (
            pictures[name].read_bytes(),
            "image/jpeg",
        )
    for name in (samples.NO_FACE, "..%2Fsamples%2Fobama.jpg", "obama4.jpg"):
        assert requests.get(f"{x.url}/samples/{name}", timeout=60).status_code == 404


def test_turning_a_picture_turns_what_it_shows(x: Server) -> None:
    url = x.photo_url(picture("JPEG", (3000, 3000), orientation=6))
    image = Image.open(io.BytesIO(requests.get(url, LARGE, timeout=60).content)).convert("RGB")
    assert image.size == (2048, 2048)
    left, right = image.getpixel((100, 1000)), image.getpixel((1948, 1000))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[2] > 200 > right[2]  # "6" means: turn clockwise, so red is on the right
    assert right[0] > 200 > left[0]


def small() -> bytes:
    return picture("JPEG", (2048, 100), orientation=6)


def big() -> bytes:
    return picture("PNG", (4000, 3000))


SERVED_AS_THEY_ARE: dict[str, Callable[[], bytes]] = {
    "small": small,
    "cut small": lambda: small()[:500],
    "text": lambda: b"this is text",
    "empty": lambda: b"",
    "cut big": lambda: big()[:20_000],
    "50.4 megapixels": lambda: picture("PNG", (7100, 7100)),
    "over 19 MiB": lambda: big() + bytes(19 * 2**20),
}


@pytest.mark.parametrize("name", SERVED_AS_THEY_ARE)
def test_what_cannot_or_need_not_be_converted_is_served_as_it_is(x: Server, name: str) -> None:
    data = SERVED_AS_THEY_ARE[name]()
    assert requests.get(x.photo_url(data), LARGE, timeout=60).content == data


def test_an_unknown_photo_is_not_found(x: Server) -> None:
    assert x.get("/media/nothing.jpg").status_code == 404
    assert x.get("/media/..%2Fx.log").status_code == 404
