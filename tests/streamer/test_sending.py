"""The streamer sends to Firehose, in this process, with a clock of its own."""

from __future__ import annotations

import io
import sys
import threading
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import twitter_streaming
from streamer.harness import a_post
from support import wait_until
from support.fake_clock import FakeClock

streamer: Any = twitter_streaming  # it is given stand-ins


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(streamer, "time", clock)
    return clock


def count_photos(batch: list[Any]) -> int:
    return sum(record.photos for record in batch)


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", ""),
        (b" \r\n", ""),
        (b": keep-alive", ""),
        (
            b'{"errors": [{"title": "a", "detail": "b"}, {"title": "c"}]}',
            "X says: a: b\nX says: c: None\n",
        ),
        (b'{"title": "a", "detail": "b"}', "X says: a: b\n"),
        (b"garbage", "A line of the stream could not be read (JSONDecodeError); going on.\n"),
        (b"{}", "A line of the stream could not be read (KeyError); going on.\n"),
        (b"[1]", "A line of the stream could not be read (AttributeError); going on.\n"),
    ],
)
def test_a_line_that_is_no_post(line: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    buffer = streamer.Buffer()
    streamer.handle_line(line, buffer)
    assert capsys.readouterr().out == said
    assert buffer.counts == ({"unreadable": 1} if "could not be read" in said else {})


def test_a_post_as_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    buffer = streamer.Buffer()
    streamer.handle_line(b'data: {"data": {"id": "1"}}\n', buffer)
    assert (buffer.counts, capsys.readouterr().out) == ({"posts": 1, "photos": 0, "skipped": 1}, "")


def test_the_photos_of_a_post() -> None:
    message = a_post(1, "photo", "video", text="x" * 80_001)
    (photo,) = streamer.extract_photos(message)
    assert photo == {
        "media_key": "3_10",
        "url": "https://pbs.example/1-0.jpg",
        "post_id": "1",
        "username": "ada",
        "text": "x" * 80_000,
        "created_at": "2026-03-01T12:00:00.000Z",
    }


def test_what_a_post_lacks_is_empty() -> None:
    post = {"id": "1", "attachments": {"media_keys": ["3_1", "3_2", "3_3"]}}
    media = [
        {"media_key": "3_1", "type": "photo", "url": "u"},
        {"media_key": "3_2", "type": "photo"},
    ]
    message = {"data": post, "includes": {"media": media, "users": [{"id": "42"}]}}
    empty = dict.fromkeys(("username", "text", "created_at"), "")
    expected = [{"media_key": "3_1", "url": "u", "post_id": "1"} | empty]
    assert streamer.extract_photos(message) == expected
    assert (
        streamer.extract_photos(
            {"data": post | {"author_id": "42"}} | {"includes": message["includes"]}
        )
        == expected
    )
    assert streamer.extract_photos({"data": post}) == []
    assert streamer.extract_photos({"data": {"id": "1"}}) == []


def test_all_lines_are_handled_and_then_the_buffer_is_closed() -> None:
    buffer, error = streamer.Buffer(), streamer.StreamingError("no")

    def lines() -> Any:
        yield b'{"data": {"id": "1"}}'
        raise error

    streamer.fill([b'{"data": {"id": "1"}}'] * 2, buffer)
    assert (buffer.counts["posts"], buffer.error) == (2, None)
    assert buffer.closed_at
    buffer = streamer.Buffer()
    streamer.fill(lines(), buffer)
    assert (buffer.counts["posts"], buffer.error) == (1, error)
    assert buffer.closed_at


# --- the buffer -----------------------------------------------------------------------------------


def test_what_was_added_comes_out_in_batches_and_then_it_ends() -> None:
    buffer = streamer.Buffer()
    buffer.add([b"x" * 5_000] * 700)
    buffer.add([])
    buffer.close()
    buffer.add([b"too late"])
    assert buffer.counts == {"posts": 2, "photos": 700, "skipped": 1}
    batches = list(buffer.batches())
    assert [count_photos(batch) for batch in batches] == [500, 200]


def test_only_the_first_reason_to_close_counts(clock: FakeClock) -> None:
    buffer, error = streamer.Buffer(), ValueError()
    buffer.close(error)
    first = clock.monotonic()
    clock.now += 5
    buffer.close()
    assert (buffer.closed_at, buffer.error) == (first, error)


def test_a_full_batch_waits_for_nothing_and_others_wait_for_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    buffer = streamer.Buffer()
    batches = buffer.batches()
    wait = buffer._changed.wait

    def note(timeout: float) -> bool:
        waited.append(timeout)
        return bool(wait(0.001))

    monkeypatch.setattr(buffer._changed, "wait", note)
    buffer.add([b"x"] * 500)
    assert count_photos(next(batches)) == 500
    assert waited == []
    buffer.add([b"x"] * 499)
    assert count_photos(next(batches)) == 499
    assert 0 < sum(waited[:1]) <= 0.2
    assert next(batches) == []
    buffer.close()
    assert list(batches) == []


def test_who_adds_waits_while_the_buffer_is_full() -> None:
    buffer = streamer.Buffer()
    buffer.add([b"x"] * 9_999)
    buffer.add([b"x"])  # one less than full: no waiting
    adding = threading.Thread(target=buffer.add, args=[[b"last"]], daemon=True)
    adding.start()
    adding.join(0.05)
    assert adding.is_alive()
    next(buffer.batches())
    adding.join(5)
    assert not adding.is_alive()
    assert buffer.counts["photos"] == 10_001


def test_closing_a_full_buffer_lets_those_go_who_wait() -> None:
    buffer = streamer.Buffer()
    buffer.add([b"x"] * 10_000)
    adding = threading.Thread(target=buffer.add, args=[[b"last"]], daemon=True)
    adding.start()
    wait_until(lambda: buffer._changed._waiters)
    buffer.close()
    adding.join(5)
    assert not adding.is_alive()
    assert buffer.counts["photos"] == 10_000


def test_the_limits_of_a_batch() -> None:
    full = [b"x" * 5_000] * 500
    assert [len(record.data) for record in streamer.pack(full)] == [5_000] * 500
    assert len(streamer.pack([b"x" * 2_500, b"x" * 2_500])) == 1
    assert len(streamer.pack([b"x" * 2_500, b"x" * 2_501])) == 2
    assert count_photos(streamer.pack([*full, b"x"])) == 500
    assert count_photos(streamer.pack([*full[:499], b"x" * 4_999, b"x", b"x"])) == 501
    mebibyte = b"x" * (1 << 20)
    assert count_photos(streamer.pack([mebibyte] * 4)) == 4
    assert count_photos(streamer.pack([*[mebibyte] * 3, mebibyte[1:], b"xx"])) == 4


# --- sending --------------------------------------------------------------------------------------


class Firehose:
    """Takes what it is told to take.

    Args:
        answers: of the calls: an error, or for each record whether it fails. At last all is taken.
    """

    def __init__(self, *answers: Exception | list[bool]) -> None:
        self.answers = iter(answers)
        self.taken: list[bytes] = []
        self.calls = 0

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        assert set(request) == {"DeliveryStreamName", "Records"}
        assert request["DeliveryStreamName"] == "posts"
        self.calls += 1
        records = [record["Data"] for record in request["Records"]]
        answer = next(self.answers, [False] * len(records))
        if isinstance(answer, Exception):
            raise answer
        self.taken += [data for data, fails in zip(records, answer, strict=True) if not fails]
        results = [{"ErrorCode": "Slow"} if fails else {"RecordId": "1"} for fails in answer]
        return {"FailedPutCount": sum(answer), "RequestResponses": results}


def records(*photos: int) -> list[Any]:
    return [streamer.Record(b"%d" % number, count) for number, count in enumerate(photos)]


def error(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "m."}, "ResponseMetadata": {}}
    answer["ResponseMetadata"]["HTTPStatusCode"] = status
    return ClientError(answer, "PutRecordBatch")


def test_only_what_was_not_taken_is_sent_again(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    firehose, buffer = Firehose([False, True, True], [True, False]), streamer.Buffer()
    streamer.send(firehose, "posts", records(1, 2, 4), buffer)
    assert firehose.taken == [b"0", b"2", b"1"]
    assert clock.pauses == [0.1, 0.2]
    assert buffer.counts["sent"] == 7
    assert capsys.readouterr().out.splitlines() == [
        "Firehose did not take 2 of 3 records; sending 2 again in 0.1 s.",
        "Firehose did not take 1 of 2 records; sending 1 again in 0.2 s.",
    ]


def test_the_pauses_grow_up_to_5_seconds(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    busy, away = error("Busy", 500), EndpointConnectionError(endpoint_url="http://x")
    firehose, buffer = Firehose(*[busy] * 4, *[away] * 4), streamer.Buffer()
    streamer.send(firehose, "posts", records(1, 1), buffer)
    assert clock.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
    assert buffer.counts["sent"] == 2
    said = capsys.readouterr().out.splitlines()
    what = "An error occurred (Busy) when calling the PutRecordBatch operation: m"
    assert said[0] == f"{what}; sending 2 again in 0.1 s."
    assert (
        said[-1] == 'Could not connect to the endpoint URL: "http://x"; sending 2 again in 5.0 s.'
    )


def test_what_no_retry_changes_is_raised(clock: FakeClock) -> None:
    firehose, buffer = Firehose(error("AccessDeniedException")), streamer.Buffer()
    with pytest.raises(ClientError, match="AccessDenied"):
        streamer.send(firehose, "posts", records(1), buffer)
    assert (firehose.calls, clock.pauses, buffer.counts["sent"]) == (1, [], 0)


def test_nothing_is_no_call(clock: FakeClock) -> None:
    firehose = Firehose()
    streamer.send(firehose, "posts", [], streamer.Buffer())
    assert firehose.calls == 0


def test_after_the_end_it_tries_for_30_seconds(clock: FakeClock) -> None:
    buffer = streamer.Buffer()
    buffer.close()
    clock.now += 30
    streamer.send(Firehose([True]), "posts", records(1), buffer)
    assert buffer.counts["sent"] == 1
    clock.now += 0.1
    with pytest.raises(streamer.StreamingError) as raised:
        streamer.send(Firehose([False, True]), "posts", records(2, 3), buffer)
    assert str(raised.value) == "Firehose did not take 1 of 2 records; the rest was not sent"
    assert buffer.counts["sent"] == 3


def test_while_it_runs_it_tries_for_ever(clock: FakeClock) -> None:
    firehose, buffer = Firehose(*[error("Busy", 503)] * 50), streamer.Buffer()
    streamer.send(firehose, "posts", records(1), buffer)
    assert firehose.calls == 51


# --- what it prints -------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Notes each write, and that it was flushed."""

    def __init__(self, isatty: bool) -> None:
        super().__init__()
        self.is_terminal = isatty
        self.events: list[str] = []

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        if text:
            self.events.append(text)
        return len(text)

    def flush(self) -> None:
        self.events.append("flush")


COUNTS = Counter(posts=1, photos=2, sent=3, failed=4, skipped=5)
SUMMARY = "posts 1, photos 2, sent 3, failed 4, skipped 5, unreadable 0"


@pytest.mark.parametrize(("isatty", "before"), [(True, "\r\033[K"), (False, "")])
def test_a_line_is_one_write(isatty: bool, before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(isatty)
    monkeypatch.setattr(sys, "stdout", terminal)
    streamer.print_line("a")
    streamer.print_counts(COUNTS)
    streamer.print_counts(COUNTS, end="")
    lines = [f"{before}a\n", f"{before}{SUMMARY}\n", f"{before}{SUMMARY}"]
    assert terminal.events == [event for line in lines for event in (line, "flush")]
