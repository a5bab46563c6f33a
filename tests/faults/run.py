"""Make every fault of the table in the running offline system, and see whether the books balance.

    PYTHONPATH=scripts:tests python tests/faults/run.py --help

Exit code: 0 nothing is lost or doubled but what is explained, 1 something is, 2 no such fault.
"""

from __future__ import annotations

import sys
import time

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from faults.bench import Bench
from faults.books import LOST, QUEUED, Page
from faults.load import load
from faults.table import FAULTS
from offline.processes import OfflineError
from offline.system import OfflineSystem

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
            console.print(f"{page.fault}: {whys.count(why)} photos: {why}.", soft_wrap=True)
        for note in page.notes:
            console.print(f"{page.fault}: {note}", soft_wrap=True, highlight=False)


@click.command(help=__doc__)
@click.option("--only", "names", metavar="TEXT", multiple=True, help="Faults with this in the name")
@click.option("--photos", "number", default=4, show_default=True, help="About so many per fault.")
@click.option("--posts", default=5000, show_default=True, help="So many at once, for the load.")
def main(names: tuple[str, ...], number: int, posts: int) -> None:
    """Run the faults one after the other, and the load in the end."""
    every = [*FAULTS, LOAD]
    chosen = [name for name in every if not names or any(text in name for text in names)]
    if not chosen:
        raise click.UsageError(f"No fault is called so; there are: {', '.join(every)}.")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    try:
        with OfflineSystem() as system:
            system.wait_until_ready()
            bench = Bench(system)
            for count, name in enumerate(chosen, start=1):
                console.print(f"{count}/{len(chosen)} {name}", end=" ", highlight=False)
                page = load(bench, posts) if name == LOAD else make(bench, name, number)
                ok = "[red]does not balance[/red]" if page.problems else "balances"
                console.print(f"{page.seconds:.1f} s, {ok}", highlight=False)
                for problem in page.problems:
                    console.print(f"[red]{escape(problem)}[/red]", soft_wrap=True)
            problems = close(bench)
    except OfflineError as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        sys.exit(1)
    console.print(table_of(bench.pages))
    explain(console, bench.pages)
    for problem in problems:
        console.print(f"[red]{escape(problem)}[/red]", soft_wrap=True)
    photos = sum(len(page.photos) for page in bench.pages)
    result = f"{len(problems)} wrong" if problems else "the books balance"
    console.print(f"{photos} photos in {time.monotonic() - started:.0f} s: {result}.")
    sys.exit(int(bool(problems)))


if __name__ == "__main__":
    main()
