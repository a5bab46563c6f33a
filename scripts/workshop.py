"""The offline workshop's command line: python scripts/workshop.py --help."""

from __future__ import annotations

import signal
from types import FrameType

import click

from kit.commands.check.command import check
from kit.commands.connect import connect
from kit.commands.demo import demo
from kit.commands.doctor.command import doctor
from kit.commands.env import env
from kit.commands.mail import mail
from kit.commands.publish.command import publish
from kit.commands.redrive import redrive
from kit.commands.start import start
from kit.commands.tweet import tweet


@click.group(help=__doc__)
def main() -> None:
    """Prepare the run of a command."""
    # A stop ends the run as Ctrl-C does, with everything cleaned up; and Ctrl-C does so even where
    # a shell has started us in the background, with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:
    """End the run as Ctrl-C does."""
    raise KeyboardInterrupt


for command in (demo, start, env, connect, tweet, mail, check, doctor, redrive, publish):
    main.add_command(command)

if __name__ == "__main__":
    main()
