"""What a learner can see of the function's invocations, collected from four sources."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from kit.admin_client import AdminClient
from kit.aws_client import Aws
from kit.commands.check.photos import Photo
from kit.commands.check.time_budget import TimeBudget
from kit.jsonl import Json
from kit.waiting import patience, wait_until

POLL_SECONDS = 0.05
FAILURE_SECONDS = 2.0  # the message about a failure is written right after the log
PLATFORM = re.compile(r"(START|END|REPORT) RequestId: ")  # the lines that Lambda itself logs
SIGNS_OF_FAILURE = ("Traceback", "Task timed out", "Runtime exited")


@dataclass
class Observation:
    """What came of one or more invocations.

    Attributes:
        mails: the e-mails: subject and body.
        logs: what each invocation printed.
        failures: the error message of each invocation that failed.
        answers: of Rekognition about the last photo.
        swapped: whether Rekognition got the last photo only as the source.
    """

    mails: list[dict[str, str]]
    logs: list[str]
    failures: list[str]
    answers: list[Json]
    swapped: bool

    @property
    def gave_up(self) -> bool:
        """Whether the photo was never compared, and no error makes Lambda try again."""
        return not (self.mails or self.failures or self.answers)


class Logs:
    """The logs of a function; in the emulated Lambda each invocation has a stream of its own."""

    def __init__(self, logs: Any, group: str) -> None:
        self.logs = logs
        self.group = group
        self.collected: set[str] = set()  # the streams of earlier invocations

    def collect(self, invocations: int, since: float, budget: TimeBudget) -> list[str]:
        """Wait until so many more invocations have ended; return what each of them printed.

        Raises:
            GaveUpError: the budget is spent.
        """

        def ended() -> dict[str, str] | None:
            budget.check()
            logs = self.ended(since)
            return logs if len(logs) >= invocations else None

        logs = wait_until(ended, budget.seconds, "the function's log", POLL_SECONDS)
        self.collected |= logs.keys()
        return list(logs.values())

    def ended(self, since: float) -> dict[str, str]:
        """What the invocations printed that have ended and are not collected, by log stream."""
        lines: dict[str, list[str]] = {}
        pages = self.logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=self.group, startTime=int(since * 1000)):
            for event in page["events"]:
                lines.setdefault(event["logStreamName"], []).append(event["message"])
        return {
            stream: "\n".join(line for line in log if not PLATFORM.match(line))
            for stream, log in lines.items()
            if stream not in self.collected and any(line.startswith("REPORT ") for line in log)
        }


class Failures:
    """The failure queue of a stack."""

    def __init__(self, sqs: Any, queue: str) -> None:
        self.sqs = sqs
        self.queue = queue

    def collect(self, logs: list[str]) -> list[str]:
        """Take the error messages out of the queue, as many as the logs tell of."""
        expected = sum(any(sign in log for sign in SIGNS_OF_FAILURE) for log in logs)
        failures = self.receive()
        started = time.monotonic()
        while (
            len(failures) < expected and time.monotonic() - started < FAILURE_SECONDS * patience()
        ):
            time.sleep(POLL_SECONDS)
            failures += self.receive()
        return failures

    def receive(self) -> list[str]:
        """Take out the error messages that are in the queue now."""
        answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        found = []
        for message in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            found.append(str(json.loads(message["Body"])["responsePayload"].get("errorMessage")))
        return found


class Mails:
    """The e-mails to one address."""

    def __init__(self, aws: Aws, address: str) -> None:
        self.aws = aws
        self.address = address
        self.collected = 0

    def collect(self) -> list[dict[str, str]]:
        """The e-mails since the last time, without the request to confirm the subscription."""
        mails = [mail for mail in self.aws.outbox() if mail["to"] == self.address]
        new, self.collected = mails[self.collected :], len(mails)
        return [mail for mail in new if "token" not in mail]


class Comparisons:
    """What Rekognition was asked, and what it answered."""

    def __init__(self, rekognition: AdminClient) -> None:
        self.rekognition = rekognition

    def collect(self, photo: Photo, since: float) -> tuple[list[Json], bool]:
        """The answers about a photo, and whether it was only ever the source."""
        comparisons = self.rekognition.get("comparisons")
        comparisons = [one for one in comparisons if one["at"] >= since]
        source = [one for one in comparisons if photo.is_picture(one["source"])]
        target = [one for one in comparisons if photo.is_picture(one["target"])]
        return target or source, bool(source and not target)
