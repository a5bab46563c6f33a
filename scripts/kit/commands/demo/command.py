"""The command `workshop.py demo`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from kit import running, samples
from kit.commands.demo.offline import Demo
from kit.commands.demo.progress import Progress
from kit.commands.errors import handle_errors
from kit.emulators.system import OfflineSystem
from kit.errors import InputError

PHOTO = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--reference", type=PHOTO, help="Photo of the person to look for.")
@click.option("--tweet", "tweets", type=PHOTO, multiple=True, help="Photo to post; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per tweet on stdout.")
def demo(reference: Path | None, tweets: tuple[Path, ...], as_json: bool) -> None:
    """Run the whole workshop once and show every stage.

    Without your own pictures it takes the sample pictures, of which one is a match.
    """
    running.shield()
    console = Console(stderr=as_json)
    with handle_errors(console):
        if bool(reference) != bool(tweets):
            raise InputError("--reference and --tweet go together: give both or none.")
        if reference is None:
            pictures = samples.ensure()
            reference = pictures[samples.REFERENCE]
            names = (samples.MATCH, samples.OTHER_PERSON, samples.NO_FACE)
            tweets = tuple(pictures[name] for name in names)
        with OfflineSystem() as system:
            workshop = Demo(system, Progress(console))
            for result in workshop.run(reference, tweets):
                if as_json:
                    click.echo(json.dumps(asdict(result)))
