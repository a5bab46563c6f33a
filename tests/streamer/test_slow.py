"""Scenarios that take long: all at once, in the background."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from streamer.fakes import FakeFirehose, FakeX, refuse, take_and_say_nothing
from streamer.harness import Streamer, a_post, eventually, play

SLOW: dict[str, Callable[[Path], None]] = {}


def slow(scenario: Callable[[Path], None]) -> Callable[[Path], None]:
    """Have a test of several seconds run while the others do."""
    SLOW[scenario.__name__] = scenario
    return scenario


@slow
def a_silent_stream_is_left_after_21_seconds(folder: Path) -> None:
    x, firehose = FakeX(), FakeFirehose()
    with Streamer(folder, x, firehose) as streamer:
        streamer.says("Connected")
        eventually(lambda: len(x.connects) == 2, 26)
        x.send(a_post(1))
        eventually(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    assert 20 < x.connects[1] - x.connects[0] < 25
    assert "The connection to X broke" in streamer.out


@slow
def a_silent_answer_about_the_rules_is_given_up(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Streamer(folder, url) as streamer:
            first, _ = silent.accept()
            second, _ = silent.accept()
            first.close()
            second.close()
            streamer.says("The connection to X broke (ReadTimeout)")
            streamer.finish(signal.SIGTERM)


@slow
def a_503_is_tried_again(folder: Path) -> None:
    x, firehose = FakeX(), FakeFirehose()
    x.refusals.append((503, {"title": "Service Unavailable"}))
    with Streamer(folder, x, firehose) as streamer:
        streamer.says("X answered 503")
        streamer.says("Connected", 15)
        x.send(a_post(1))
        eventually(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0
    assert x.connects[1] - x.connects[0] > 1


@slow
def a_409_sets_the_rule_again(folder: Path) -> None:
    x, firehose = FakeX(), FakeFirehose()
    with Streamer(folder, x, firehose) as streamer:
        streamer.says("Connected")
        x.refusals.append((409, {"title": "ConnectionException"}))
        x.rules.clear()
        x.end()
        eventually(lambda: len(x.connects) == 3, 20)
        x.send(a_post(1))
        eventually(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0
    assert [(rule["value"], rule["tag"]) for rule in x.rules] == [("from:ada", "serverless-bytes")]


@slow
def closing_again_and_again_makes_the_pauses_longer(folder: Path) -> None:
    x = FakeX()
    with Streamer(folder, x) as streamer:
        streamer.says("Connected")
        for _ in range(5):
            before = len(x.connects)
            x.end()
            eventually(lambda: len(x.connects) > before, 10)  # noqa: B023 - called at once
        assert streamer.finish(signal.SIGTERM) == 0
    pauses = [later - earlier for earlier, later in zip(x.connects, x.connects[1:], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[0] > 0.2
    assert pauses[4] > 3.9
    assert len(x.connects) == 6  # in 7.75 s; tweepy alone makes hundreds


@slow
def an_answer_that_does_not_come_is_a_reason_to_send_again(folder: Path) -> None:
    firehose = FakeFirehose(take_and_say_nothing)
    with play(folder, firehose, *map(a_post, range(10))) as streamer:
        assert streamer.finish(seconds=40) == 0
    # Firehose took them, but nobody could know: twice is right here, and not at all is not.
    assert firehose.posts() == [*range(10), *range(10)]
    assert streamer.counts()["sent"] == 10


@slow
def after_ctrl_c_it_still_tries_for_a_while(folder: Path) -> None:
    """Also when Firehose was down for longer than that before."""
    x = FakeX()
    seconds = ("FLUSH_SECONDS = 30", "FLUSH_SECONDS = 3")
    firehose = FakeFirehose(always=refuse("ServiceUnavailableException", 503))
    with Streamer(folder, x, firehose, edit=seconds) as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        eventually(lambda: firehose.times and time.monotonic() - firehose.times[0] > 4)
        streamer.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        firehose.always = None
        assert streamer.finish() == 0
    assert firehose.posts() == [1]


@pytest.fixture(scope="module", autouse=True)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """Start the slow scenarios that this test run wants."""
    chosen = [
        str(item.callspec.params["scenario"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and getattr(item, "originalname", "") == test_in_the_background.__name__
        and item.module is request.module
    ]
    with ThreadPoolExecutor(max(1, len(chosen))) as threads:
        yield {name: threads.submit(SLOW[name], tmp_path_factory.mktemp("slow")) for name in chosen}


@pytest.mark.parametrize("scenario", SLOW)
def test_in_the_background(running: dict[str, Future[None]], scenario: str) -> None:
    running[scenario].result(60)
