"""`workshop.py connect`: a terminal on the emulated instance."""

from __future__ import annotations

import os

import click

from kit import running
from kit.commands.errors import handle_errors
from kit.emulators import instance
from kit.errors import InputError
from kit.keys import TOKEN
from kit.stack.stack import Stack
from kit.terminal import in_one_line


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1)
@handle_errors()
def connect(command: tuple[str, ...]) -> None:
    """Open a terminal on the offline instance, or run a COMMAND there."""
    running.shield()
    workshop = running.require()
    stack = Stack.find(workshop.aws(), instance.LOGICAL_ID)
    if not stack:
        raise InputError("There is no instance yet: launch the stack first, which is step 3.")
    root = running.HOME / stack.resource(instance.LOGICAL_ID)
    environment = instance.environment(workshop.aws_url, workshop.x_url, workshop.keys[TOKEN], root)
    if "TERM" in os.environ:  # full-screen programs ask what this terminal can do
        environment["TERM"] = os.environ["TERM"]
    program = command or (os.environ.get("SHELL", "/bin/sh"),)
    if not (root / instance.WORKSHOP).is_dir():
        raise InputError("The instance is booting. Try again in a moment.")
    os.chdir(root / instance.WORKSHOP)
    if not command:
        click.echo(f"You are on the instance {root.name}. Leave it with exit.", err=True)
    try:
        os.execvpe(program[0], program, environment)
    except OSError as error:
        message = f"{in_one_line(program[0])} cannot be run on the instance: {error.strerror}."
        raise InputError(message) from error
