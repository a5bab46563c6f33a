"""Runs the emulated X: python -m kit.emulators.x --port 4570."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from kit.emulators.x.app import Settings, X
from kit.http import serve
from kit.keys import take_token
from kit.processes import exit_with_parent


@click.command()
@click.option("--port", type=int, required=True, help="TCP port on 127.0.0.1.")
@click.option("--username", default="learner", show_default=True, help="User of the keys.")
@click.option("--keep-alive", default=20.0, show_default=True, help="Seconds between keep-alives.")
@click.option(
    "--search-delay", default=30.0, show_default=True, help="Seconds until a post is found."
)
@click.option("--photos", type=click.Path(path_type=Path), help="Folder for the uploads.")
def main(
    port: int, username: str, keep_alive: float, search_delay: float, photos: Path | None
) -> None:
    """Run an emulated X on 127.0.0.1."""
    exit_with_parent()
    folder = photos or Path(tempfile.mkdtemp(prefix="offline-x-"))
    folder.mkdir(parents=True, exist_ok=True)
    keys = {name: key for name, key in os.environ.items() if name.startswith("TWITTER_") and key}
    x = X(Settings(port, username, folder, keep_alive, search_delay, take_token(), keys))
    # Hang up first: the server waits until all connections are closed.
    serve(x.app(), port, on_stop=x.stream.hang_up)


if __name__ == "__main__":
    main()
