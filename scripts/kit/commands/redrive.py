"""`workshop.py redrive`: events go from the failure queue back to the function they came from."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import boto3
import click
from botocore.config import Config
from rich.console import Console
from rich.text import Text

from kit import running
from kit.commands.errors import handle_errors
from kit.stack.failure_queue import FailureQueue
from kit.stack.find import choose_stack, workshop_stacks
from kit.text import count

CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3})


@click.command()
@click.option("--stack", metavar="NAME", help="Default: the only stack of this workshop.")
@handle_errors()
def redrive(stack: str | None) -> None:
    """Try again what is in the failure queue, once its cause is fixed.

    Each event goes back to the function that failed for it, and out of the queue when Lambda has
    accepted it. On AWS and offline alike. Exit code: 0 all was sent, 1 something stays in the
    queue, 2 no such stack.
    """
    console = Console()
    if running.use():
        console.print("Using the queue of the running offline workshop.")
    queue = queue_of(boto3.Session(), stack)
    for outcome in queue.redrive():
        mark, style = ("✓ sent again", "green") if outcome.sent else ("✗ stays", "bold red")
        console.print(Text(mark, style).append(f" {outcome.text}", ""), soft_wrap=True)
    total, hidden = queue.summary(), queue.counts["hidden"]
    if queue.counts["sent"]:
        total += " What becomes of them: python scripts/workshop.py doctor"
    console.print(total, soft_wrap=True)
    if hidden:
        console.print(
            f"Somebody else has just looked at {count(hidden, 'message')}: try again in two "
            "minutes."
        )
    sys.exit(int(bool(queue.counts["staying"] or hidden)))


def queue_of(session: Any, stack: str | None) -> FailureQueue:
    """The failure queue of a stack.

    Args:
        session: boto3's; with AWS_ENDPOINT_URL in the environment it talks to the emulated AWS.
        stack: the stack's name; None is the only one of this workshop.

    Raises:
        StackNotFoundError: there is no such stack, or several.
    """
    client = partial(session.client, config=CONFIG)
    cloudformation = client("cloudformation")
    found = workshop_stacks(cloudformation, "FailureQueue", stack)
    complete = (one for one in found if one.get("Outputs"))
    name = choose_stack(complete, stack, session.region_name)["StackName"]
    listed = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    # A resource that is yet to be created is listed without its physical ID.
    ids = {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in listed}
    return FailureQueue(client, name, ids)
