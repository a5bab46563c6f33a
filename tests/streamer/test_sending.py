"""The streamer sends to Firehose, in this process, with a clock of its own."""

from __future__ import annotations

import io
import sys
import threading
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import firehose_producer
from support import wait_until
from support.fake_clock import FakeClock

producer: Any = firehose_producer  # it is given stand-ins


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    return FakeClock.in_place_of_time(monkeypatch, producer)


def count_photos(batch: list[Any]) -> int:
    return sum(record.photos for record in batch)


# --- the buffer -----------------------------------------------------------------------------------


def test_what_was_added_comes_out_in_batches_and_then_it_ends() -> None:
    buffer = producer.Buffer()
    buffer.add([b"x" * 5_000] * 700)
    buffer.add([])
    buffer.close()
    buffer.add([b"too late"])
    assert buffer.counts == {"posts": 2, "photos": 700, "skipped": 1}
    batches = list(buffer.batches())
    assert [count_photos(batch) for batch in batches] == [500, 200]


def test_only_the_first_reason_to_close_counts(clock: FakeClock) -> None:
    buffer, error = producer.Buffer(), ValueError()
    buffer.close(error)
    first = clock.monotonic()
    clock.now += 5
    buffer.close()
    assert (buffer.closed_at, buffer.error) == (first, error)


def test_a_full_batch_waits_for_nothing_and_others_wait_for_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    buffer = producer.Buffer()
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
    buffer = producer.Buffer()
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


def test_who_waits_for_a_batch_is_told_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "LINGER_SECONDS", 3_600)
    buffer = producer.Buffer()
    taking = threading.Thread(target=next, args=[buffer.batches()], daemon=True)
    taking.start()
    wait_until(lambda: buffer._changed._waiters)
    buffer.add([b"x"] * 500)
    wait_until(lambda: not taking.is_alive())


def test_closing_a_full_buffer_lets_those_go_who_wait() -> None:
    buffer = producer.Buffer()
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
    assert [len(record.data) for record in producer.pack(full)] == [5_000] * 500
    assert len(producer.pack([b"x" * 2_500, b"x" * 2_500])) == 1
    assert len(producer.pack([b"x" * 2_500, b"x" * 2_501])) == 2
    assert count_photos(producer.pack([*full, b"x"])) == 500
    assert count_photos(producer.pack([*full[:499], b"x" * 4_999, b"x", b"x"])) == 501
    mebibyte = b"x" * (1 << 20)
    assert count_photos(producer.pack([mebibyte] * 4)) == 4
    assert count_photos(producer.pack([*[mebibyte] * 3, mebibyte[1:], b"xx"])) == 4


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
    return [producer.Record(b"%d" % number, count) for number, count in enumerate(photos)]


def error(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "at most X."}, "ResponseMetadata": {}}
    answer["ResponseMetadata"]["HTTPStatusCode"] = status
    return ClientError(answer, "PutRecordBatch")


def test_only_what_was_not_taken_is_sent_again(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    firehose, buffer = Firehose([False, True, True], [True, False]), producer.Buffer()
    producer.send(firehose, "posts", records(1, 2, 4), buffer)
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
    firehose, buffer = Firehose(*[busy] * 4, *[away] * 4), producer.Buffer()
    producer.send(firehose, "posts", records(1, 1), buffer)
    assert clock.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
    assert buffer.counts["sent"] == 2
    said = capsys.readouterr().out.splitlines()
    what = "An error occurred (Busy) when calling the PutRecordBatch operation: at most X"
    assert said[0] == f"{what}; sending 2 again in 0.1 s."
    assert (
        said[-1] == 'Could not connect to the endpoint URL: "http://x"; sending 2 again in 5.0 s.'
    )


def test_what_no_retry_changes_is_raised(clock: FakeClock) -> None:
    firehose, buffer = Firehose(error("AccessDeniedException")), producer.Buffer()
    with pytest.raises(ClientError, match="AccessDenied"):
        producer.send(firehose, "posts", records(1), buffer)
    assert (firehose.calls, clock.pauses, buffer.counts["sent"]) == (1, [], 0)


def test_an_answer_that_leaves_records_out_is_not_taken_for_success(clock: FakeClock) -> None:
    firehose: Any = Firehose()
    buffer = producer.Buffer()
    firehose.put_record_batch = lambda **_: {"RequestResponses": [{"RecordId": "1"}]}
    with pytest.raises(ValueError, match="shorter"):
        producer.send(firehose, "posts", records(1, 1), buffer)
    assert buffer.counts["sent"] == 0


def test_nothing_is_no_call(clock: FakeClock) -> None:
    firehose = Firehose()
    producer.send(firehose, "posts", [], producer.Buffer())
    assert firehose.calls == 0


def test_after_the_end_it_tries_for_30_seconds(clock: FakeClock) -> None:
    buffer = producer.Buffer()
    buffer.close()
    clock.now += 30
    producer.send(Firehose([True]), "posts", records(1), buffer)
    assert buffer.counts["sent"] == 1
    clock.now += 0.1
    with pytest.raises(producer.StreamingError) as raised:
        producer.send(Firehose([False, True]), "posts", records(2, 3), buffer)
    assert str(raised.value) == "Firehose did not take 1 of 2 records; the rest was not sent"
    assert buffer.counts["sent"] == 3


def test_while_it_runs_it_tries_for_ever(clock: FakeClock) -> None:
    firehose, buffer = Firehose(*[error("Busy", 503)] * 50), producer.Buffer()
    producer.send(firehose, "posts", records(1), buffer)
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
    producer.print_line("a")
    producer.print_counts(COUNTS)
    producer.print_counts(COUNTS, end="")
    lines = [f"{before}a\n", f"{before}{SUMMARY}\n", f"{before}{SUMMARY}"]
    assert terminal.events == [event for line in lines for event in (line, "flush")]
