"""The streamer's terminal: it is closed, or nobody reads from it any more."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.fakes import FakeFirehose, FakeX, refuse
from streamer.harness import Streamer, a_post, play
from support import end_of, wait_until

FULL = 10_000  # lines that the buffer takes


def at_work(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose, stdout: int
) -> subprocess.Popen[bytes]:
    """A streamer that is connected, with this as its standard output."""
    with Streamer(tmp_path, x, firehose) as model:
        pass  # it only has the folder and the environment
    return subprocess.Popen(
        [
            sys.executable,
            "twitter_streaming.py",
            "--rule",
            "from:ada",
            "--delivery-stream",
            "posts",
        ],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stdout,
        env=model.environment,
        cwd=model.folder,
        start_new_session=True,
    )


@pytest.mark.parametrize("kind", ["terminal", "pipe"])
def test_what_it_holds_is_sent_when_the_terminal_is_closed(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose, kind: str
) -> None:
    ours, theirs = pty.openpty() if kind == "terminal" else os.pipe()
    process = at_work(tmp_path, x, firehose, theirs)
    os.close(theirs)
    wait_until(lambda: len(x.connects) >= 1 and x.rules)
    firehose.always = refuse("ServiceUnavailableException", 503)
    x.send(*(a_post(number) for number in range(1, 41)))
    wait_until(lambda: firehose.calls)
    os.close(ours)  # from now on writing is an error
    firehose.always = None
    x.send(a_post(41))
    wait_until(lambda: 41 in firehose.posts())  # it goes on meanwhile
    process.send_signal(signal.SIGHUP)
    assert end_of(process) == 0
    assert sorted(firehose.posts()) == list(range(1, 42))


def test_sighup_with_a_full_buffer_sends_all_of_it(tmp_path: Path, firehose: FakeFirehose) -> None:
    firehose.always = refuse("ServiceUnavailableException", 503)
    lines = [json.dumps(a_post(number)).encode() + b"\n" for number in range(FULL + 500)]
    with play(tmp_path, firehose, *lines) as streamer:
        streamer.says("sending")
        streamer.process.send_signal(signal.SIGHUP)
        firehose.always = None
        assert streamer.finish() == 0
    counts = streamer.counts()
    assert counts["sent"] == counts["photos"] >= 500
    assert counts["failed"] == 0


def test_nohup_is_obeyed(tmp_path: Path, x: FakeX, firehose: FakeFirehose) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it to its child
    try:
        with Streamer(tmp_path, x, firehose) as streamer:
            streamer.says("Connected")
            streamer.process.send_signal(signal.SIGHUP)
            x.send(a_post(1))
            wait_until(lambda: firehose.posts() == [1])
            assert streamer.finish(signal.SIGTERM) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
