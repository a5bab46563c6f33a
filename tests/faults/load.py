"""The load: thousands of photos, posted as fast as they can be."""

from __future__ import annotations

import io
import time

from PIL import Image

from faults.harness import MATCH, NO_FACE, OTHER, Harness
from faults.ledger import MAILED, Entry

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


def load(harness: Harness, number: int) -> Entry:
    """Post so many photos, four at a time, and wait until all have arrived."""
    entry = harness.entry = Entry(f"load: {number} photos")
    harness.entries.append(entry)
    names = (OTHER, OTHER, NO_FACE, OTHER, MATCH)
    pictures = {name: small(harness.photo(name)) for name in names}
    before = harness.memory()
    started = time.monotonic()
    ids: list[str] = []
    for n in range(number):
        name = names[n % len(names)]
        ids.append(harness.system.x.upload(pictures[name]))
        expected = {MATCH: MAILED, OTHER: "other person", NO_FACE: "no face"}[name]
        harness.expect(ids[-1], expected)
        if len(ids) == PHOTOS_PER_POST or n == number - 1:
            harness.system.x.post("Look who is here", ids)
            entry.posts += 1
            ids = []
    posted = time.monotonic() - started
    peak = harness.memory()
    deadline = started + SECONDS
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        peak = max(peak, harness.memory())
        harness.ledger.update(entry.photos)
        if all(photo.as_expected for photo in entry.photos):
            break
    harness.ledger.update(entry.photos)
    entry.seconds = time.monotonic() - started
    entry.notes.append(
        f"posted in {posted:.0f} s, {number / entry.seconds:.0f} photos a second; all processes "
        f"together held {before} MiB before and {peak} MiB at most"
    )
    return entry
