"""Make every fault of the table in the running offline system, and see whether the books balance.

    PYTHONPATH=scripts:tests python tests/faults/run.py --help

Exit code: 0 nothing is lost or doubled but what is explained, 1 something is, 2 no such fault.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from faults.bench import Bench
from faults.books import LOST, QUEUED, Page
from faults.load import load
from faults.table import FAULTS
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError

QUIET_SECONDS = 3.0  # so long we wait in the end for what should not come
LOAD = "load"
WIDTH = 140  # of the table in a file


def make(bench: Bench, name: str, number: int) -> Page:
    """Make one fault and return what became of its photos."""
    page = bench.page = Page(name)
    bench.pages.append(page)
    bench.wait_until_connected()
    started = time.monotonic()
    FAULTS[name](bench, number)
    bench.settle()
    bench.repair()
    page.seconds = time.monotonic() - started
    return page


def close(bench: Bench) -> list[str]:
    """Count everything once more, and return what does not balance."""
    time.sleep(QUIET_SECONDS)
    bench.books.update([photo for page in bench.pages for photo in page.photos])
    return [problem for page in bench.pages for problem in page.problems]


def table_of(pages: list[Page]) -> Table:
    """One row for each fault."""
    table = Table(title="What became of the photos", row_styles=["", "dim"])
    for column in ("fault", "rejected (why)"):
        table.add_column(column, min_width=24)
    for column in ("posts", "photos", "stored", "in the queue", "mails", "twice", "lost", "s"):
        table.add_column(column, justify="right")
    for page in pages:
        why = [f"{number} {reason}" for reason, number in page.rejected().items()]
        why += [f"{page.skipped} posts without a photo"] if page.skipped else []
        numbers = (
            page.posts,
            len(page.photos),
            page.stored(),
            page.count(QUEUED),
            sum(photo.mails for photo in page.photos),
            page.duplicates(),
            page.count(LOST),
        )
        row = [page.fault, "\n".join(why), *map(str, numbers), f"{page.seconds:.0f}"]
        table.add_row(*map(escape, row))
    return table


def explain(console: Console, pages: list[Page]) -> None:
    """Say what is behind the numbers."""
    for page in pages:
        whys = [photo.why for photo in page.photos if photo.why]
        for why in dict.fromkeys(whys):
            photos = f"{whys.count(why)} photo{'s' if whys.count(why) > 1 else ''}"
            console.print(f"{page.fault}: {photos}: {why}.", soft_wrap=True)
        for note in page.notes:
            console.print(f"{page.fault}: {note}", soft_wrap=True, highlight=False)


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
        self.pages: list[Page] = []
        self.problems: list[str] = []

    def work(self) -> None:
        """Take one fault after the other, until there is none left."""
        with OfflineSystem() as system:
            system.wait_until_ready()
            bench = Bench(system)
            while self.names:
                name = self.names.popleft()
                try:
                    load_it = name == LOAD
                    page = load(bench, self.posts) if load_it else make(bench, name, self.number)
                except AssertionError as error:  # it could not even be made
                    self.problems.append(f"{name}: {error}")
                    page = bench.page
                self.pages.append(page)
                self.report(page)
            self.problems += close(bench)

    def report(self, page: Page) -> None:
        """Say how one fault went."""
        ok = "[red]does not balance[/red]" if page.problems else "balances"
        line = f"{len(self.pages)}/{self.total} {page.fault}: {page.seconds:.1f} s, {ok}"
        self.console.print(line, highlight=False)
        for problem in page.problems:
            self.console.print(f"[red]{escape(problem)}[/red]", soft_wrap=True)


@click.command(help=__doc__)
@click.option(
    "--only", "wanted", metavar="TEXT", multiple=True, help="Faults with this in the name"
)
@click.option("--photos", "number", default=4, show_default=True, help="About so many per fault.")
@click.option("--posts", default=500, show_default=True, help="So many photos for the load.")
@click.option("--at-once", default=2, show_default=True, help="So many systems share the faults.")
def main(wanted: tuple[str, ...], number: int, posts: int, at_once: int) -> None:
    """Share the faults among the systems; show the table in the end."""
    every = [*FAULTS, LOAD]
    names = [name for name in every if not wanted or any(text in name for text in wanted)]
    if not names:
        raise click.UsageError(f"No fault is called so; there are: {', '.join(every)}.")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    run = Run(console, names, number, posts)
    with ThreadPoolExecutor(at_once) as threads:
        workers = [threads.submit(run.work) for _ in range(min(at_once, len(names)))]
        try:
            for worker in workers:
                worker.result()
        except (WorkshopError, KeyboardInterrupt) as error:
            run.names.clear()  # the others end after what they are at
            console.print(f"[red]Stopped: {escape(str(error))}[/red]", soft_wrap=True)
            sys.exit(1)
    pages = sorted(run.pages, key=lambda page: [*FAULTS, page.fault].index(page.fault))
    console.print(table_of(pages))
    explain(console, pages)
    for problem in run.problems:
        console.print(f"[red]{escape(problem)}[/red]", soft_wrap=True)
    photos = sum(len(page.photos) for page in pages)
    result = f"{len(run.problems)} wrong" if run.problems else "the books balance"
    console.print(f"{photos} photos in {time.monotonic() - started:.0f} s: {result}.")
    sys.exit(int(bool(run.problems)))


if __name__ == "__main__":
    main()
