"""What a demo prints while it runs, and the outcome of a photo."""

from __future__ import annotations

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.status import Status
from rich.text import Text

from kit.terminal import in_one_line


@dataclass
class Result:
    """What became of one tweet; a line of `demo --json`."""

    tweet: str  # the path as given
    match: bool
    similarity: float | None  # percent
    seconds: float  # from the post to the outcome
    reason: str | None  # why it is no match


class Progress:
    """Shows what is done and how long it takes, and adds that up.

    Args:
        console: where.
        as_json: print a line of JSON for each result on standard output, too.

    Attributes:
        spent: seconds by part of the demo.
    """

    def __init__(self, console: Console, as_json: bool = False) -> None:
        self.console = console
        self.as_json = as_json
        self.started = time.monotonic()
        self.spent: defaultdict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def step(self, text: str, part: str = "steps between") -> Iterator[Status]:
        """Show that a step goes on, then how long it took; add that to a part."""
        started = time.monotonic()
        with self.console.status(Text(in_one_line(text))) as status:
            yield status
        seconds = time.monotonic() - started
        self.spent[part] += seconds
        self.show(text, seconds)

    def show(self, text: str, seconds: float) -> None:
        """Print one line with its seconds."""
        line = Text(f"{seconds:5.1f} s  {in_one_line(text)}")
        self.console.print(line, no_wrap=True, overflow="ellipsis")

    def tell(self, result: Result) -> None:
        """Print a result, if a program reads it."""
        if self.as_json:
            click.echo(json.dumps(asdict(result)))

    def note(self, text: str) -> None:
        """Print a line that belongs to the one above."""
        self.console.print(Text(f"{'':9}{in_one_line(text)}"), soft_wrap=True)

    def show_total(self, *more: str) -> None:
        """Print how long it took in all, and the parts; then what else is to be said of that."""
        parts = [f"{part} {seconds:.1f} s" for part, seconds in self.spent.items()]
        parts += more
        total = time.monotonic() - self.started
        self.console.print(f"{total:5.1f} s  in all: {', '.join(parts)}", highlight=False)
