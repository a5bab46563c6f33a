"""Try again what failed: events go from the failure queue back to the function they came from.

Lambda puts an event into the queue when the function failed three times for it. Each message holds
the event and the function's ARN, as described in the Lambda Developer Guide, "Invocation records".
Both functions do an event that they have done before without effect, so nothing comes twice.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from kit import running
from kit.stack.find import workshop_stacks

FUNCTIONS = ("TwitterLambdaFunction", "RekognitionLambdaFunction")
HIDDEN_SECONDS = 120  # so long a message is ours; after a crash it is in the queue again
BATCH = 10  # messages, as many as SQS gives at once

Json = dict[str, Any]


class Unusable(Exception):  # noqa: N818 - it says what a message is
    """A message that cannot be sent again; the text says why."""


@dataclass(frozen=True)
class Failed:
    """An event that a function failed for."""

    function: str  # its logical ID
    payload: Json  # the event
    error: str  # why the function failed, as Lambda noted it

    def __str__(self) -> str:
        """The function, the objects that the event is about, and the error; ASCII only."""
        keys = [record["s3"]["object"]["key"] for record in self.payload["Records"]]
        more = f" and {count(len(keys) - 1, 'more object')}" if len(keys) > 1 else ""
        return f"{self.function}: {shorten(keys[0])}{more}; it had failed: {shorten(self.error)}"


def shorten(text: str) -> str:
    """One line of printable text; what is in a queue may be anything."""
    line = ascii(text)[1:-1]
    return line if len(line) <= 120 else f"{line[:119]}…"


def count(number: int, what: str) -> str:
    """A number with its unit."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def read(body: str, names: dict[str, str]) -> Failed:
    """Read a message of the queue.

    Args:
        body: of the message.
        names: of the stack's functions: name → logical ID. No other function is called, whatever
            the message says.

    Raises:
        Unusable: it is not Lambda's record of an event that one of these functions failed for.
    """
    try:
        record = json.loads(body)
        arn, payload = record["requestContext"]["functionArn"], record["requestPayload"]
        name = arn.split(":")[6]
        error = (record.get("responsePayload") or {}).get("errorMessage") or "no reason given"
        if name not in names:
            raise Unusable(f"its function, {shorten(name)}, is none of this stack")
        failed = Failed(names[name], payload, str(error))
        str(failed)  # the event has the shape of those of S3
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unusable("it is not Lambda's record of a failed S3 event") from None
    return failed


class Redrive:
    """The failure queue of one stack.

    Args:
        session: boto3's; with AWS_ENDPOINT_URL in the environment it talks to the emulated AWS.
        stack: the stack's name; None is the only one of this workshop.

    Raises:
        click.UsageError: there is no such stack, or several.
    """

    def __init__(self, session: Any, stack: str | None = None) -> None:
        config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3})
        self.sqs, self.functions = (
            session.client(service, config=config) for service in ("sqs", "lambda")
        )
        cloudformation = session.client("cloudformation", config=config)
        self.stack = find_stack(cloudformation, session.region_name, stack)
        listed = cloudformation.describe_stack_resources(StackName=self.stack)["StackResources"]
        ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in listed}
        self.queue = ids["FailureQueue"]
        self.names = {ids[logical_id]: logical_id for logical_id in FUNCTIONS}
        self.counts: Counter[str] = Counter()  # sent, kept, busy

    def run(self) -> Iterator[tuple[bool, str]]:
        """Send again what is in the queue now; yield for each message whether it went, and what.

        Events that fail once more while this runs come back to the queue and stay there.
        """
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )
        self.counts["busy"] = int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]  # SQS's clock, in whole seconds
        until = (parsedate_to_datetime(date).timestamp() + 1) * 1000
        kept = []
        try:
            while messages := self.receive():
                for message in messages:
                    kept.append(message["ReceiptHandle"])
                    if int(message["Attributes"]["SentTimestamp"]) > until:
                        continue
                    try:
                        text = self.send(message["Body"])
                    except Unusable as problem:
                        self.counts["kept"] += 1
                        yield False, f"message {message['MessageId']}: {problem}"
                        continue
                    # Only now: had we been stopped before, the event would still be in the queue.
                    self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=kept.pop())
                    self.counts["sent"] += 1
                    yield True, text
        finally:
            for handle in kept:  # show them to others at once
                with suppress(BotoCoreError, ClientError):
                    self.sqs.change_message_visibility(
                        QueueUrl=self.queue, ReceiptHandle=handle, VisibilityTimeout=0
                    )

    def receive(self) -> list[Json]:
        """Take up to ten messages, which nobody else sees for a while."""
        answer = self.sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # with 0, SQS asks only some of its servers
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return list(answer.get("Messages", []))

    def send(self, body: str) -> str:
        """Give the event of a message to its function, and say which; Lambda queues it.

        Raises:
            Unusable: the message is none, or Lambda does not accept the event.
        """
        failed = read(body, self.names)
        (name,) = (name for name, logical_id in self.names.items() if logical_id == failed.function)
        try:
            self.functions.invoke(
                FunctionName=name, InvocationType="Event", Payload=json.dumps(failed.payload)
            )
        except (BotoCoreError, ClientError) as error:
            raise Unusable(f"Lambda did not accept it: {shorten(str(error))}") from error
        return str(failed)


def find_stack(cloudformation: Any, region: str, wanted: str | None) -> str:
    """The stack of that name, or the only one of this workshop.

    Raises:
        click.UsageError: there is none, or several.
    """
    stacks = workshop_stacks(cloudformation, "FailureQueue")
    names = [str(stack["StackName"]) for stack in stacks if stack.get("Outputs")]  # complete ones
    if wanted and wanted not in names:
        raise click.UsageError(f"There is no stack of this workshop called {wanted} in {region}.")
    if not names:
        raise click.UsageError(
            f"There is no stack of this workshop in {region}: launch it, or name another region "
            "with AWS_DEFAULT_REGION."
        )
    if not wanted and len(names) > 1:
        raise click.UsageError(
            f"There are several stacks: name one with --stack ({', '.join(sorted(names))})."
        )
    return wanted or names[0]


@click.command()
@click.option("--stack", metavar="NAME", help="Default: the only stack of this workshop.")
def redrive(stack: str | None) -> None:
    """Try again what is in the failure queue, once its cause is mended.

    Each event goes back to the function that failed for it, and out of the queue when Lambda has
    accepted it. On AWS and offline alike. Exit code: 0 all was sent, 1 something stays in the
    queue, 2 no such stack.
    """
    console = Console()
    workshop = None if os.environ.get("AWS_ENDPOINT_URL") else running.load()
    if workshop:
        os.environ.update(workshop.environment())
        console.print("The offline workshop is running, so its queue it is.")
    if os.environ.get("AWS_ENDPOINT_URL"):
        os.environ.setdefault("NO_PROXY", "127.0.0.1")
    try:
        work = Redrive(boto3.Session(), stack)
    except (BotoCoreError, ClientError) as error:
        raise click.UsageError(f"AWS cannot be used: {error}") from error
    try:
        for sent, text in work.run():
            mark, style = ("✓ sent again", "green") if sent else ("✗ stays", "bold red")
            console.print(Text(mark, style).append(f" {text}", ""), soft_wrap=True)
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"The queue cannot be used: {error}") from error
    counts = work.counts
    console.print(
        f"{count(counts['sent'], 'event')} of {work.stack} sent again, "
        f"{count(counts['kept'], 'message')} kept."
        + (" What becomes of them: python scripts/workshop.py doctor" if counts["sent"] else ""),
        soft_wrap=True,
    )
    if counts["busy"]:
        busy = count(counts["busy"], "message")
        console.print(f"Somebody else has just looked at {busy}: try again in two minutes.")
    sys.exit(int(bool(counts["kept"] or counts["busy"])))
