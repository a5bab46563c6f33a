"""The learner's terminal: it may be closed, and what others wrote must not command it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import sys
import time
import unicodedata
from collections.abc import Iterator
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TERMINAL_CLOSED = (errno.EIO, errno.EPIPE)  # what writing to a closed terminal, or pipe, gives
ONE_STOP_SECONDS = 2.0  # a terminal that is closed sends more than one signal
# These turn the direction of what follows, so that a line can seem to say something else.
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

last_stop = -ONE_STOP_SECONDS


def handle_stops() -> None:
    """Let each of STOPS end the run as Ctrl-C does, with everything cleaned up.

    Ctrl-C does so even where a shell has started us in the background, with SIGINT ignored; but
    who has started us with nohup wants to stay when the terminal is closed.
    """
    for number in STOPS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def stop(number: int, frame: FrameType | None) -> None:
    """End the run as Ctrl-C does."""
    global last_stop  # noqa: PLW0603 - of this process
    if number == signal.SIGHUP:
        let_go()
    if time.monotonic() - last_stop > ONE_STOP_SECONDS:
        last_stop = time.monotonic()
        raise KeyboardInterrupt


@contextlib.contextmanager
def stops_later() -> Iterator[None]:
    """Let a Ctrl-C wait until this is done: a request that was sent cannot be sent by half."""
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in STOPS
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def let_go(pipes: bool = False) -> None:
    """Write to nobody from now on where a terminal was, and with `pipes` where anything was."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or no file at all
            if pipes or stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def printable(text: object, stay: str = "\n\t") -> str:
    """A text as it was written, with what would command the terminal spelled out: \\x1b.

    Args:
        text: of others, such as a post's, or a file's name.
        stay: what of the control characters may stay.
    """
    return "".join(c if c in stay or is_printable(c) else spelled_out(c) for c in str(text))


def in_one_line(text: object) -> str:
    """The same in one line, whatever is in it."""
    return printable(text, stay="")


def is_printable(character: str) -> bool:
    """Whether a character may go to a terminal."""
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in DIRECTIONS


def spelled_out(character: str) -> str:
    """A character as Python's source spells it."""
    return character.encode("unicode_escape").decode()
