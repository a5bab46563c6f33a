"""`workshop.py mail`: the learner's inbox."""

from __future__ import annotations

import click
from botocore.exceptions import ClientError
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from kit import running
from kit.aws_client import Aws
from kit.commands.errors import handle_errors
from kit.errors import InputError, WorkshopError
from kit.terminal import in_one_line, printable


@click.command()
@click.option("--confirm", is_flag=True, help="Click the link in the newest mail that has one.")
@handle_errors()
def mail(confirm: bool) -> None:
    """Read the mail that came so far."""
    running.shield()
    workshop = running.require()
    aws = workshop.aws()
    if confirm:
        confirm_newest(aws)
    else:
        show(aws.outbox())


def show(mails: list[dict[str, str]]) -> None:
    """Print the mails, oldest first."""
    console = Console()
    for one in mails:
        head = f"To: {in_one_line(one['to'])}\nSubject: {in_one_line(one['subject'])}"
        console.print(Panel(Text(f"{head}\n\n{printable(one['body'].strip())}"), expand=False))
    console.print(f"{len(mails)} mail(s)", highlight=False)


def confirm_newest(aws: Aws) -> None:
    """Click the link in the newest mail that has one.

    Raises:
        InputError: no mail has one.
        WorkshopError: it does not work.
    """
    questions = [one for one in aws.outbox() if "token" in one]
    if not questions:
        raise InputError("No mail has a link yet: launch the stack first, which is step 3.")
    newest = questions[-1]
    try:
        aws.client("sns").confirm_subscription(TopicArn=newest["topic"], Token=newest["token"])
    except ClientError as error:
        raise WorkshopError(
            f"The link does not work any more: {error}. Its stack may be deleted."
        ) from error
    click.echo(f"Subscription confirmed: matches are mailed to {in_one_line(newest['to'])}.")
