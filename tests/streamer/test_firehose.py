"""Firehose fails; the streamer ends."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from kit.processes import free_port
from streamer.fakes import FakeFirehose, FakeX, Step, fail_some, refuse, reset
from streamer.harness import Streamer, a_post, play, sentence
from support import wait_until

# --- Firehose fails ---------------------------------------------------------------------------


def test_only_the_failed_records_are_sent_again(tmp_path: Path) -> None:
    firehose = FakeFirehose(
        fail_some(lambda at: at % 3 == 0), fail_some(lambda at: at > 0), fail_some(lambda at: True)
    )
    posts = [a_post(at, text="x" * 5_000) for at in range(90)]  # so each has its own record
    with play(tmp_path, firehose, *posts) as streamer:
        assert streamer.finish() == 0
    thirds = [at for at in range(90) if at % 3 == 0]
    sizes = [[int(json.loads(line)["post_id"]) for line in call] for call in firehose.calls]
    assert sizes == [list(range(90)), thirds, thirds[1:], thirds[1:]]
    assert sorted(firehose.posts()) == list(range(90))
    assert streamer.counts() == {
        **{"posts": 90, "photos": 90, "sent": 90, "failed": 0, "skipped": 0, "unreadable": 0}
    }
    assert firehose.times[2] - firehose.times[1] > firehose.times[1] - firehose.times[0] > 0.1


@pytest.mark.parametrize(
    "step",
    [
        refuse("ServiceUnavailableException", 503),
        refuse("InternalFailure", 500),
        refuse("ThrottlingException"),
        refuse("LimitExceededException"),
        reset,
    ],
    ids=["503", "500", "ThrottlingException", "LimitExceededException", "reset"],
)
def test_what_passes_is_tried_again(tmp_path: Path, step: Step) -> None:
    firehose = FakeFirehose(step, step)
    with play(tmp_path, firehose, *map(a_post, range(20))) as streamer:
        assert streamer.finish() == 0
    assert firehose.posts() == list(range(20))
    assert len(firehose.calls) == 3
    said = f"sending {len(firehose.calls[0])} again"
    assert streamer.out.count(said) == 2  # each failure is said, none is hidden
    assert streamer.counts()["sent"] == 20


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_what_does_not_pass_ends_it_with_a_sentence(tmp_path: Path, x: FakeX, code: str) -> None:
    firehose = FakeFirehose(always=refuse(code))
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send(*map(a_post, range(600)))
        assert streamer.finish() == 1
    assert code in sentence(streamer)
    assert streamer.err.count("\n") == 1
    assert len(firehose.calls) == 1
    counts = streamer.counts()
    assert counts["failed"] == counts["photos"] > 0
    assert counts["sent"] == 0


def test_firehose_comes_back(tmp_path: Path, x: FakeX) -> None:
    """Nobody listens at its address for a while: that is no reason to stop."""
    port = free_port()
    with Streamer(tmp_path, x, f"http://127.0.0.1:{port}") as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        streamer.says("sending 1 again")
        firehose = FakeFirehose(port=port)
        x.send(a_post(2))
        wait_until(lambda: firehose.posts() == [1, 2])
        assert streamer.finish(signal.SIGTERM) == 0
    assert streamer.counts()["sent"] == 2


# --- The end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_that_was_received_is_sent_before_the_end(
    tmp_path: Path, x: FakeX, number: signal.Signals
) -> None:
    told = threading.Event()

    def wait_for_the_signal(firehose: FakeFirehose, records: list[bytes]) -> set[int]:
        if len(firehose.taken) > 1000:
            told.wait()
        return set()

    firehose = FakeFirehose(fail_some(lambda at: at % 2 == 0), always=wait_for_the_signal)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send(*map(a_post, range(20_000)))
        wait_until(lambda: len(firehose.taken) > 1000)
        streamer.process.send_signal(number)
        told.set()
        assert streamer.finish() == 0
    counts = streamer.counts()
    received = counts["photos"]
    assert 1000 < received < 20_000
    assert sorted(firehose.posts()) == list(range(received))
    assert (counts["sent"], counts["failed"]) == (received, 0)


@pytest.mark.parametrize(
    "always",
    [None, refuse("ServiceUnavailableException", 503), fail_some(lambda at: True)],
    ids=["nobody there", "503", "every record fails"],
)
def test_what_could_not_be_sent_at_the_end_is_counted(
    tmp_path: Path, x: FakeX, always: Step | None
) -> None:
    aws: Any = FakeFirehose(always=always) if always else f"http://127.0.0.1:{free_port()}"
    with Streamer(tmp_path, x, aws, constants={"FLUSH_SECONDS": 0.5}) as streamer:
        streamer.says("Connected")
        x.send(*map(a_post, range(1200)), b"now")
        streamer.says("could not be read")  # all 1200 were received
        assert streamer.finish(signal.SIGTERM) == 1
    counts = streamer.counts()
    assert (counts["photos"], counts["sent"], counts["failed"]) == (1200, 0, 1200)
    assert "the rest was not sent" in sentence(streamer)
