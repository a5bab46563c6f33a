"""Firehose: its buffer, through which records that arrive together become one object.

With a buffer of less than a minute, the object comes by multipart upload, which S3's events call
ObjectCreated:CompleteMultipartUpload. ministack writes an object for every record, and puts it.
It also accepts all records of a PutRecordBatch, of which some may fail on AWS: `faults` makes that
happen on purpose. And it takes the numbers of a template for texts, if they come from a parameter.

AWS: Amazon Data Firehose Developer Guide, "Configure buffering hints"; API Reference,
"BufferingHints" and "PutRecordBatch".
"""

from __future__ import annotations

import contextvars
import functools
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ministack.services import firehose, s3
from starlette.types import ASGIApp, Scope

from kit.emulators.aws import cloudformation
from kit.emulators.aws.asgi import ask
from kit.emulators.aws.auth import role_may

DEFAULT_SECONDS = 300  # IntervalInSeconds, when the stream has no buffering hints
DEFAULT_SIZE = 5  # SizeInMBs, likewise
NO_BUFFER_SECONDS = 0.3  # what "no buffer", an interval of 0 seconds, takes here
MULTIPART_SECONDS = 60  # with a shorter interval, objects come by multipart upload
MB = 1 << 20

buffers: dict[str, list[bytes]] = defaultdict(list)  # by the stream's ARN
buffers_lock = threading.Lock()
in_parts = contextvars.ContextVar("in_parts", default=False)  # whether to write by multipart upload


def buffer_records(
    stream: dict[str, Any], destination: dict[str, Any], records: list[tuple[str, bytes]]
) -> None:
    """Keep the records until the stream's buffering hints say that it is time."""
    hints = destination["config"].get("BufferingHints", {})
    destination["records"].clear()  # ministack would keep a second copy for ever
    seconds = interval(destination) or NO_BUFFER_SECONDS
    # A timer's thread would not know the account.
    in_context = contextvars.copy_context().run
    flush = functools.partial(in_context, flush_records, stream, destination)
    with buffers_lock:
        buffer = buffers[stream["arn"]]
        if not buffer:
            timer = threading.Timer(seconds, flush)
            timer.daemon = True
            timer.start()
        buffer += [data for _, data in records]
        full = sum(map(len, buffer)) >= float(hints.get("SizeInMBs", DEFAULT_SIZE)) * MB
    if full:
        flush()


def with_numbers(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Create or update the stream of a stack, whose buffering hints are numbers."""
    for properties in arguments:
        if isinstance(properties, dict):
            destination = properties.get("ExtendedS3DestinationConfiguration", {})
            hints = destination.get("BufferingHints", {})
            hints |= {name: int(value) for name, value in hints.items()}
    return original(*arguments, **options)


def interval(destination: dict[str, Any]) -> float:
    """Seconds that a destination's buffer waits for more."""
    hints = destination["config"].get("BufferingHints", {})
    return float(hints.get("IntervalInSeconds", DEFAULT_SECONDS))


def flush_records(stream: dict[str, Any], destination: dict[str, Any]) -> None:
    """Write what the buffer holds as one object."""
    with buffers_lock:
        data = b"".join(buffers.pop(stream["arn"], []))
    config = destination["config"]
    if data and role_may(config["RoleARN"], "s3:PutObject", f"{config['BucketARN']}/firehose"):
        in_parts.set(interval(destination) < MULTIPART_SECONDS)
        firehose._deliver_to_s3(stream, destination, data)


def write_object(original: Callable[..., None], bucket: str, key: str, body: bytes) -> None:
    """Put an object, or write it by multipart upload, in one part."""
    if not in_parts.get():
        original(bucket, key, body)
        return
    headers = {"content-type": "application/octet-stream"}
    _, _, answer = s3._create_multipart_upload(bucket, key, headers)
    if not (upload := re.search(rb"<UploadId>(.+?)</UploadId>", answer)):
        raise ValueError(f"CreateMultipartUpload failed: {answer!r}")
    query = {"uploadId": upload[1].decode(), "partNumber": "1"}
    s3._upload_part(bucket, key, body, query, {})
    parts = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"
    )
    s3._complete_multipart_upload(bucket, key, parts.encode(), query, {})


def flush_all() -> None:
    """Write what all buffers hold."""
    for stream in list(firehose._streams.values()):
        for destination in stream["destinations"]:
            flush_records(stream, destination)


async def fail_some(
    application: ASGIApp, scope: Scope, body: bytes, share: float, error: dict[str, str]
) -> dict[str, Any]:
    """Do a PutRecordBatch but for a share of its records, evenly spread.

    Args:
        application: does it for the other records.
        scope: of the request.
        body: of the request.
        share: of the records that fail, from 0 to 1.
        error: ErrorCode and ErrorMessage of those.

    Returns: the answer.
    """
    request = json.loads(body)
    records = request["Records"]
    failed = {n for n in range(len(records)) if (n + 1) * share % 1 < share}
    answer: dict[str, Any] = {"RequestResponses": [], "Encrypted": False}
    if len(failed) < len(records):
        request["Records"] = [record for n, record in enumerate(records) if n not in failed]
        answer = json.loads(await ask(application, scope, json.dumps(request).encode()))
    written = iter(answer["RequestResponses"])
    responses = [error if n in failed else next(written) for n in range(len(records))]
    return answer | {"RequestResponses": responses, "FailedPutCount": len(failed)}


def install() -> None:
    """Let Firehose buffer, and write its objects like this."""
    for operation in "create", "update":
        cloudformation.wrap("AWS::KinesisFirehose::DeliveryStream", operation, with_numbers)
    firehose._deliver_records_to_s3 = buffer_records
    firehose._put_s3_object = functools.partial(write_object, firehose._put_s3_object)
