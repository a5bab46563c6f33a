"""The offline workshop's command line: python scripts/workshop.py --help."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import click
import requests
from botocore.exceptions import ClientError
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from kit import running, samples
from kit.aws_client import Aws
from kit.commands import demo as offline_demo
from kit.commands import start as session
from kit.commands.check.command import check
from kit.commands.doctor.command import doctor
from kit.commands.publish.command import publish
from kit.commands.redrive import redrive
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.running import Running
from kit.stack.stack import Stack
from kit.x_client import XClient, error_message

PHOTO = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(help=__doc__)
def main() -> None:
    """Group the commands."""
    # A stop ends the run as Ctrl-C does, with everything cleaned up; and Ctrl-C does so even where
    # a shell has started us in the background, with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:
    """End the run as Ctrl-C does."""
    raise KeyboardInterrupt


@main.command()
@click.option("--reference", type=PHOTO, help="Photo of the person to look for.")
@click.option("--tweet", "tweets", type=PHOTO, multiple=True, help="Photo to post; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per tweet on stdout.")
def demo(reference: Path | None, tweets: tuple[Path, ...], as_json: bool) -> None:
    """Run the whole workshop once and show every hop.

    Without your own pictures it takes the sample pictures, of which one is a match.
    """
    if bool(reference) != bool(tweets):
        raise click.UsageError("--reference and --tweet go together: give both or none.")
    console = Console(stderr=as_json)
    expected: list[str | None] = []
    try:
        if reference is None:
            pictures = samples.ensure()
            reference = pictures["obama.jpg"]
            tweets = tuple(pictures[n] for n in ("obama2.jpg", "biden.jpg", "landscape.jpg"))
            expected = [None, "other person", "no face"]
        results = []
        for result in offline_demo.run(console, reference, [(path, str(path)) for path in tweets]):
            results.append(result)
            if as_json:
                click.echo(json.dumps(asdict(result)))
        if expected and [result.reason for result in results] != expected:
            raise WorkshopError(f"The sample pictures did not end as they should: {results}")
    except offline_demo.UnusableReferenceError as error:
        raise click.UsageError(str(error)) from error
    except WorkshopError as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running.")
        sys.exit(130)


@main.command()
@click.option("--fresh", is_flag=True, help="Forget everything of the last time.")
@click.option(
    "--at", "step", type=click.IntRange(1, session.LAST_STEP), help="Do what comes before a step."
)
def start(fresh: bool, step: int | None) -> None:
    """Start the offline workshop and stay until Ctrl-C.

    The steps are yours; what you did is still there the next time.
    """
    console = Console()
    try:
        with OfflineSystem(home=session.open_home(fresh)) as system:
            system.wait_until_ready()
            session.Session(system, console).run(step or 1)
    except WorkshopError as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped. Start again to go on where you were.")


def running_workshop() -> Running:
    """The workshop that runs in another terminal."""
    if not (workshop := running.load()):
        raise click.UsageError(
            "No workshop is running. Start one: python scripts/workshop.py start"
        )
    return workshop


@main.command()
def env() -> None:
    """Print what a terminal needs so that the AWS CLI, boto3 and the scripts find the workshop.

    Let the shell do it: eval "$(python scripts/workshop.py env)"
    """
    click.echo(running_workshop().export_lines())


@main.command()
@click.argument("files", nargs=-1, type=PHOTO, required=True)
@click.option("--text", default="Look who is here", help="What the post says.")
def tweet(files: tuple[Path, ...], text: str) -> None:
    """Post up to four photos on the emulated X."""
    if len(files) > 4:
        raise click.UsageError("A post has at most four photos.")
    workshop = running_workshop()
    keys = workshop.keys
    client = XClient(workshop.x_url, keys["TWITTER_CONSUMER_KEY"], keys["TWITTER_TOKEN"])
    try:
        post_id = client.post(text, [client.upload(file.read_bytes()) for file in files])
    except requests.RequestException as error:
        raise click.ClickException(
            f"The emulated X did not take the post: {error_message(error)}"
        ) from error
    click.echo(f"Posted {len(files)} photo(s) on X: post {post_id}")


@main.command()
@click.option("--confirm", is_flag=True, help="Click the link in the newest mail that has one.")
def mail(confirm: bool) -> None:
    """Read the mail that came so far."""
    workshop = running_workshop()
    aws = Aws(workshop.aws_url, workshop.region)
    mails = aws.outbox()
    if not confirm:
        console = Console()
        for one in mails:
            text = f"To: {one['to']}\nSubject: {one['subject']}\n\n{one['body'].strip()}"
            console.print(Panel(escape(text), expand=False))
        console.print(f"{len(mails)} mail(s)", highlight=False)
        return
    if not (question := next((one for one in reversed(mails) if "token" in one), None)):
        raise click.UsageError("No mail has a link yet: launch the stack first, which is step 3.")
    try:
        aws.client("sns").confirm_subscription(TopicArn=question["topic"], Token=question["token"])
    except ClientError as error:
        raise click.ClickException(
            f"The link does not work any more: {error}. Its stack may be deleted."
        ) from error
    click.echo(f"Subscription confirmed: matches are mailed to {question['to']}.")


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1)
def connect(command: tuple[str, ...]) -> None:
    """Open a terminal on the offline instance, or run a COMMAND there."""
    workshop = running_workshop()
    stack = Stack.find(Aws(workshop.aws_url, workshop.region), instance.LOGICAL_ID)
    if not stack:
        raise click.UsageError("There is no instance yet: launch the stack first, which is step 3.")
    root = session.HOME / stack.resource(instance.LOGICAL_ID)
    environment = instance.environment(workshop.aws_url, workshop.x_url, root)
    program = command or (os.environ.get("SHELL", "/bin/sh"),)
    os.chdir(root / instance.WORKSHOP)
    if not command:
        click.echo(f"You are on the instance {root.name}. Leave it with exit.", err=True)
    os.execvpe(program[0], program, environment)


main.add_command(check)
main.add_command(doctor)
main.add_command(publish)
main.add_command(redrive)


if __name__ == "__main__":
    main()
