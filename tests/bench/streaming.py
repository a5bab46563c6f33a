"""The streamer's lines: from the bytes of X's stream to the calls of Firehose."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import firehose_producer
import twitter_streaming
from bench import posts
from bench.v1 import streamer as v1_streamer

CALL_SECONDS = 0.005  # what one call of Firehose takes
BILLED_BYTES = 5_000  # each record is rounded up to a multiple of it, as in the table of prices


@dataclass
class Firehose:
    """Stands in for Firehose: it takes its time, counts, and bills.

    Attributes:
        calls: PutRecord and PutRecordBatch.
        photos: lines in them.
        billed: bytes, as Firehose bills them.
        at: when each photo came, in the order they came.
    """

    seconds: float = CALL_SECONDS
    calls: int = 0
    photos: int = 0
    billed: int = 0
    at: list[float] = field(default_factory=list)

    def take(self, records: list[bytes]) -> None:
        """Count the records of one call."""
        now = time.perf_counter()
        time.sleep(self.seconds)
        self.calls += 1
        for data in records:
            # v1's JSON is indented, one photo a record; v2 has a photo a line.
            photos = data.count(b"}\n") or 1
            self.photos += photos
            if self.seconds:  # else a million of them would be what is measured
                self.at += [now] * photos
            self.billed += -(-len(data) // BILLED_BYTES) * BILLED_BYTES

    def put_record(self, DeliveryStreamName: str, Record: dict[str, bytes]) -> dict[str, Any]:  # noqa: N803
        """v1's call."""
        self.take([Record["Data"]])
        return {"RecordId": "1"}

    def put_record_batch(
        self,
        DeliveryStreamName: str,  # noqa: N803
        Records: list[dict[str, bytes]],  # noqa: N803
    ) -> dict[str, Any]:
        """v2's call."""
        self.take([record["Data"] for record in Records])
        return {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}] * len(Records)}


def v2(lines: Iterable[bytes], firehose: Firehose) -> None:
    """Let v2's streamer read the lines, as from X, until the last is sent."""
    buffer = firehose_producer.Buffer()
    reading = threading.Thread(target=twitter_streaming.fill, args=(lines, buffer))
    reading.start()
    for batch in buffer.batches():
        firehose_producer.send(firehose, "posts", batch, buffer)
    reading.join()


def v1(lines: Iterable[bytes], firehose: Firehose) -> None:
    """The same with v1's."""
    v1_streamer.listen(lines, firehose, "posts")


Streamer = Callable[[Iterable[bytes], Firehose], None]


def run(streamer: Streamer, lines: Iterable[bytes]) -> tuple[float, Firehose]:
    """Send the lines; return the seconds and what Firehose counted."""
    firehose = Firehose()
    started = time.perf_counter()
    streamer(lines, firehose)
    return time.perf_counter() - started, firehose


def paced(count: int, per_second: float, sent: list[float] | None = None) -> Iterator[bytes]:
    """Yield the lines of so many posts at a rate; note in `sent` when each was there."""
    started = time.perf_counter()
    for number, line in enumerate(posts.stream(count)):
        wait = started + number / per_second - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        if sent is not None:
            sent.append(time.perf_counter())
        yield line


def delay(streamer: Streamer, count: int, per_second: float) -> float:
    """The median of the seconds from the bytes of a post to the call that has it."""
    sent: list[float] = []
    _, firehose = run(streamer, paced(count, per_second, sent))
    return statistics.median(came - was for came, was in zip(firehose.at, sent, strict=True))


def memory(counts: list[int]) -> list[float]:
    """The most memory that our streamer had after so many posts, in MiB, in a new process."""
    command = [sys.executable, "-m", "bench.streaming", *map(str, counts)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def peak() -> float:
    """The most memory that this process had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # there, getrusage still counts the process that started this one
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    for posts_so_far in map(int, sys.argv[1:]):
        v2(posts.stream(posts_so_far), Firehose(seconds=0))
        print(peak())
