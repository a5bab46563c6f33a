"""The command `workshop.py doctor`, and what it prints."""

from __future__ import annotations

import os
import sys

import boto3
import click
from rich.console import Console
from rich.text import Text

from kit import running
from kit.commands.doctor.finding import OK, UNKNOWN, WRONG, Finding
from kit.commands.doctor.stack_context import StackContext
from kit.commands.doctor.stages import check_all
from kit.commands.doctor.workshop import misleading_variables
from kit.commands.errors import handle_errors
from kit.terminal import in_one_line
from kit.text import count

# What no stage looks at.
BEYOND = (
    "whether X accepts the keys",
    "your inbox and its spam folder",
    "your account's quotas, such as how many functions may run at once",
    "your code with photos that have not come yet (“workshop.py check” tries some)",
)
STYLES = {OK: "green", WRONG: "bold red", UNKNOWN: "dim"}


@click.command()
@click.option("--stack", metavar="NAME", help="Default: the only stack of this workshop.")
@handle_errors()
def doctor(stack: str | None) -> None:
    """Check every stage, and print why nothing happens and how to fix it.

    It changes nothing, on AWS and offline alike. On AWS, Rekognition bills one image for finding
    the face on your reference photo. Exit code: 0 nothing is wrong, 1 something is wrong, 2 there
    is no such stack.
    """
    console = Console()
    misleading = misleading_variables()
    if running.use():
        console.print(
            "Checking the running offline workshop. Run the commands below in a terminal prepared "
            'with: eval "$(python scripts/workshop.py env)"',
            soft_wrap=True,
        )
    # AWS's streamer does not see this terminal's environment.
    offline = bool(os.environ.get("AWS_ENDPOINT_URL"))
    x_url = os.environ.get("TWITTER_API_URL", "") if offline else ""
    context = StackContext(boto3.Session(), stack, x_url.rstrip("/"))
    context.misleading = misleading
    with console.status("Checking every stage"):
        findings = check_all(context)
    show(console, findings)
    sys.exit(int(any(found.status == WRONG for found in findings.values())))


def show(console: Console, findings: dict[str, Finding]) -> None:
    """Print a line for each stage, cause and fix of what is wrong, and else the next step.

    The last line says what was not looked at.
    """
    for name, found in findings.items():
        line = Text(f"{found.status} ", STYLES[found.status])
        line.append(name, "bold").append(f": {in_one_line(found.message)}", "")
        console.print(line, soft_wrap=True)
        for title, text in ("Why", found.cause), ("Fix", found.fix):
            if text:
                console.print(Text(f"    {title}: {in_one_line(text)}"), soft_wrap=True)
    number = sum(found.status == WRONG for found in findings.values())
    if number:
        console.print(
            f"{count(number, 'problem')} found. Fix the first one, then run doctor again."
        )
    else:
        checked = sum(found.status == OK for found in findings.values())
        console.print(f"Nothing is wrong with the {count(checked, 'stage')} that could be checked.")
        steps = [(name, found.next_step) for name, found in findings.items() if found.next_step]
        for name, step in steps[:1]:
            console.print(Text(f"Next, {name}: {in_one_line(step)}."), soft_wrap=True)
    unseen = [name for name, found in findings.items() if found.status == UNKNOWN]
    console.print(Text(f"Not looked at: {'; '.join([*unseen, *BEYOND])}."), soft_wrap=True)
