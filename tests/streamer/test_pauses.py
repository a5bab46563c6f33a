"""Silence, refusals and pauses, each with a clock that is faster than the streamer's own."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from firehose_producer import LINGER_SECONDS
from streamer.fakes import FakeFirehose, FakeX, refuse, take_and_say_nothing
from streamer.harness import Streamer, a_post, play
from support import wait_until
from twitter_streaming import BREAK_PAUSES, SILENCE_SECONDS

X_KEEP_ALIVE = 20  # seconds, as X's documentation says
X_CONNECTS = 50  # in 15 minutes


@pytest.mark.unit
def test_only_a_silence_that_is_longer_than_x_s_own_counts() -> None:
    assert X_KEEP_ALIVE < SILENCE_SECONDS < 25


@pytest.mark.unit
def test_a_line_waits_for_others_no_longer_than_anybody_notices() -> None:
    assert LINGER_SECONDS < 0.5


@pytest.mark.unit
def test_no_break_makes_us_connect_more_often_than_x_allows() -> None:
    pause, connects, seconds = BREAK_PAUSES[0], 0, 0.0
    while seconds < 15 * 60:
        connects, seconds = connects + 1, seconds + pause
        pause = min(2 * pause, BREAK_PAUSES[1])
    assert connects < X_CONNECTS


def test_a_silent_stream_is_left(tmp_path: Path, x: FakeX, firehose: FakeFirehose) -> None:
    with Streamer(tmp_path, x, firehose, constants={"SILENCE_SECONDS": 2}) as streamer:
        streamer.says("Connected")
        wait_until(lambda: len(x.connects) == 2)
        x.send(a_post(1))
        wait_until(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    assert x.connects[1] - x.connects[0] > 2
    assert "The connection to X broke" in streamer.out


def test_a_silent_answer_about_the_rules_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Streamer(tmp_path, url, constants={"SILENCE_SECONDS": 1}) as streamer:
            for connection in [silent.accept()[0] for _ in range(2)]:
                connection.close()
            streamer.says("The connection to X broke (ReadTimeout)")
            streamer.finish(signal.SIGTERM)


def test_a_503_is_tried_again(tmp_path: Path, x: FakeX, firehose: FakeFirehose) -> None:
    x.refusals.append((503, {"title": "Service Unavailable"}))
    with Streamer(tmp_path, x, firehose, constants={"ERROR_PAUSES": (1, 1)}) as streamer:
        streamer.says("X answered 503; connecting again in 1 s.")
        streamer.says("Connected")
        x.send(a_post(1))
        wait_until(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0
    assert x.connects[1] - x.connects[0] > 1


def test_a_409_sets_the_rule_again(tmp_path: Path, x: FakeX, firehose: FakeFirehose) -> None:
    with Streamer(tmp_path, x, firehose, constants={"ERROR_PAUSES": (0.5, 1)}) as streamer:
        streamer.says("Connected")
        x.refusals.append((409, {"title": "ConnectionException"}))
        x.rules.clear()
        x.end()
        wait_until(lambda: len(x.connects) == 3)
        x.send(a_post(1))
        wait_until(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0
    assert [(rule["value"], rule["tag"]) for rule in x.rules] == [("from:ada", "serverless-bytes")]


def test_closing_again_and_again_makes_the_pauses_longer(tmp_path: Path, x: FakeX) -> None:
    with Streamer(tmp_path, x, constants={"BREAK_PAUSES": (0.1, 0.4)}) as streamer:
        streamer.says("Connected")
        for _ in range(4):
            before = len(x.connects)
            x.end()
            wait_until(lambda: len(x.connects) > before)  # noqa: B023 - called at once
        assert streamer.finish(signal.SIGTERM) == 0
    pauses = [float(said) for said in re.findall(r"again in ([\d.]+) s", streamer.out)]
    assert pauses == [0.1, 0.2, 0.4, 0.4]
    measured = [b - a for a, b in zip(x.connects, x.connects[1:], strict=False)]
    assert all(real > said for real, said in zip(measured, pauses, strict=True))


@pytest.mark.slow
def test_an_answer_that_does_not_come_is_a_reason_to_send_again(tmp_path: Path) -> None:
    firehose = FakeFirehose(take_and_say_nothing)
    with play(tmp_path, firehose, *map(a_post, range(10))) as streamer:
        assert streamer.finish() == 0
    # Firehose took them, but nobody could know: twice is right here, and not at all is not.
    assert firehose.posts() == [*range(10), *range(10)]
    assert streamer.counts()["sent"] == 10


def test_after_ctrl_c_it_still_tries_for_a_while(tmp_path: Path, x: FakeX) -> None:
    """Also when Firehose was down for longer than that before."""
    firehose = FakeFirehose(always=refuse("ServiceUnavailableException", 503))
    with Streamer(tmp_path, x, firehose, constants={"FLUSH_SECONDS": 1}) as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        wait_until(lambda: firehose.times and firehose.times[-1] - firehose.times[0] > 1)
        streamer.process.send_signal(signal.SIGINT)  # the next try comes in more than a second
        firehose.always = None
        assert streamer.finish() == 0
    assert firehose.posts() == [1]
