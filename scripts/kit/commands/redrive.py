"""`workshop.py redrive`: events go from the failure queue back to the function they came from.

Lambda puts an event into the queue when the function failed three times for it. Each message holds
the event and the function's ARN, as described in the Lambda Developer Guide, "Invocation records".
Both functions do an event that they have done before without effect, so nothing comes twice.
"""

from __future__ import annotations

import json
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
from kit.commands.errors import handle_errors
from kit.jsonl import Json
from kit.stack.find import StackNotFoundError, choose_stack, workshop_stacks
from kit.text import count, shorten

FUNCTIONS = ("TwitterLambdaFunction", "RekognitionLambdaFunction")
HIDDEN_SECONDS = 120  # so long nobody else receives a message that we have
BATCH = 10  # messages, as many as SQS gives at once
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
    queue = FailureQueue(boto3.Session(), stack)
    for outcome in queue.redrive():
        mark, style = ("✓ sent again", "green") if outcome.sent else ("✗ stays", "bold red")
        console.print(Text(mark, style).append(f" {outcome.text}", ""), soft_wrap=True)
    sent, staying, hidden = (queue.counts[name] for name in ("sent", "staying", "hidden"))
    total = f"{count(sent, 'event')} of {queue.stack} sent again, "
    total += f"{count(staying, 'message')} left in the queue."
    if sent:
        total += " What becomes of them: python scripts/workshop.py doctor"
    console.print(total, soft_wrap=True)
    if hidden:
        console.print(
            f"Somebody else has just looked at {count(hidden, 'message')}: try again in two "
            "minutes."
        )
    sys.exit(int(bool(staying or hidden)))


class NotSentError(Exception):
    """A message that cannot be sent again; the text says why."""


@dataclass(frozen=True)
class FailedEvent:
    """An event that a function failed for."""

    function: str  # its logical ID
    payload: Json  # the event
    error: str  # why the function failed, as Lambda noted it

    def __str__(self) -> str:
        """The function, the objects that the event is about, and the error; ASCII only."""
        keys = [record["s3"]["object"]["key"] for record in self.payload["Records"]]
        more = f" and {count(len(keys) - 1, 'more object')}" if len(keys) > 1 else ""
        return (
            f"{self.function}: {printable(keys[0])}{more}; it had failed: {printable(self.error)}"
        )


@dataclass(frozen=True)
class Outcome:
    """What became of one message of the queue."""

    sent: bool
    text: str


def printable(text: str) -> str:
    """One short line of ASCII; what is in a queue may be anything."""
    return shorten(ascii(text)[1:-1], 120)


def read_message(body: str, names: dict[str, str]) -> FailedEvent:
    """Read a message of the queue.

    Args:
        body: of the message.
        names: of the stack's functions: name → logical ID. No other function is called, whatever
            the message says.

    Raises:
        NotSentError: it is not Lambda's record of an event that one of these functions failed for.
    """
    try:
        record = json.loads(body)
        arn, payload = record["requestContext"]["functionArn"], record["requestPayload"]
        name = arn.split(":")[6]
        error = (record.get("responsePayload") or {}).get("errorMessage") or "no reason given"
        if name not in names:
            raise NotSentError(f"its function, {printable(name)}, is none of this stack")
        failed = FailedEvent(names[name], payload, str(error))
        str(failed)  # the event has the shape of those of S3
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NotSentError("it is not Lambda's record of a failed S3 event") from None
    return failed


class FailureQueue:
    """The failure queue of one stack.

    Args:
        session: boto3's; with AWS_ENDPOINT_URL in the environment it talks to the emulated AWS.
        stack: the stack's name; None is the only one of this workshop.

    Attributes:
        stack: the stack's name.
        counts: of messages: sent, staying, and hidden by somebody else.

    Raises:
        StackNotFoundError: there is no such stack, or several.
    """

    def __init__(self, session: Any, stack: str | None = None) -> None:
        self.sqs = session.client("sqs", config=CONFIG)
        self.functions = session.client("lambda", config=CONFIG)
        cloudformation = session.client("cloudformation", config=CONFIG)
        found = workshop_stacks(cloudformation, "FailureQueue", stack)
        complete = (one for one in found if one.get("Outputs"))
        self.stack: str = choose_stack(complete, stack, session.region_name)["StackName"]
        listed = cloudformation.describe_stack_resources(StackName=self.stack)["StackResources"]
        # A resource that is yet to be created is listed without its physical ID.
        ids = {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in listed}
        if missing := [name for name in ("FailureQueue", *FUNCTIONS) if not ids.get(name)]:
            raise StackNotFoundError(
                f"{self.stack} has no {missing[0]} yet: wait until the stack is complete."
            )
        self.url = ids["FailureQueue"]
        self.names = {ids[logical_id]: logical_id for logical_id in FUNCTIONS}
        self.counts: Counter[str] = Counter()

    def redrive(self) -> Iterator[Outcome]:
        """Send again what is in the queue now; yield what became of each message.

        Events that fail once more while this runs come back to the queue and stay there.
        """
        self.counts["hidden"], until = self.state()
        received: list[str] = []  # receipt handles
        deleted: set[str] = set()
        try:
            while messages := self.receive():
                received += [message["ReceiptHandle"] for message in messages]
                for message in messages:
                    if int(message["Attributes"]["SentTimestamp"]) > until:
                        continue
                    outcome = self.send(message)
                    if outcome.sent:
                        # Only now: had we been stopped before, the event would still be there.
                        self.sqs.delete_message(
                            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                        )
                        deleted.add(message["ReceiptHandle"])
                    self.counts["sent" if outcome.sent else "staying"] += 1
                    yield outcome
        finally:
            self.release(handle for handle in received if handle not in deleted)

    def state(self) -> tuple[int, float]:
        """How many messages are hidden by somebody else, and SQS's time in ms, rounded up."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )
        hidden = int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]  # in whole seconds
        return hidden, (parsedate_to_datetime(date).timestamp() + 1) * 1000

    def receive(self) -> list[Json]:
        """Receive up to ten messages, which nobody else sees for a while."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # with 0, SQS asks only some of its servers
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return list(answer.get("Messages", []))

    def send(self, message: Json) -> Outcome:
        """Give the event of a message to its function; Lambda queues it."""
        try:
            failed = read_message(message["Body"], self.names)
            self.invoke(failed)
        except NotSentError as error:
            return Outcome(False, f"message {message['MessageId']}: {error}")
        return Outcome(True, str(failed))

    def invoke(self, failed: FailedEvent) -> None:
        """Invoke the function that failed, without waiting for it.

        Raises:
            NotSentError: Lambda does not accept the event.
        """
        (name,) = (name for name, logical_id in self.names.items() if logical_id == failed.function)
        payload = json.dumps(failed.payload)
        try:
            self.functions.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            raise NotSentError(f"Lambda did not accept it: {printable(str(error))}") from error

    def release(self, handles: Iterator[str]) -> None:
        """Show messages to others again at once."""
        for handle in handles:
            with suppress(BotoCoreError, ClientError):
                self.sqs.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0
                )
