"""Serves the page: python -m kit.page --port 4580."""

from __future__ import annotations

import sys

import click

from kit import running
from kit.errors import WorkshopError
from kit.http import serve
from kit.page.app import Page
from kit.processes import exit_with_parent


@click.command()
@click.option("--port", type=int, required=True, help="TCP port on 127.0.0.1.")
def main(port: int) -> None:
    """Serve the page of the running offline workshop on 127.0.0.1."""
    exit_with_parent()
    workshop = running.load()
    if workshop is None:
        raise WorkshopError("No offline workshop is running. Start one: make workshop")
    serve(Page(workshop, port).app(), port, with_ipv6=True)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except WorkshopError as error:
        sys.exit(str(error))
