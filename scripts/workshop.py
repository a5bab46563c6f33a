"""The offline workshop's command line: python scripts/workshop.py --help."""

from __future__ import annotations

import click

from kit.commands.check.command import check
from kit.commands.connect import connect
from kit.commands.demo.command import demo
from kit.commands.doctor.command import doctor
from kit.commands.env import env
from kit.commands.mail import mail
from kit.commands.publish.command import publish
from kit.commands.redrive import redrive
from kit.commands.start import start
from kit.commands.tweet import tweet
from kit.terminal import handle_stops


@click.group(help=__doc__)
def main() -> None:
    """Prepare the run of a command."""
    handle_stops()


for command in (demo, start, env, connect, tweet, mail, check, doctor, redrive, publish):
    main.add_command(command)

if __name__ == "__main__":
    main()
