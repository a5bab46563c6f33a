"""What others wrote is shown as it was written, and does not command the learner's terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import click
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from kit.commands import mail
from kit.commands.check import command as check
from kit.commands.check.run import Result
from kit.commands.demo.progress import Progress
from kit.commands.doctor import command as doctor
from kit.commands.doctor.finding import wrong
from kit.commands.errors import handle_errors
from kit.errors import InputError, WorkshopError

pytestmark = pytest.mark.unit

MARKUP = "[bold]a[/bold] [/b] :smile:"  # rich would read it
COMMANDS = "\x1b[2J\x1b]0;b\x07\x9b31m\r\u202e\ud800"  # a terminal would obey, or not print it
SHOWN = r"\x1b[2J\x1b]0;b\x07\x9b31m\r\u202e\ud800"
FOREIGN = MARKUP + COMMANDS


def show_mail(console: Console) -> None:
    mail.show([{"to": FOREIGN, "subject": "s", "body": "b"}])


def show_body(console: Console) -> None:
    mail.show([{"to": "me", "subject": "s", "body": f"{FOREIGN}\nsecond line"}])


def show_finding(console: Console) -> None:
    doctor.show(console, {"stage": wrong(FOREIGN, "cause", "fix")})


def show_cause(console: Console) -> None:
    doctor.show(console, {"stage": wrong("message", FOREIGN, "fix")})


def show_hint(console: Console) -> None:
    check.show(console, "file", [Result("case", "title", FOREIGN)], 1.0)


def show_file(console: Console) -> None:
    check.show(console, FOREIGN, [Result("case", "title", "a long hint " * 20)], 1.0)


def show_progress(console: Console) -> None:
    Progress(console).show(FOREIGN, 1.0)


@pytest.mark.parametrize(
    "show",
    [show_mail, show_body, show_finding, show_cause, show_hint, show_file, show_progress],
)
def test_it_is_shown_as_it_was_written(
    show: Callable[[Console], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    show(Console(file=screen, width=200))
    screen.seek(0)
    shown = screen.read()
    assert MARKUP in shown
    assert SHOWN in shown
    assert not set(shown) & set("\x1b\x07\x9b\r\u202e")


REFUSED = {"Error": {"Code": "ValidationError", "Message": COMMANDS}}


@pytest.mark.parametrize(
    "error", [InputError(COMMANDS), WorkshopError(COMMANDS), ClientError(REFUSED, "CreateStack")]
)
def test_an_error_is_shown_as_it_was_written(error: Exception) -> None:
    with pytest.raises(click.ClickException) as raised, handle_errors():
        raise error
    assert SHOWN in raised.value.message
    assert not set(raised.value.message) & set(COMMANDS) - set(SHOWN)
