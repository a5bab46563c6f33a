"""The command `workshop.py check` and its table."""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit import running
from kit.commands.check.cases import CASES
from kit.commands.check.code import code_of_workshop, load_error, read_code
from kit.commands.check.run import Result, check_offline
from kit.commands.errors import handle_errors
from kit.errors import InputError
from kit.terminal import in_one_line, printable


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@handle_errors()
def check(file: str | None) -> None:
    """Check whether FILE solves the exercise; without FILE, whether the deployed function does.

    The function runs in an offline AWS of its own, so a running workshop is left alone.
    """
    running.shield()
    started = time.monotonic()
    console = Console()
    code, source = find_code(file)
    if hint := load_error(code):
        results = [Result("load", "Lambda can load the code", hint)]
    else:
        results = check_with_progress(console, code)
    show(console, source, results, time.monotonic() - started)
    sys.exit(any(result.hint for result in results))


def find_code(file: str | None) -> tuple[bytes, str]:
    """The code to check, and a name for it.

    Raises:
        InputError: there is none.
    """
    if file:
        return read_code(Path(file)), file
    if workshop := running.load():
        return code_of_workshop(workshop)
    raise InputError(
        "No offline workshop is running: start it with “workshop.py start”, or name a file: "
        "“workshop.py check FILE”."
    )


def check_with_progress(console: Console, code: bytes) -> list[Result]:
    """Try a function, and show how many cases are done."""
    with console.status("Starting AWS and Rekognition") as status:
        done = itertools.count()

        def show_progress(_: Result | None = None) -> None:
            status.update(f"{next(done)} of {len(CASES)} cases are done")

        return check_offline(code, show_progress, show_progress)


def show(console: Console, source: str, results: list[Result], seconds: float) -> None:
    """Print what passed and what did not."""
    table = Table(
        title=Text(f"Check of {in_one_line(source)}"), title_justify="left", show_lines=True
    )
    table.add_column("Case", ratio=2)
    table.add_column("", no_wrap=True)
    table.add_column("Hint", ratio=3)
    for result in results:
        verdict = Text("✗ failed", "red") if result.hint else Text("✓ passed", "green")
        if not result.tried:
            verdict = Text("– not tried", "yellow")
        table.add_row(Text(result.title), verdict, Text(printable(result.hint)))
    console.print(table)
    passed = sum(not result.hint for result in results)
    console.print(f"{passed} of {len(results)} cases passed ({seconds:.0f} s).", highlight=False)
