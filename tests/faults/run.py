"""Make every fault of the table in the running offline system, and see whether the ledger balances.

    PYTHONPATH=scripts:tests python tests/faults/run.py --help

Exit code: 0 nothing is lost or doubled but what is explained, 1 something is, 2 no such fault.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from faults.harness import Harness
from faults.ledger import LOST, QUEUED, Entry
from faults.load import load
from faults.table import FAULTS
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError

QUIET_SECONDS = 3.0  # a wait at the end for what should not come
LOAD = "load"
WIDTH = 140  # of the table in a file
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
COLUMNS = (
    *("Fault", "Rejected (why)", "Posts", "Photos", "Stored"),
    *("In the queue", "Mails", "Twice", "Lost"),
)


def make(harness: Harness, name: str, number: int) -> Entry:
    """Make one fault and return what became of its photos."""
    entry = harness.entry = Entry(name)
    harness.entries.append(entry)
    harness.wait_until_connected()
    started = time.monotonic()
    FAULTS[name](harness, number)
    harness.wait_until_settled()
    harness.faults.end()
    entry.seconds = time.monotonic() - started
    return entry


def close(harness: Harness) -> list[str]:
    """Count everything once more, and return what does not balance."""
    time.sleep(QUIET_SECONDS)
    harness.ledger.update([photo for entry in harness.entries for photo in entry.photos])
    return [problem for entry in harness.entries for problem in entry.problems]


def row_of(entry: Entry) -> list[str]:
    """What became of the photos of one fault, in the order of COLUMNS."""
    reasons = [f"{number} {reason}" for reason, number in entry.rejected().items()]
    reasons += [f"{entry.skipped} posts without a photo"] if entry.skipped else []
    counts = (
        entry.posts,
        len(entry.photos),
        entry.stored(),
        entry.count(QUEUED),
        sum(photo.mails for photo in entry.photos),
        entry.duplicates(),
        entry.count(LOST),
    )
    return [entry.fault, "; ".join(reasons), *map(str, counts)]


def table_of(entries: list[Entry]) -> Table:
    """One row for each fault, and how long it took."""
    table = Table(title="What became of the photos", row_styles=["", "dim"])
    for column in COLUMNS[:2]:
        table.add_column(column, min_width=24)
    for column in (*COLUMNS[2:], "Seconds"):
        table.add_column(column, justify="right")
    for entry in entries:
        table.add_row(*map(escape, row_of(entry)), f"{entry.seconds:.0f}")
    return table


def write_readme(entries: list[Entry], seconds: float) -> None:
    """Write the table between the markers of README.md beside this file."""
    photos = sum(len(entry.photos) for entry in entries)
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(row_of, entries)]
    lines = [
        f"A run with {photos:,} photos on {os.cpu_count()} cores, which took {seconds:.0f} s:",
        "",
    ]
    lines += [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{README.name} has lost its markers"
    README.write_text("\n".join([before + begin, *lines, end + after]), encoding="utf-8")


def explain(console: Console, entries: list[Entry]) -> None:
    """Say what is behind the numbers."""
    for entry in entries:
        whys = [photo.why for photo in entry.photos if photo.why]
        for why in dict.fromkeys(whys):
            photos = f"{whys.count(why)} photo{'s' if whys.count(why) > 1 else ''}"
            console.print(f"{entry.fault}: {photos}: {why}.", soft_wrap=True)
        for note in entry.notes:
            console.print(f"{entry.fault}: {note}", soft_wrap=True, highlight=False)


class Run:
    """Some offline systems, each with a stack of its own, which share the faults.

    Most of the time is spent waiting, so two of them at once take half as long.
    """

    def __init__(self, console: Console, names: list[str], number: int, posts: int) -> None:
        self.console = console
        self.names = deque(names)
        self.total = len(names)
        self.number = number
        self.posts = posts
        self.entries: list[Entry] = []
        self.problems: list[str] = []

    def share(self, systems: int) -> None:
        """Let so many systems take the faults."""
        with ThreadPoolExecutor(systems) as threads:
            workers = [threads.submit(self.work) for _ in range(systems)]
            try:
                for worker in workers:
                    worker.result()
            except (WorkshopError, KeyboardInterrupt) as error:
                self.names.clear()  # the others end after what they are at
                self.console.print(f"[red]Stopped: {escape(str(error))}[/red]", soft_wrap=True)
                sys.exit(1)

    def work(self) -> None:
        """Take one fault after the other, until there is none left."""
        with OfflineSystem() as system:
            system.wait_until_ready()
            harness = Harness(system)
            while self.names:
                name = self.names.popleft()
                try:
                    load_it = name == LOAD
                    entry = (
                        load(harness, self.posts) if load_it else make(harness, name, self.number)
                    )
                except (AssertionError, WorkshopError) as error:  # it could not even be made
                    self.problems.append(f"{name}: {error}")
                    entry = harness.entry
                self.entries.append(entry)
                self.report(entry)
            self.problems += close(harness)

    def report(self, entry: Entry) -> None:
        """Say how one fault went."""
        ok = "[red]does not balance[/red]" if entry.problems else "balances"
        line = f"{len(self.entries)}/{self.total} {entry.fault}: {entry.seconds:.1f} s, {ok}"
        self.console.print(line, highlight=False)
        for problem in entry.problems:
            self.console.print(f"[red]{escape(problem)}[/red]", soft_wrap=True)


@click.command(help=__doc__)
@click.option("--only", "wanted", metavar="TEXT", multiple=True, help="Faults with this name.")
@click.option("--photos", "number", default=4, show_default=True, help="Photos for each fault.")
@click.option("--posts", default=500, show_default=True, help="Photos of the load.")
@click.option("--at-once", default=2, show_default=True, help="Systems that share the faults.")
@click.option("--readme", is_flag=True, help="Write the table into README.md, after a whole run.")
def main(wanted: tuple[str, ...], number: int, posts: int, at_once: int, readme: bool) -> None:
    """Share the faults among the systems; show the table in the end."""
    every = [*FAULTS, LOAD]
    names = [name for name in every if not wanted or any(text in name for text in wanted)]
    if not names:
        raise click.UsageError(f"No such fault. There are: {', '.join(every)}.")
    if readme and wanted:
        raise click.UsageError("--readme takes a whole run: leave --only out.")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    run = Run(console, names, number, posts)
    run.share(min(at_once, len(names)))
    seconds = time.monotonic() - started
    entries = sorted(run.entries, key=lambda entry: [*FAULTS, entry.fault].index(entry.fault))
    console.print(table_of(entries))
    explain(console, entries)
    for problem in run.problems:
        console.print(f"[red]{escape(problem)}[/red]", soft_wrap=True)
    photos = sum(len(entry.photos) for entry in entries)
    result = f"{len(run.problems)} wrong" if run.problems else "the ledger balances"
    console.print(f"{photos} photos in {seconds:.0f} s: {result}.")
    if readme and not run.problems:
        write_readme(entries, seconds)
    sys.exit(int(bool(run.problems)))


if __name__ == "__main__":
    main()
