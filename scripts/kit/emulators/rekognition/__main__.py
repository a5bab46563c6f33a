"""Serves the emulated Rekognition: python -m kit.emulators.rekognition --port 4600.

The workers are started with multiprocessing's "spawn", which imports the main module again in each
process, but never a package's __main__: so a worker imports workers.py, and with it no server. It
alone imports faces.py.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from kit.emulators.rekognition.app import application
from kit.emulators.rekognition.service import Rekognition
from kit.http import serve
from kit.keys import take_account, take_token
from kit.processes import exit_with_parent


@click.command()
@click.option("--port", type=int, required=True, help="TCP port on 127.0.0.1.")
@click.option(
    "--processes", default=2, show_default=True, help="How many compare faces at the same time."
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="Keep the comparisons in this file. Default: only in memory.",
)
def main(port: int, processes: int, journal: Path | None) -> None:
    """Run an emulated Rekognition on 127.0.0.1."""
    exit_with_parent()
    aws_url = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    service = Rekognition(max(1, processes), aws_url, take_token(), take_account(), journal)
    # The workers end too: the system closes their pipes.
    serve(application(service), port)


if __name__ == "__main__":
    main()
