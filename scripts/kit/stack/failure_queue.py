"""The failure queue of a stack: look at it, and send its events again.

Lambda puts an event into the queue when the function failed three times for it. Each message holds
the event and the function's ARN, as described in the Lambda Developer Guide, "Invocation records".
Both functions do an event that they have done before without effect, so nothing comes twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kit.jsonl import Json
from kit.stack.find import StackNotFoundError
from kit.text import count, shorten

FUNCTIONS = ("TwitterLambdaFunction", "RekognitionLambdaFunction")
HIDDEN_SECONDS = 120  # so long nobody else receives a message that we have
PEEK_SECONDS = 10  # the same, when we only look
BATCH = 10  # messages, as many as SQS gives at once


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


def is_wanted(message: Json, only: str, until: float) -> bool:
    """Whether a message is to be sent: it is the one, or no later than `until`, in ms."""
    if only:
        return bool(message["MessageId"] == only)
    return int(message["Attributes"]["SentTimestamp"]) <= until


class FailureQueue:
    """The failure queue of one stack.

    Args:
        client: makes a boto3 client of a service.
        stack: the stack's name.
        ids: of its resources: physical by logical ID.

    Attributes:
        counts: of messages: sent, staying, and hidden by somebody else.

    Raises:
        StackNotFoundError: the stack has no queue or no function yet.
    """

    def __init__(
        self, client: Callable[[str], Any], stack: str, ids: Mapping[str, str | None]
    ) -> None:
        if missing := [name for name in ("FailureQueue", *FUNCTIONS) if not ids.get(name)]:
            raise StackNotFoundError(
                f"{stack} has no {missing[0]} yet: wait until the stack is complete."
            )
        self.sqs, self.functions = client("sqs"), client("lambda")
        self.stack = stack
        self.url = str(ids["FailureQueue"])
        self.names = {str(ids[logical_id]): logical_id for logical_id in FUNCTIONS}
        self.counts: Counter[str] = Counter()

    def peek(self, limit: int) -> list[Json]:
        """Look at up to `limit` messages, which all stay in the queue."""
        name = "ApproximateNumberOfMessages"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        expected = min(limit, int(answer["Attributes"][name]))
        if expected <= BATCH:  # then it takes one call at most, and hides nothing
            return self.receive(0) if expected else []
        found: list[Json] = []
        try:
            while len(found) < expected and (messages := self.receive(PEEK_SECONDS)):
                found += messages
        finally:
            self.release(message["ReceiptHandle"] for message in found)
        return found[:limit]

    def redrive(self, only: str = "") -> Iterator[Outcome]:
        """Send again what is in the queue now; yield what became of each message.

        Events that fail once more while this runs come back to the queue and stay there.

        Args:
            only: the ID of the only message to send. Default: all.
        """
        self.counts["hidden"], until = self.state()
        received: list[str] = []  # receipt handles
        deleted: set[str] = set()
        try:
            while messages := self.receive(HIDDEN_SECONDS):
                received += [message["ReceiptHandle"] for message in messages]
                for message in messages:
                    if not is_wanted(message, only, until):
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
                    if only:
                        return
        finally:
            self.release(handle for handle in received if handle not in deleted)

    def summary(self) -> str:
        """How many events were sent again, and how many messages are left."""
        sent, staying = count(self.counts["sent"], "event"), self.counts["staying"]
        return f"{sent} of {self.stack} sent again, {count(staying, 'message')} left in the queue."

    def state(self) -> tuple[int, float]:
        """How many messages are hidden by somebody else, and SQS's time in ms, rounded up."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )
        hidden = int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]  # in whole seconds
        return hidden, (parsedate_to_datetime(date).timestamp() + 1) * 1000

    def receive(self, hidden_seconds: int) -> list[Json]:
        """Receive up to ten messages, which nobody else sees for so long."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=hidden_seconds,
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

    def release(self, handles: Iterable[str]) -> None:
        """Show messages to others again at once."""
        for handle in handles:
            with suppress(BotoCoreError, ClientError):
                self.sqs.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0
                )
