"""Fuzz the parsers by what the inputs reach, with atheris (libFuzzer): make fuzz-coverage.

    PYTHONPATH=scripts:tests python tests/security/coverage_fuzz.py lines -atheris_runs=100000

It ends with the first exception that is none of those that a parser may raise, and writes the
input into a file crash-…. test_fuzz.py asks more of the results; this one finds more inputs.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "json", "kit"]):
    from kit.emulators.rekognition import errors, faces
    from kit.emulators.x.errors import Problem
    from kit.emulators.x.requests import uploaded_file
    from lambdas.loading import load_inline
    from security.asgi import request
    from security.pictures import small_pictures

twitter = load_inline("TwitterLambdaFunction")
for name in ("read_records", "describe"):
    twitter[name] = atheris.instrument_func(twitter[name])


def lines(data: bytes) -> None:
    """Read the lines of an object, and describe each."""
    for record in twitter["read_records"](data.decode("utf-8", "replace")):
        with contextlib.suppress(ValueError):
            twitter["describe"](record)


def picture(data: bytes) -> None:
    """Decode a picture."""
    with contextlib.suppress(errors.FaceError):
        faces.decode(data, 1280)


def upload(data: bytes) -> None:
    """Find a file in a form."""
    head, _, body = data.partition(b"\n")
    with contextlib.suppress(Problem):
        asyncio.run(uploaded_file(request(body, content_type=head.decode("latin-1")), "media"))


FORM = (
    b"multipart/form-data; boundary=b\n--b\r\n"
    b'Content-Disposition: form-data; name="media"; filename="a.jpg"\r\n\r\nphoto\r\n--b--'
)
SEEDS: dict[Callable[[bytes], None], list[bytes]] = {
    picture: small_pictures(),
    upload: [FORM],
}
TARGETS: dict[str, Callable[[bytes], None]] = {"lines": lines, "picture": picture, "upload": upload}


def main() -> None:
    """Fuzz the target that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"Name one of these first: {', '.join(TARGETS)}.")
    target = TARGETS[sys.argv.pop(1)]
    with tempfile.TemporaryDirectory() as corpus:  # what it begins with
        for number, data in enumerate(SEEDS.get(target, [])):
            (Path(corpus) / str(number)).write_bytes(data)
        atheris.Setup([*sys.argv, corpus], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
