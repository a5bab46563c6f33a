"""What happens at scale: the hops on AWS with their bounds, photo by photo, without AWS.

Posts come in at X's rate; each photo needs one invocation of RekognitionLambdaFunction, which
needs a place among the account's concurrent invocations and one call of CompareFaces. What finds
no place waits in Lambda's queue for asynchronous events, for at most six hours. A function whose
call is throttled tries again, as boto3 does; when it gives up, Lambda tries the event again after
one minute and after two, and then puts it into the failure queue, from where it can be sent again.
SNS delivers ten mails a second and keeps the others. No random numbers: two runs are the same.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

X_POSTS = 250.0  # a second for one app
FIREHOSE_REQUESTS = 2_000.0  # PutRecordBatch a second for one stream
CONCURRENCY = {"new account": 10, "usual account": 1_000}
COMPARE_FACES = {"eu-west-1": 100.0, "elsewhere": 25.0}  # calls a second
MAILS = 10.0  # a second for one account
EVENT_SECONDS = 6 * 3600.0  # so long Lambda keeps an event
RETRIES = (60.0, 120.0)  # seconds before the second and the third try of Lambda
BACKOFF = (1.0, 2.0, 4.0, 8.0)  # seconds between the five tries of boto3
FUNCTION_SECONDS = 0.5  # of one invocation of RekognitionLambdaFunction
BATCH_SECONDS = 0.2  # in which the streamer fills a batch
STORE_PLACES = 2  # what TwitterLambdaFunction takes of the concurrency at X's full rate


@dataclass(frozen=True)
class Bounds:
    """The bounds that differ between accounts and regions."""

    concurrency: int
    compare_faces: float

    def per_second(self) -> dict[str, float]:
        """Photos a second that each hop lets through, in the order in which data flows.

        DynamoDB's on-demand tables take 4,000 writes a second from the start; a photo is two.
        """
        return {
            "X, filtered stream": X_POSTS,
            "Firehose, requests": FIREHOSE_REQUESTS * X_POSTS * BATCH_SECONDS,
            "Lambda, concurrency": max(1, self.concurrency - STORE_PLACES) / FUNCTION_SECONDS,
            "DynamoDB, writes": 4_000 / 2,
            "Rekognition, CompareFaces": self.compare_faces,
        }

    def first_to_bind(self) -> str:
        """The hop that lets the fewest photos through; mails are fewer than photos."""
        rates = self.per_second()
        return min(rates, key=lambda hop: rates[hop])


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
class Bucket:
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


@dataclass(order=True)
class Step:
    """A photo's next step: start, call or end an invocation."""

    at: float
    number: int  # so that steps at the same time keep their order
    kind: str = field(compare=False)
    photo: int = field(compare=False)
    attempt: int = field(compare=False, default=0)  # of Lambda
    call: int = field(compare=False, default=0)  # of boto3


class Simulation:
    """Photos on their way through the hops, one step after the other in the order of time.

    Args:
        bounds: of the account and the region.
        photos: how many come in.
        per_second: how fast.
        matches: the part of them that matches.
    """

    def __init__(
        self, bounds: Bounds, photos: int, per_second: float = X_POSTS, matches: float = 0.1
    ) -> None:
        self.outcome = Outcome(photos)
        self.per_second, self.matches = per_second, matches
        self.quota = Bucket(bounds.compare_faces)
        self.free = max(1, bounds.concurrency - STORE_PLACES)
        self.queue: deque[tuple[int, int]] = deque()  # photo and attempt, as Lambda keeps them
        self.steps: list[Step] = []
        self.planned = self.later = 0
        self.mail_free = self.matched = 0.0

    def plan(self, at: float, kind: str, photo: int, attempt: int, call: int = 0) -> None:
        """Note a photo's next step."""
        self.planned += 1
        heapq.heappush(self.steps, Step(at, self.planned, kind, photo, attempt, call))

    def run(self) -> Outcome:
        """Let all photos come, and go on until nothing is to be done."""
        for photo in range(self.outcome.photos):
            came = photo / self.per_second
            while self.steps and self.steps[0].at < came:
                self.step(heapq.heappop(self.steps))
            self.queue.append((photo, 0))
            self.invoke(came)
        while self.steps:
            self.step(heapq.heappop(self.steps))
        return self.outcome

    def step(self, step: Step) -> None:
        """Do a step, and give the places that are free to those who wait."""
        if step.kind == "again":
            self.later -= 1
            self.queue.append((step.photo, step.attempt))
        elif step.kind == "end":
            self.end(step)
        elif self.quota.take(step.at):
            self.plan(step.at + FUNCTION_SECONDS, "end", step.photo, step.attempt)
        else:
            self.throttle(step)
        self.invoke(step.at)

    def invoke(self, now: float) -> None:
        """Start what can be started of what waits."""
        self.outcome.waiting = max(self.outcome.waiting, len(self.queue) + self.later)
        while self.free and self.queue:
            photo, attempt = self.queue.popleft()
            if now - photo / self.per_second > EVENT_SECONDS:
                self.outcome.failed += 1
            else:
                self.free -= 1
                self.plan(now, "call", photo, attempt)

    def end(self, step: Step) -> None:
        """A photo is compared; if it matches, its mail waits for its turn."""
        self.free += 1
        outcome = self.outcome
        outcome.compared += 1
        outcome.minutes = step.at / 60
        outcome.longest = max(outcome.longest, (step.at - step.photo / self.per_second) / 60)
        self.matched += self.matches
        if self.matched >= 1:
            self.matched -= 1
            self.mail_free = max(step.at, self.mail_free) + 1 / MAILS
            outcome.mailed += 1
            outcome.mail_minutes = self.mail_free / 60

    def throttle(self, step: Step) -> None:
        """CompareFaces refuses: boto3 tries again, then Lambda, then it is in the failure queue."""
        self.outcome.throttled += 1
        if step.call < len(BACKOFF):
            # Spread as with boto3's jitter, but the same in each run.
            wait = BACKOFF[step.call] * (0.5 + step.photo * 0.618 % 1)
            self.plan(step.at + wait, "call", step.photo, step.attempt, step.call + 1)
            return
        self.free += 1
        if step.attempt < len(RETRIES):
            self.later += 1
            self.plan(step.at + RETRIES[step.attempt], "again", step.photo, step.attempt + 1)
        else:
            self.outcome.failed += 1


SCENARIOS = {
    f"{account}, {region}": Bounds(concurrency, rate)
    for account, concurrency in CONCURRENCY.items()
    for region, rate in COMPARE_FACES.items()
} | {"usual account, 50 reserved, eu-west-1": Bounds(50, COMPARE_FACES["eu-west-1"])}
