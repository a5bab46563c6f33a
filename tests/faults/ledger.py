"""The ledger: what was posted, and what became of it. It balances when no photo is missing."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kit.stack.stack import Stack
from kit.waiting import patience

POLL_SECONDS = 0.3
MAILED, TWICE, QUEUED, LOST = "mailed", "mailed twice", "in the queue", "lost"
MAILS = {MAILED: 1, TWICE: 2}
REJECTION = re.compile(r"Photo (?:images/)?([\w-]+)(?:\.jpg:)? (rejected: .*|not compared)")


@dataclass
class Photo:
    """One photo that was posted.

    Attributes:
        media_key: its name from X to the mail.
        expected: what is to become of it: MAILED, TWICE, QUEUED, an outcome of the comparison, a
            rejection with its reason, or LOST.
        why: if it is to be lost or mailed twice, why it cannot be otherwise.
        state: what became of it.
        mails: how many there are about it.
    """

    media_key: str
    expected: str
    why: str = ""
    state: str = LOST
    mails: int = 0

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it should, with one mail if it is a match."""
        mails = MAILS.get(self.expected, 0)
        return self.mails == mails and self.state.startswith(MAILED if mails else self.expected)

    @property
    def is_accounted_for(self) -> bool:
        """Whether it ended so, or is in the failure queue, as on a computer that is too busy."""
        if self.state == MAILED and self.mails == 1 and self.expected == LOST:
            return True  # better than feared: a later search of the streamer has found it
        return self.as_expected or (self.state == QUEUED and self.mails == 0)


@dataclass
class Entry:
    """The photos and posts of one fault."""

    fault: str
    photos: list[Photo] = field(default_factory=list)
    posts: int = 0
    skipped: int = 0  # posts without a photo
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """A sentence for each photo that is lost or doubled and should not be."""
        return [
            f"{self.fault}: photo {photo.media_key} should be {photo.expected}, and is "
            f"{photo.state} with {photo.mails} mails"
            for photo in self.photos
            if not photo.is_accounted_for
        ]

    def count(self, state: str) -> int:
        """How many photos are in a state."""
        return sum(photo.state == state for photo in self.photos)

    def stored(self) -> int:
        """How many photos were stored and compared."""
        return sum(
            photo.state not in (LOST, QUEUED) and not photo.state.startswith("rejected")
            for photo in self.photos
        )

    def rejected(self) -> Counter[str]:
        """How many photos were rejected, by reason."""
        reasons = (photo.state for photo in self.photos if photo.state.startswith("rejected"))
        return Counter(
            reason.removeprefix("rejected: ").partition(" below http")[0] for reason in reasons
        )

    def duplicates(self) -> int:
        """How many mails there are too many."""
        return sum(max(0, photo.mails - 1) for photo in self.photos)


class Ledger:
    """Reads in the stack what became of the photos, as anybody could with the AWS CLI."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        names = ("dynamodb", "logs", "s3", "sqs")
        self.clients: dict[str, Any] = {name: stack.aws.client(name) for name in names}
        ids = ("PostsTable", "TwitterBucket", "FailureQueue", "TwitterLambdaLogs")
        self.ids = {name: stack.resource(name) for name in (*ids, "RekognitionLambdaLogs")}
        self.bodies: dict[str, str] = {}  # of the objects that Firehose wrote
        self.rejections: dict[str, str] = {}  # media key → reason
        self.read_until: dict[str, int] = {}  # log group → milliseconds

    def update(self, photos: Iterable[Photo]) -> None:
        """Note of each photo what has become of it by now."""
        mails, outcomes = self.mails(), self.outcomes()
        self.read_logs()
        queued = self.queued()
        for photo in photos:
            photo.mails = mails[photo.media_key]
            outcome = outcomes.get(photo.media_key)
            if outcome == "match":
                photo.state = MAILED if photo.mails else LOST
            elif outcome:
                photo.state = outcome
            elif queued(photo.media_key):
                photo.state = QUEUED
            else:
                photo.state = self.rejections.get(photo.media_key, LOST)

    def wait_until_settled(self, photos: list[Photo], seconds: float) -> None:
        """Wait until all photos ended as they should, but not longer than so many seconds."""
        started = time.monotonic()
        while time.monotonic() - started < seconds * patience():
            self.update(photos)
            if all(photo.as_expected for photo in photos):
                return
            time.sleep(POLL_SECONDS)

    def mails(self) -> Counter[str]:
        """How many mails there are about each photo."""
        found = (
            re.search(r"images/([\w-]+)\.jpg", mail["body"]) for mail in self.stack.aws.outbox()
        )
        return Counter(match[1] for match in found if match)

    def outcomes(self) -> dict[str, str]:
        """What the comparison of each photo came to."""
        pages = self.clients["dynamodb"].get_paginator("scan")
        pages = pages.paginate(TableName=self.ids["PostsTable"])
        items = (item for page in pages for item in page["Items"])
        return {i["media_key"]["S"]: i["outcome"]["S"] for i in items if "outcome" in i}

    def read_logs(self) -> None:
        """Read what is new in the functions' logs."""
        pages = self.clients["logs"].get_paginator("filter_log_events")
        for name in ("TwitterLambdaLogs", "RekognitionLambdaLogs"):
            since = self.read_until.get(name, 0)
            for page in pages.paginate(logGroupName=self.ids[name], startTime=since):
                for event in page["events"]:
                    # A log may get older lines later; what was read twice does no harm.
                    newest = max(since, event["timestamp"] - 5000)
                    self.read_until[name] = max(self.read_until.get(name, 0), newest)
                    if match := REJECTION.match(event["message"]):
                        reason = match[2].strip()
                        reason = reason if reason.startswith("rejected") else f"rejected: {reason}"
                        self.rejections[match[1]] = reason

    def queued(self) -> Callable[[str], bool]:
        """A function that says whether an event of a photo is in the failure queue."""
        texts = []
        for payload in self.messages():
            for record in payload["Records"]:
                bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
                if bucket == self.ids["TwitterBucket"]:
                    texts.append(self.body(key))
                else:
                    texts.append(key)
        text = "\n".join(texts)
        return lambda media_key: media_key in text

    def body(self, key: str) -> str:
        """The lines of an object that Firehose wrote; these never change."""
        if key not in self.bodies:
            place = {"Bucket": self.ids["TwitterBucket"], "Key": key}
            self.bodies[key] = self.clients["s3"].get_object(**place)["Body"].read().decode()
        return self.bodies[key]

    def messages(self) -> list[dict[str, Any]]:
        """The events in the failure queue; they stay there."""
        sqs, url = self.clients["sqs"], self.ids["FailureQueue"]
        messages = []
        while found := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30
        ).get("Messages"):
            messages += found
        for message in messages:
            handle = message["ReceiptHandle"]
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return [json.loads(message["Body"])["requestPayload"] for message in messages]
