"""The offline workshop's command line: python scripts/workshop.py --help."""

from __future__ import annotations

from importlib import import_module

import click

from kit.terminal import handle_stops

COMMANDS = {
    "demo": "kit.commands.demo.command",
    "start": "kit.commands.start",
    "env": "kit.commands.env",
    "connect": "kit.commands.connect",
    "tweet": "kit.commands.tweet",
    "mail": "kit.commands.mail",
    "check": "kit.commands.check.command",
    "doctor": "kit.commands.doctor.command",
    "redrive": "kit.commands.redrive",
    "publish": "kit.commands.publish.command",
}


class Commands(click.Group):
    """Imports only the command that is typed, because all of them together take a while.

    Click: Documentation, "Complex Applications", section "Lazily Loading Subcommands".
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a learner meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=Commands, help=__doc__)
def main() -> None:
    """Prepare the run of a command."""
    handle_stops()


if __name__ == "__main__":
    main()
