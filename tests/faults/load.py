"""The load: thousands of photos, posted as fast as they can be."""

from __future__ import annotations

import io
import time

from PIL import Image

from faults.bench import MATCH, NO_FACE, OTHER, Bench
from faults.books import MAILED, Page

SIDE = 320  # pixels; what is measured is the way, not the face comparison
PHOTOS_PER_POST = 4
SECONDS = 600.0
POLL_SECONDS = 5.0  # looking costs time, too


def small(picture: bytes) -> bytes:
    """The picture, smaller."""
    file = io.BytesIO()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def load(bench: Bench, number: int) -> Page:
    """Post so many photos, four at a time, and wait until all have arrived."""
    page = bench.page = Page(f"load: {number} photos")
    bench.pages.append(page)
    names = (OTHER, OTHER, NO_FACE, OTHER, MATCH)
    pictures = {name: small(bench.pictures[name]) for name in names}
    before = bench.memory()
    started = time.monotonic()
    ids: list[str] = []
    for n in range(number):
        name = names[n % len(names)]
        ids.append(bench.upload(pictures[name]))
        expected = {MATCH: MAILED, OTHER: "other person", NO_FACE: "no face"}[name]
        bench.expect(ids[-1], expected)
        if len(ids) == PHOTOS_PER_POST or n == number - 1:
            bench.system.x.post("Look who is here", ids)
            page.posts += 1
            ids = []
    posted = time.monotonic() - started
    peak = bench.memory()
    deadline = started + SECONDS
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        peak = max(peak, bench.memory())
        bench.books.update(page.photos)
        if all(photo.as_expected for photo in page.photos):
            break
    bench.books.update(page.photos)
    page.seconds = time.monotonic() - started
    page.notes.append(
        f"posted in {posted:.0f} s, {number / page.seconds:.0f} photos a second; all processes "
        f"together held {before} MiB before and {peak} MiB at most"
    )
    return page
