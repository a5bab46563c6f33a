"""Firehose: its buffer. Records that arrive together become one object."""

from __future__ import annotations

import contextvars
import functools
import threading
from collections import defaultdict
from typing import Any

from ministack.services import firehose

from kit.emulators.aws.auth import role_may

FIREHOSE_SECONDS = 0.3  # what "no buffer", an interval of 0 seconds, takes here
FIREHOSE_BYTES = 1 << 20  # the unit of SizeInMBs

buffers: dict[str, list[bytes]] = defaultdict(list)  # by the stream's ARN
buffers_lock = threading.Lock()


def buffer_records(
    stream: dict[str, Any], destination: dict[str, Any], records: list[tuple[str, bytes]]
) -> None:
    """Keep the records until the stream's buffering hints say that it is time."""
    hints = destination["config"].get("BufferingHints", {})
    destination["records"].clear()  # ministack would keep a second copy for ever
    seconds = float(hints.get("IntervalInSeconds", 300)) or FIREHOSE_SECONDS
    flush = functools.partial(
        contextvars.copy_context().run, flush_records, stream, destination
    )  # a timer's thread would not know the account
    with buffers_lock:
        buffer = buffers[stream["arn"]]
        if not buffer:
            timer = threading.Timer(seconds, flush)
            timer.daemon = True
            timer.start()
        buffer += [data for _, data in records]
        full = sum(map(len, buffer)) >= float(hints.get("SizeInMBs", 5)) * FIREHOSE_BYTES
    if full:
        flush()


def flush_records(stream: dict[str, Any], destination: dict[str, Any]) -> None:
    """Write what the buffer holds as one object."""
    with buffers_lock:
        data = b"".join(buffers.pop(stream["arn"], []))
    config = destination["config"]
    if data and role_may(config["RoleARN"], "s3:PutObject", f"{config['BucketARN']}/firehose"):
        firehose._deliver_to_s3(stream, destination, data)


def install() -> None:
    """Let Firehose buffer."""
    firehose._deliver_records_to_s3 = buffer_records
