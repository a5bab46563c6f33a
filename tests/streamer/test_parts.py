"""The parts of the streamer that can be shown alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from firehose_producer import (
    BATCH_BYTES,
    BATCH_RECORDS,
    RECORD_BYTES,
    Buffer,
    is_temporary,
    pack,
)
from streamer.harness import FIELDS, a_post
from twitter_streaming import extract_photos, handle_line, id_at

pytestmark = pytest.mark.unit

same_each_time = settings(derandomize=True, database=None, deadline=None)


@same_each_time
@given(st.lists(st.integers(1, 20_000), max_size=3_000), st.integers(1, 10))
def test_a_batch_holds_the_first_lines_and_no_line_is_cut(sizes: list[int], factor: int) -> None:
    lines = [b"x" * (size * factor - 1) + b"\n" for size in sizes]
    records = pack(lines)
    taken = sum(record.photos for record in records)
    assert b"".join(record.data for record in records) == b"".join(lines[:taken])
    assert [record.data.count(b"\n") for record in records] == [one.photos for one in records]
    assert all(len(one.data) <= RECORD_BYTES or one.photos == 1 for one in records)
    size = sum(len(record.data) for record in records)
    assert len(records) <= BATCH_RECORDS
    assert size <= BATCH_BYTES
    if taken < len(lines):  # then the next one really did not fit
        joined = len(records[-1].data) + len(lines[taken])
        full = len(records) == BATCH_RECORDS and joined > RECORD_BYTES
        assert full or size + len(lines[taken]) > BATCH_BYTES


def test_no_lines_are_no_records() -> None:
    assert pack([]) == []


@same_each_time
@given(st.binary() | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner)
    | st.dictionaries(st.text() | st.sampled_from(["data", "errors", "includes", "media"]), inner),
).map(lambda message: json.dumps(message).encode()))  # fmt: skip
def test_any_line_is_handled_and_the_next_one_arrives(line: bytes) -> None:
    buffer = Buffer()
    handle_line(line, buffer)
    before = buffer.counts["posts"]
    handle_line(json.dumps(a_post(1)).encode(), buffer)
    buffer.close()
    assert buffer.counts["posts"] == before + 1
    assert buffer.counts["unreadable"] <= 1
    *_, last = [record.data for batch in buffer.batches() for record in batch]
    assert json.loads(last.splitlines()[-1])["post_id"] == "1"


def test_each_photo_has_exactly_the_documented_fields() -> None:
    photos = extract_photos(a_post(1, "photo", "video", "photo"))
    assert [list(photo) for photo in photos] == [FIELDS] * 2
    assert [photo["media_key"] for photo in photos] == ["3_10", "3_12"]


@pytest.mark.parametrize("seconds", [1_288_834_975, 1_700_000_000.5, 1_800_000_000.001])
def test_an_id_is_a_time(seconds: float) -> None:
    assert id_at(seconds) & 0x3FFFFF == 0  # the lowest id of its millisecond
    milliseconds = (id_at(seconds) >> 22) + 1288834974657
    assert milliseconds == int(seconds * 1000)


def answer(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutRecordBatch")


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (answer("ServiceUnavailableException", 503), True),
        (answer("InternalFailure", 500), True),
        (answer("ThrottlingException"), True),
        (answer("LimitExceededException"), True),
        (answer("AccessDeniedException"), False),
        (answer("ResourceNotFoundException"), False),
        (answer("InvalidArgumentException"), False),
        (EndpointConnectionError(endpoint_url="http://x"), True),
        (ConnectTimeoutError(endpoint_url="http://x"), True),
        (ReadTimeoutError(endpoint_url="http://x"), True),
        (NoCredentialsError(), False),
        (ValueError(), False),
    ],
    ids=lambda value: "" if isinstance(value, bool) else str(value)[:60],
)
def test_only_what_passes_is_temporary(error: Exception, temporary: bool) -> None:
    assert is_temporary(error) is temporary
