"""FailureQueue: the events with which a function failed three times."""

from __future__ import annotations

from kit.page.formatting import Content, counted, entry, now, pretty_line
from kit.page.pollers.poller import ContentPoller

MAX_TEXT = 8000  # characters of a message that are shown


class FailureQueue(ContentPoller):
    """The queue of failed events."""

    stage = "FailureQueue"
    service = "The queue"
    pause = 2.0

    def poll(self) -> None:
        """How many there are."""
        status = self.status
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.physical_id, AttributeNames=["ApproximateNumberOfMessages"]
        )
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count > status.count:
            status.last = now()
            status.failed("A function failed three times with an event.", status.last)
        if not count:
            status.error = None
        status.count = count

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
            count = counted(self.status.count, "events")
            about = f"{count} failed three times. Reading leaves them in the queue."
        # Version 1 of the CLI takes SQS's address from nowhere else.
        command = (
            f"aws sqs receive-message --queue-url {url} \\\n"
            '  --visibility-timeout 0 --endpoint-url "$AWS_ENDPOINT_URL"'
        )
        return Content(about, entries, command)
