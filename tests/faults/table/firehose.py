"""Firehose takes nothing, or not all; the streamer ends."""

from __future__ import annotations

import time

from faults.harness import Harness
from faults.table.registry import Faults

fault = Faults()


def throttle_firehose(harness: Harness, seconds: float) -> None:
    """Let Firehose take nothing for a while."""
    code = "ServiceUnavailableException"
    harness.faults.aws("firehose", "PutRecordBatch", code=code, seconds=seconds)


@fault("firehose: throttled for seconds")
def _(harness: Harness, number: int) -> None:
    throttle_firehose(harness, 3)
    harness.post_many(3 * number)


@fault("firehose: 30 % of the records fail")
def _(harness: Harness, number: int) -> None:
    seconds = 60 if number > 2 else 3
    harness.faults.aws(
        "firehose",
        "PutRecordBatch",
        code="ServiceUnavailableException",
        share=0.3,
        seconds=seconds,
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        harness.post_many(number)
        time.sleep(1)


@fault("firehose: written, but the answer is lost")
def _(harness: Harness, number: int) -> None:
    late = 11 if number > 2 else 0  # seconds; after 10 the streamer waits no longer
    harness.faults.aws("firehose", "PutRecordBatch", status=500, after=True, times=2, delay=late)
    harness.post_many(number)


@fault("streamer: SIGTERM with a full buffer", long=True)
def _(harness: Harness, number: int) -> None:
    throttle_firehose(harness, 4)
    harness.post_many(5 * number)
    time.sleep(2)  # what it has not read from X yet, it does not hold
    assert harness.stop_streamer() == 0, harness.said()
    assert "failed 0" in harness.said()
    harness.start_streamer()


@fault("streamer: SIGKILL with a full buffer")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    harness.wait_until_settled()
    throttle_firehose(harness, 60)
    harness.post_in_vain(2 * number, "the streamer was killed before it had sent them")
    time.sleep(0.5)
    harness.kill_streamer()
    harness.faults.end()
    harness.start_streamer()
    harness.post_many(number)
