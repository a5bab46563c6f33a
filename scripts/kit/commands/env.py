"""`workshop.py env`: the lines that a terminal needs."""

from __future__ import annotations

import click

from kit import running
from kit.commands.errors import handle_errors


@click.command()
@handle_errors()
def env() -> None:
    """Print what a terminal needs so that the AWS CLI, boto3 and the scripts find the workshop.

    Let the shell do it: eval "$(python scripts/workshop.py env)"
    """
    click.echo(running.require().export_lines())
