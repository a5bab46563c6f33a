"""TwitterLambdaFunction's lines: many photos in one object, from a host that takes its time."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from PIL import Image

from bench import posts
from bench.streaming import peak
from bench.v1 import streamer as v1_streamer
from bench.versions import V2, Harness
from kit.emulators.system import OfflineSystem
from kit.jsonl import changes
from support import s3_event
from twitter_streaming import extract_photos

HOST_SECONDS = 0.1  # after which the photo host answers


def upload(system: OfflineSystem, photos: list[Path], count: int) -> list[bytes]:
    """Upload so many photos, in turns; return the lines of the posts that have them.

    They are made as large as X shows them on a phone, 640 pixels wide. No two are the same file,
    unless this is done again.
    """
    jpegs = []
    for photo in photos:
        jpeg = io.BytesIO()
        with Image.open(photo) as image:
            image.thumbnail((640, 640))
            image.save(jpeg, "JPEG")
        jpegs.append(jpeg.getvalue())
    media = [system.x.upload(jpegs[n % len(jpegs)] + b"%d" % n) for n in range(count)]
    journal = changes(system.folder / "photos" / "journal.jsonl")
    names = {value["id"]: value["name"] for kind, value in journal if kind == "media"}
    return [posts.line(int(key), f"{system.x_url}/media/{names[key]}") for key in media]


def slow_host(system: OfflineSystem, seconds: float) -> None:
    """Let X's photo host wait before it answers; 0 ends that."""
    x = system.admin("x")
    x.delete("faults")
    if seconds:
        fault = {"kind": "photo", "name": "*", "delay": seconds, "times": 10**6}
        x.post("faults", fault)


def renamed(lines: list[bytes]) -> list[bytes]:
    """The same posts with media keys that were never seen."""
    return [line.replace(b'"3_', b'"%d_' % (uuid.uuid4().int % 10**9)) for line in lines]


def deliver(harness: Harness, lines: list[bytes]) -> str:
    """Write the object that Firehose makes of some posts, each a photo that was never seen."""
    records = []
    for line in renamed(lines):
        if harness.version is V2:
            records += [json.dumps(p).encode() + b"\n" for p in extract_photos(json.loads(line))]
        else:
            records += v1_streamer.records(line)
    key = f"firehose/{uuid.uuid4()}"
    harness.s3.put_object(Bucket=harness.posts, Key=key, Body=b"".join(records))
    harness.delivered.add(key)
    return key


def seconds(harness: Harness, lines: list[bytes]) -> float:
    """How long the function works on the posts in one object."""
    event = s3_event(harness.posts, deliver(harness, lines))
    slow_host(harness.system, HOST_SECONDS)
    started = time.perf_counter()
    harness.store(event)
    taken = time.perf_counter() - started
    slow_host(harness.system, 0)
    return taken


def memory(harness: Harness, lines: list[bytes]) -> float:
    """The most memory, in MiB, of a new process that does the same, as Lambda's does."""
    event = s3_event(harness.posts, deliver(harness, lines))
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with harness.environment(harness.variables("TwitterLambdaFunction") | paths):
        environment = dict(os.environ)
    done = subprocess.run(
        [sys.executable, "-m", "bench.storing"],
        input=json.dumps({"code": harness.version.store, "event": event}),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    task = json.load(sys.stdin)
    function: dict[str, object] = {"__name__": "index"}
    exec(task["code"], function)
    function["lambda_handler"](task["event"], None)  # type: ignore[operator]
    print(peak())
