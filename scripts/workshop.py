"""The offline workshop's command line: python scripts/workshop.py --help."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from offline import demo as offline_demo
from offline import samples
from offline.processes import OfflineError

PHOTO = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(help=__doc__)
def main() -> None:
    """Group the commands."""
    # A stop ends the run as Ctrl-C does, with everything cleaned up.
    signal.signal(signal.SIGTERM, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:
    """End the run as Ctrl-C does."""
    raise KeyboardInterrupt


@main.command()
@click.option("--reference", type=PHOTO, help="Photo of the person to look for.")
@click.option("--tweet", "tweets", type=PHOTO, multiple=True, help="Photo to post; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per tweet on stdout.")
def demo(reference: Path | None, tweets: tuple[Path, ...], as_json: bool) -> None:
    """Run the whole workshop once and show every hop.

    Without your own pictures it takes the sample pictures, of which one is a match.
    """
    if bool(reference) != bool(tweets):
        raise click.UsageError("--reference and --tweet go together: give both or none.")
    console = Console(stderr=as_json)
    expected: list[str | None] = []
    try:
        if reference is None:
            pictures = samples.ensure()
            reference = pictures["obama.jpg"]
            tweets = tuple(pictures[n] for n in ("obama2.jpg", "biden.jpg", "landscape.jpg"))
            expected = [None, "other person", "no face"]
        results = []
        for result in offline_demo.run(console, reference, [(path, str(path)) for path in tweets]):
            results.append(result)
            if as_json:
                click.echo(json.dumps(asdict(result)))
        if expected and [result.reason for result in results] != expected:
            raise OfflineError(f"The sample pictures did not end as they should: {results}")
    except offline_demo.UnusableReferenceError as error:
        raise click.UsageError(str(error)) from error
    except OfflineError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running.")
        sys.exit(130)


if __name__ == "__main__":
    main()
