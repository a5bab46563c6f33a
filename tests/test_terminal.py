"""What goes to the learner's terminal, and what ends it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.terminal import printable
from support import REPOSITORY, end_of

pytestmark = pytest.mark.unit

SCRIPT = """
import sys, time
from kit.terminal import handle_stops
from kit.commands.errors import handle_errors
handle_stops()
try:
    with handle_errors():
        try:
            print("ready", flush=True)
            while True:
                time.sleep(0.05)
                if "talk" in sys.argv:
                    print("more", flush=True)
        finally:
            print("cleaning up", flush=True)
finally:
    open(sys.argv[1], "w").write("cleaned up")
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[bold]no markup[/bold] :smile: \\[x]", "[bold]no markup[/bold] :smile: \\[x]"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Grüße, 你好 👩‍🚀", "Grüße, 你好 👩‍🚀"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("over\rwritten\x08\x7f", r"over\rwritten\x08\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_what_others_wrote_does_not_command_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def begin(mark: Path, *options: str, terminal: int | None = None, **more: Any) -> Any:
    """Start a run in a session of its own; its terminal is its input and output, if given."""
    output = subprocess.PIPE if terminal is None else terminal
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(mark), *options],
        env={"PYTHONPATH": str(REPOSITORY / "scripts")},
        stdin=terminal,
        stdout=output,
        stderr=output,
        start_new_session=True,
        **more,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_ends_a_run_with_everything_cleaned_up(tmp_path: Path, number: int) -> None:
    mark = tmp_path / "mark"
    process = begin(mark)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    process.send_signal(number)  # a closed terminal sends it twice: kernel and shell
    end_of(process)
    assert mark.read_text() == "cleaned up"
    assert b"Traceback" not in process.stdout.read()


@pytest.mark.parametrize(("options", "signaled"), [(["talk"], True), (["talk"], False), ([], True)])
def test_a_closed_terminal_ends_a_run(tmp_path: Path, options: list[str], signaled: bool) -> None:
    mark = tmp_path / "mark"
    ours, theirs = pty.openpty()
    process = begin(mark, *options, terminal=theirs)
    os.close(theirs)
    assert b"ready" in os.read(ours, 1000)
    os.close(ours)
    if signaled:
        process.send_signal(signal.SIGHUP)
    end_of(process)
    assert mark.read_text() == "cleaned up"


def test_a_reader_that_is_gone_ends_a_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    process = begin(mark, "talk")
    assert process.stdout
    process.stdout.close()
    end_of(process)
    assert mark.read_text() == "cleaned up"


def test_nohup_is_respected(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    process = begin(mark, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    end_of(process)
    assert mark.read_text() == "cleaned up"
