"""What happens at scale: the stages on AWS with their quotas, photo by photo, without AWS.

Posts come in at X's rate; each photo needs one invocation of RekognitionLambdaFunction, which
needs a place among the account's concurrent invocations and one call of CompareFaces. An event
without a place waits in Lambda's queue for asynchronous events, for at most six hours. A throttled
function tries again, as boto3 does; when it gives up, Lambda tries the event again after one minute
and after two, and then puts it into the failure queue, from where it can be sent again. SNS
delivers ten mails a second and keeps the others. No random numbers: two runs are the same.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

X_POSTS = 250.0  # a second for one app
FIREHOSE_REQUESTS = 2_000.0  # PutRecordBatch a second for one stream
CONCURRENCY = {"new account": 10, "usual account": 1_000}
# Calls a second; us-east-1 and us-west-2 have as many as eu-west-1.
COMPARE_FACES = {"eu-west-1": 100.0, "elsewhere": 25.0}
MAILS = 10.0  # a second for one account
EVENT_SECONDS = 6 * 3600.0  # for which Lambda keeps an event
RETRIES = (60.0, 120.0)  # seconds before the second and the third try of Lambda
BACKOFF = (1.0, 2.0, 4.0, 8.0)  # seconds between the five tries of boto3
FUNCTION_SECONDS = 0.5  # of one invocation of RekognitionLambdaFunction
BATCH_SECONDS = 0.2  # in which the streamer fills a batch
STORE_PLACES = 2  # what TwitterLambdaFunction takes of the concurrency at X's full rate

Events = Generator[simpy.Event, Any, None]  # a process of simpy


@dataclass(frozen=True)
class Quotas:
    """The quotas that differ between accounts and regions."""

    concurrency: int
    compare_faces: float

    def per_second(self) -> dict[str, float]:
        """Photos a second that each stage lets through, in the order in which data flows.

        DynamoDB's on-demand tables take 4,000 writes a second from the start; a photo is two.
        """
        return {
            "X, filtered stream": X_POSTS,
            "Firehose, requests": FIREHOSE_REQUESTS * X_POSTS * BATCH_SECONDS,
            "Lambda, concurrency": self.places / FUNCTION_SECONDS,
            "DynamoDB, writes": 4_000 / 2,
            "Rekognition, CompareFaces": self.compare_faces,
        }

    @property
    def places(self) -> int:
        """Invocations of RekognitionLambdaFunction at the same time."""
        return max(1, self.concurrency - STORE_PLACES)

    def bottleneck(self) -> str:
        """The stage that lets the fewest photos through; mails are fewer than photos."""
        rates = self.per_second()
        return min(rates, key=lambda stage: rates[stage])


@dataclass
class Outcome:
    """What became of the photos.

    Attributes:
        photos: that came in.
        compared: of these.
        mailed: matches whose mail was delivered.
        failed: in the failure queue, waiting to be sent again.
        throttled: calls of CompareFaces that were refused.
        waiting: the most events that waited at the same time, or were to be tried again.
        minutes: from the first post to the last outcome.
        longest: minutes that a photo waited for its outcome, at most.
        mail_minutes: from the first post to the last mail.
    """

    photos: int
    compared: int = 0
    mailed: int = 0
    failed: int = 0
    throttled: int = 0
    waiting: int = 0
    minutes: float = 0.0
    longest: float = 0.0
    mail_minutes: float = 0.0

    @property
    def lost(self) -> int:
        """Photos of which nothing is left anywhere."""
        return self.photos - self.compared - self.failed


@dataclass
class TokenBucket:
    """A quota of so many calls a second, with one second of saving."""

    rate: float
    tokens: float = 0.0
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more call is within the quota."""
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Simulation:
    """Photos on their way through the stages.

    Args:
        quotas: of the account and the region.
        photos: how many come in.
        per_second: how fast.
        matches: the part of them that matches.
    """

    def __init__(
        self, quotas: Quotas, photos: int, per_second: float = X_POSTS, matches: float = 0.1
    ) -> None:
        self.outcome = Outcome(photos)
        self.per_second, self.matches = per_second, matches
        self.environment = simpy.Environment()
        self.places = simpy.Resource(self.environment, quotas.places)  # first come, first served
        self.compare_faces = TokenBucket(quotas.compare_faces)
        self.waiting = 0
        self.mail_free = self.matched = 0.0

    def run(self) -> Outcome:
        """Let all photos come, and go on until nothing is to be done."""
        self.environment.process(self.stream())
        self.environment.run()
        return self.outcome

    def stream(self) -> Events:
        """Post the photos at X's rate."""
        for number in range(self.outcome.photos):
            self.environment.process(self.photo(number))
            yield self.environment.timeout(1 / self.per_second)

    def photo(self, number: int) -> Events:
        """The event of one photo: Lambda's three tries, and then the failure queue."""
        came = self.environment.now
        self.wait(+1)
        for pause in (*RETRIES, None):
            with self.places.request() as place:
                yield place
                self.wait(-1)
                if self.environment.now - came > EVENT_SECONDS:
                    break
                if (yield from self.compare(number)):
                    self.compared(came)
                    return
            if pause is not None:
                self.wait(+1)
                yield self.environment.timeout(pause)
        self.outcome.failed += 1

    def compare(self, number: int) -> Generator[simpy.Event, Any, bool]:
        """Call CompareFaces as boto3 does, with retries; return whether it answered."""
        for pause in (*BACKOFF, None):
            if self.compare_faces.take(self.environment.now):
                yield self.environment.timeout(FUNCTION_SECONDS)
                return True
            self.outcome.throttled += 1
            if pause is not None:
                # Spread as with boto3's jitter, but the same in each run.
                yield self.environment.timeout(pause * (0.5 + number * 0.618 % 1))
        return False

    def compared(self, came: float) -> None:
        """Count a photo with an outcome; if it matches, its mail waits for its turn."""
        now, outcome = self.environment.now, self.outcome
        outcome.compared += 1
        outcome.minutes = now / 60
        outcome.longest = max(outcome.longest, (now - came) / 60)
        self.matched += self.matches
        if self.matched >= 1:
            self.matched -= 1
            self.mail_free = max(now, self.mail_free) + 1 / MAILS
            outcome.mailed += 1
            outcome.mail_minutes = self.mail_free / 60

    def wait(self, change: int) -> None:
        """Count the events that wait for a place or for Lambda's next try."""
        self.waiting += change
        self.outcome.waiting = max(self.outcome.waiting, self.waiting)


SCENARIOS = {
    f"{account}, {region}": Quotas(concurrency, rate)
    for account, concurrency in CONCURRENCY.items()
    for region, rate in COMPARE_FACES.items()
} | {"usual account, 50 reserved, eu-west-1": Quotas(50, COMPARE_FACES["eu-west-1"])}
