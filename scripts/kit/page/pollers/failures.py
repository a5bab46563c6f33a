"""FailureQueue: the events with which a function failed three times."""

from __future__ import annotations

from kit.page.documents import Content, entry, now, pretty_line
from kit.page.pollers.look import LookInside

MAX_TEXT = 8000  # characters of a message that are shown


class FailureQueue(LookInside):
    """The queue of failed events."""

    hop = "FailureQueue"
    party = "The queue"
    pause = 2.0

    def look(self) -> None:
        """How many there are."""
        box = self.box
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.physical_id, AttributeNames=["ApproximateNumberOfMessages"]
        )
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count > box.count:
            box.last = now()
            box.failed("A function failed three times with an event.", box.last)
        if not count:
            box.error = None
        box.count = count

    def content(self) -> Content:
        """The messages, which stay in the queue: they are invisible for no time at all."""
        url = self.physical_id
        answer = self.client("sqs").receive_message(
            QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=5
        )
        entries = [
            entry(f"Message {message['MessageId']}", pretty_line(message["Body"])[:MAX_TEXT])
            for message in answer.get("Messages", [])
        ]
        about = "It is empty: nothing failed three times."
        if entries:
            about = f"{self.box.count} events failed three times. Reading leaves them in the queue."
        command = f"aws sqs receive-message --queue-url {url} --visibility-timeout 0"
        return Content(about, entries, command)
