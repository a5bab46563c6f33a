"""The lines of the whole way, with the stack's own triggers: from posts on X to their outcomes."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import posts
from bench.comparing import unseen
from bench.v1 import streamer as v1_streamer
from bench.versions import V1, V2, Version
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import TEMPLATE

V1_BUFFER_SECONDS = 60
POLL_SECONDS = 0.05


def template_of(version: Version) -> str:
    """The template on which a version's functions may do what they do."""
    template = TEMPLATE.read_text()
    if version is V2:
        return template
    old, new = (
        '"rekognition:CompareFaces"',
        '["rekognition:CompareFaces", "rekognition:DetectFaces"]',
    )
    return template.replace(old, new)


@contextlib.contextmanager
def deployed(system: OfflineSystem, version: Version, reference: Path) -> Iterator[Stack]:
    """A stack with a version's code and the reference photo in it."""
    parameters = system.parameters(EMAIL)
    if version is V1:
        parameters["BufferSeconds"] = str(V1_BUFFER_SECONDS)
    stack = Stack.launch(system.aws, parameters, template_of(version))
    stack.confirm_subscription()
    if version is V1:
        stack.replace_code("TwitterLambdaFunction", version.store)
    stack.replace_code("RekognitionLambdaFunction", version.compare)
    bucket = stack.resource("RekognitionBucket")
    system.aws.client("s3").upload_file(str(reference), bucket, "celebrity.jpg")
    try:
        yield stack
    finally:
        stack.delete()


@contextlib.contextmanager
def listening(system: OfflineSystem, stack: Stack) -> Iterator[None]:
    """Our streamer runs on the stack's instance."""
    streamer = instance.start_streamer(system, instance.boot(system.folder, stack))
    instance.wait_until_connected(streamer)
    try:
        yield
    finally:
        streamer.stop()


def mailed(stack: Stack, post_id: str, seconds: float = 120.0) -> None:
    """Wait for the mail about a post."""
    deadline = time.monotonic() + seconds
    while not any(post_id in mail["body"] for mail in stack.aws.outbox()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no mail about post {post_id} within {seconds:.0f} s")
        time.sleep(POLL_SECONDS)


def one_by_one(system: OfflineSystem, stack: Stack, photo: bytes, count: int) -> dict[str, float]:
    """Post one photo after the other, each after the mail about the last.

    Returns:
        median and p95: seconds from the post to the mail; comparison: the median of the seconds
        in which the faces were compared, which is a part of them.
    """
    taken, compared = [], []
    for number in range(count + 1):
        media = system.x.upload(unseen(photo))
        started = time.perf_counter()
        mailed(stack, system.x.post(f"Look who is here, number {number}", [media]))
        if number:  # the first one also starts the functions, which stay warm
            taken.append(time.perf_counter() - started)
            compared.append(comparisons(system)[-1]["seconds"])
    return {
        "median": statistics.median(taken),
        "p95": sorted(taken)[-(-95 * count // 100) - 1],
        "comparison": statistics.median(compared),
    }


def comparisons(system: OfflineSystem) -> list[dict[str, Any]]:
    """The last comparisons of the emulated Rekognition."""
    found: list[dict[str, Any]] = system.admin("rekognition").get("comparisons")
    return found


def calls(system: OfflineSystem) -> dict[str, int]:
    """How often each operation of the emulated Rekognition was called."""
    answer = system.admin("rekognition").get("stats")
    found: dict[str, int] = answer["calls"]
    return found


def outcomes(stack: Stack) -> int:
    """How many photos have an outcome."""
    pages = (
        stack.aws.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=stack.resource("PostsTable"))
    )
    return sum("outcome" in item for page in pages for item in page["Items"])


def all_at_once(
    system: OfflineSystem, stack: Stack, media: list[str], seconds: float = 300.0
) -> float:
    """Post a photo of each upload at once; return the seconds until the last has an outcome."""
    started = time.perf_counter()
    before = calls(system).get("CompareFaces", 0)
    for number, one in enumerate(media):
        system.x.post(f"Look who is here, number {number}", [one])
    expected = len(set(media))
    while calls(system).get("CompareFaces", 0) - before < expected or outcomes(stack) < expected:
        if time.perf_counter() - started > seconds:
            raise TimeoutError(f"not all of {expected} photos were compared within {seconds:.0f} s")
        time.sleep(0.2)
    return time.perf_counter() - started


class FirstEditionByMail(threading.Thread):
    """v1's way from the post to the mail, which mostly waits for Firehose.

    So it goes on while other things are measured. Three photos are posted, 20 s apart.
    """

    def __init__(self, system: OfflineSystem, photo: bytes, reference: Path) -> None:
        super().__init__(daemon=True)
        self.system, self.photo, self.reference = system, photo, reference
        self.taken: list[float] = []
        self.problem: Exception | None = None

    def run(self) -> None:
        """Post, and wait for the mails."""
        try:
            with deployed(self.system, V1, self.reference) as stack:
                firehose, stream = (
                    self.system.aws.client("firehose"),
                    stack.resource("DeliveryStream"),
                )
                started = {}
                for number in range(3):
                    time.sleep(20 if number else 0)
                    media = self.system.x.upload(unseen(self.photo))
                    post = self.system.x.post(f"v1 {number}", [media])
                    found = self.system.admin("x").get("posts", limit=9)
                    url = next(p["media"][0]["url"] for p in found if p["id"] == post)
                    started[post] = time.perf_counter()
                    v1_streamer.listen([posts.line(int(post), url)], firehose, stream)
                for post, at in started.items():
                    mailed(stack, post)
                    self.taken.append(time.perf_counter() - at)
        except Exception as error:  # told by `seconds`
            self.problem = error

    def seconds(self) -> float:
        """The median of the three; waits for them.

        Raises:
            Exception: what went wrong.
        """
        self.join()
        if self.problem:
            raise self.problem
        return statistics.median(self.taken)
