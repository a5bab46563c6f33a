"""The demo in an account on AWS, without X: three sample posts, and what comes of them.

The posts are those of the template, which the instance has as well. The streamer replays them into
the stack's delivery stream: here on this computer, with the caller's credentials.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit import prices, samples
from kit.aws_client import Account, CallersAccount
from kit.commands.demo import temporary_stack
from kit.commands.demo.progress import Progress, Result
from kit.commands.demo.temporary_stack import TemporaryStack
from kit.errors import WorkshopError
from kit.processes import SCRIPTS
from kit.running import is_local
from kit.stack.code import SOLUTION
from kit.stack.journey import ARRIVED, COMPARED, DELIVERED, POLL_SECONDS, PROCESSED, Journey
from kit.stack.stack import EMAIL, Stack
from kit.waiting import wait_until

POSTS = "/home/ec2-user/rekognition-workshop/sample_posts.jsonl"  # on the instance
STREAMER_SECONDS = 300
SEEN_SECONDS = 60.0
MINUTES = 15  # that all takes on AWS, as a guess: the instance boots for two or three of them
REPLAYS = 3  # of the sample posts: for the starter, for the solution, and to find duplicates
SLOWNESS = 5  # of AWS, compared to the emulated one


MAIL = (
    f"The e-mails go nowhere: nobody has confirmed the subscription of {EMAIL}, and only who reads "
    "its mail can. What is proved ends where SNS has taken them."
)


def callers_account() -> Account:
    """The account that boto3 finds; AWS_ENDPOINT_URL makes it an emulated one."""
    local = is_local(os.environ.get("AWS_ENDPOINT_URL", ""))
    return CallersAccount(slowness=1 if local else SLOWNESS)


def parameters(email: str, subnet: str) -> dict[str, str]:
    """The stack's parameters: no keys of X. In the emulated AWS the photos are on this computer."""
    x_url = os.environ.get("TWITTER_API_URL")
    local = is_local(os.environ.get("AWS_ENDPOINT_URL", "")) and x_url
    photos = {"SampleUrlPrefix": f"{x_url}/samples/"} if local else {}
    return {"EmailAddress": email, "SubnetId": subnet} | photos


def estimate(keep: bool) -> str:
    """What it will cost, and how long it takes."""
    photos = REPLAYS * 3
    dollars = temporary_stack.bill(60 * MINUTES, photos)
    text = f"it takes about {MINUTES} minutes and costs about ${dollars:.2f}: "
    text += f"${float(prices.stack_hour()):.3f} an hour, and {photos} photos"
    return f"{text}. The stack stays, and costs that every hour" if keep else text


@dataclass(frozen=True)
class Post:
    """A sample post as X's API has it, in one line, and the name of its photo's file."""

    line: str
    number: str
    media_key: str
    photo: str

    @classmethod
    def read(cls, line: str) -> Post:
        """Read a line of the recording; each post has one photo."""
        post = json.loads(line)
        (media,) = post["includes"]["media"]
        photo = media["url"].rpartition("/")[2]
        return cls(line, post["data"]["id"], media["media_key"], photo)

    @property
    def expected(self) -> str:
        """What comes of its photo."""
        return "other person" if self.photo == samples.OTHER_PERSON else "match"


class AwsDemo:
    """The steps of Instructions.md for those without X, in a stack that exists already.

    Args:
        launched: the stack.
        progress: shows what happens.
    """

    def __init__(self, launched: TemporaryStack, progress: Progress) -> None:
        self.launched = launched
        self.stack: Stack = launched.stack
        self.progress = progress

    def run(self) -> Iterator[Result]:
        """Do all steps; yield the result of each photo as soon as it is there.

        Raises:
            WorkshopError: a stage failed, or something came out that should not.
        """
        self.upload_reference()
        recording = self.stack.init_files("StreamingInstance")[POSTS]["content"]
        self.try_starter(recording)
        self.deploy_solution()
        again = recording.replace('"3_', '"3_1')  # new keys, as new photos have them
        yield from self.compare(again)
        self.find_no_duplicates(again)

    def upload_reference(self) -> None:
        """Upload the reference photo: step 8."""
        photo = samples.ensure()[samples.REFERENCE]
        with self.progress.step(f"the reference {photo.name} is uploaded"):
            self.stack.upload_reference(photo.read_bytes())

    def try_starter(self, recording: str) -> None:
        """Replay the posts while the function is the exercise's starter: the photos arrive."""
        self.progress.console.rule("With the exercise's starter", align="left")
        for _, journey in self.replay(recording):
            self.store(journey)
            journey.reach(ARRIVED)
            self.progress.spent["photos"] += journey.seconds

    def deploy_solution(self) -> None:
        """Put compareFaces.py over the starter: step 10."""
        self.progress.console.rule("With the solution", align="left")
        with self.progress.step("compareFaces.py is put over RekognitionLambdaFunction"):
            self.stack.replace_code("RekognitionLambdaFunction", SOLUTION.read_text())

    def compare(self, recording: str) -> Iterator[Result]:
        """Replay the posts, and follow each photo to its outcome: step 11.

        Raises:
            WorkshopError: an outcome is not the expected one.
        """
        for post, journey in self.replay(recording):
            self.progress.console.print(f"{post.photo}, of post {post.number}", style="bold")
            self.store(journey)
            item = journey.reach(COMPARED)
            outcome, similarity = str(item["outcome"]), float(item["similarity"])
            if outcome != post.expected:
                raise WorkshopError(f"{post.photo} is a {outcome}, not a {post.expected}.")
            match = outcome == "match"
            if match:  # the solution keeps the outcome after SNS has taken the e-mail
                self.progress.note(f"{similarity:.2f} % similar; SNS has taken the e-mail")
            yield Result(
                post.photo,
                match,
                similarity if match else None,
                journey.seconds,
                None if match else outcome,
            )

    def store(self, journey: Journey) -> None:
        """Follow a photo to its bucket.

        Raises:
            WorkshopError: TwitterLambdaFunction has rejected it.
        """
        journey.reach(DELIVERED)
        said = journey.reach(PROCESSED)
        if said != "stored":
            raise WorkshopError(f"TwitterLambdaFunction has not stored {journey.key}: {said}")

    def find_no_duplicates(self, recording: str) -> None:
        """Replay the same posts again: nothing is stored, compared or mailed twice.

        Raises:
            WorkshopError: something is.
        """
        text = "the same posts again are seen, not stored"
        journeys = [journey for _, journey in self.replay(recording)]
        with self.progress.step(text, "photos"):
            lines = [f"Photo {journey.media_key} seen" for journey in journeys]
            seconds, pause = (n * self.stack.aws.slowness for n in (SEEN_SECONDS, POLL_SECONDS))
            wait_until(lambda: self.logged("Twitter", lines), seconds, text, pause)
        compared = [f"Photo {journey.key}: " for journey in journeys]
        log = "\n".join(self.stack.log_lines("RekognitionLambdaLogs"))
        if twice := [start for start in compared if log.count(start) != 1]:
            raise WorkshopError(f"Not compared exactly once: {', '.join(twice)}.")
        self.progress.note("each photo was stored, compared and, if it matched, mailed once")

    def logged(self, kind: str, lines: list[str]) -> bool:
        """Whether a function has printed all these lines."""
        log = "\n".join(self.stack.log_lines(f"{kind}LambdaLogs"))
        return all(line in log for line in lines)

    def replay(self, recording: str) -> Iterator[tuple[Post, Journey]]:
        """Let the streamer send the posts; return each with the journey of its photo.

        Raises:
            WorkshopError: the streamer failed; the message has what it said.
        """
        posts = [Post.read(line) for line in recording.splitlines() if line]
        journeys = [
            Journey(self.stack, post.number, post.media_key.removeprefix("3_")) for post in posts
        ]
        with self.progress.step("twitter_streaming.py --replay sends the posts to Firehose"):
            said = stream(recording, self.stack.resource("DeliveryStream"), self.stack.aws.region)
            self.launched.photos += len(posts)
        self.progress.note(said)
        for journey in journeys:
            journey.report = self.progress.show
        return zip(posts, journeys, strict=True)


def stream(recording: str, delivery_stream: str, region: str) -> str:
    """Run the streamer on a recording; return its last line, the counts.

    Raises:
        WorkshopError: it failed, or did not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="workshop-") as folder:
        file = Path(folder) / "sample_posts.jsonl"
        file.write_text(recording, encoding="utf-8")
        command = [sys.executable, str(SCRIPTS / "twitter_streaming.py"), "--replay", str(file)]
        try:
            done = subprocess.run(
                [*command, "--delivery-stream", delivery_stream],
                env=os.environ | {"AWS_DEFAULT_REGION": region},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=STREAMER_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise WorkshopError(
                f"The streamer has not sent the sample posts in {STREAMER_SECONDS} seconds. See "
                "whether this computer reaches Firehose, then try again."
            ) from None
    if done.returncode:
        raise WorkshopError(f"The streamer failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout.strip().splitlines()[-1]
