"""The command `workshop.py demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from kit import running, samples
from kit.commands.demo import on_aws, preflight
from kit.commands.demo.offline import Demo
from kit.commands.demo.progress import Progress
from kit.commands.demo.temporary_stack import TemporaryStack
from kit.commands.errors import handle_errors
from kit.emulators.system import OfflineSystem
from kit.errors import InputError
from kit.stack.stack import EMAIL, STACK_NAME

PHOTO = click.Path(exists=True, dir_okay=False, path_type=Path)
NAME = f"{STACK_NAME}-demo"


@click.command()
@click.option("--reference", type=PHOTO, help="Photo of the person to look for.")
@click.option("--tweet", "tweets", type=PHOTO, multiple=True, help="Photo to post; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per tweet on stdout.")
@click.option("--aws", is_flag=True, help="In your account on AWS, without X; see below.")
@click.option("--stack", default=NAME, show_default=True, help="With --aws: its name.")
@click.option("--subnet", default="", metavar="ID", help="With --aws: not in the default VPC.")
@click.option("--yes", is_flag=True, help="With --aws: do not ask.")
@click.option("--keep", is_flag=True, help="With --aws: do not delete the stack.")
def demo(
    reference: Path | None, tweets: tuple[Path, ...], as_json: bool, aws: bool, **options: Any
) -> None:
    """Run the whole workshop once and show every stage.

    Without your own pictures it takes the sample pictures, of which one is a match.

    With --aws it launches a stack in the account whose credentials you have, replays sample posts,
    and deletes the stack, also after a failure and after Ctrl-C. Before that it says who you are
    and what it costs, looks for what would fail, and asks.
    """
    console = Console(stderr=as_json)
    progress = Progress(console, as_json)
    if aws:
        with handle_errors(console, stopped="Stopped."):
            if reference or tweets:
                raise InputError(
                    "--aws takes the sample posts. For a photo of your own, keep the stack (--keep)"
                    " and upload it below images/ in the bucket of step 7."
                )
            run_on_aws(progress, **options)
    else:
        with handle_errors(console):
            run_offline(progress, reference, tweets)


def run_offline(progress: Progress, reference: Path | None, tweets: tuple[Path, ...]) -> None:
    """Run it in the emulated AWS, X and Rekognition."""
    running.shield()
    if bool(reference) != bool(tweets):
        raise InputError("--reference and --tweet go together: give both or none.")
    if reference is None:
        pictures = samples.ensure()
        reference = pictures[samples.REFERENCE]
        names = (samples.MATCH, samples.OTHER_PERSON, samples.NO_FACE)
        tweets = tuple(pictures[name] for name in names)
    with OfflineSystem() as system:
        for result in Demo(system, progress).run(reference, tweets):
            progress.tell(result)


def run_on_aws(progress: Progress, stack: str, subnet: str, yes: bool, keep: bool) -> None:
    """Run it in the caller's account, or in the emulated AWS at AWS_ENDPOINT_URL.

    Args:
        progress: shows what happens.
        stack: its name.
        subnet: in which its instance is; empty is one of the default VPC.
        yes: do not ask.
        keep: do not delete it.
    """
    running.use_named()
    samples.ensure()
    account = on_aws.callers_account()
    caller = preflight.identify(account)
    progress.note(f"account {caller.account}, region {account.region}, as {caller.arn}")
    preflight.check_name(caller, account.region, stack)
    preflight.check_all(account, stack, subnet, progress)
    progress.note(on_aws.estimate(keep))
    if not yes:
        click.confirm(f"Launch {stack} in account {caller.account}?", abort=True, err=True)
    with TemporaryStack(account, stack, progress, keep) as launched:
        launched.launch(on_aws.parameters(EMAIL, subnet))
        for result in on_aws.AwsDemo(launched, progress).run():
            progress.tell(result)
    progress.note(on_aws.MAIL)
    progress.show_total()
