"""The demo: the whole workshop in a minute, with every hop of every photo as it happens."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from botocore.exceptions import ClientError
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from kit.aws_client import Aws
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import ManagedProcess
from kit.running import FOLDER
from kit.stack.code import SOLUTION
from kit.stack.inventory import left_over
from kit.stack.journey import ARRIVED, COMPARED, DELIVERED, MAILED, PROCESSED, Journey, JourneyError
from kit.stack.stack import EMAIL, Stack
from kit.x_client import error_message

LOGS = FOLDER / "logs"  # where logs are kept when something failed
REFERENCE = "celebrity.jpg"


class UnusableReferenceError(WorkshopError):
    """The reference photo cannot be compared with anything."""


@dataclass
class Result:
    """What became of one tweet."""

    tweet: str  # the path as given
    match: bool
    similarity: float | None  # percent
    seconds: float  # from the post to the outcome
    reason: str | None  # why it is no match


class Demo:
    """One run of the workshop on an offline system; the steps are those of Instructions.md."""

    def __init__(self, system: OfflineSystem, console: Console) -> None:
        self.system = system
        self.console = console
        self.stack: Stack | None = None
        self.streamer: ManagedProcess | None = None
        self.started = time.monotonic()
        self.spent: defaultdict[str, float] = defaultdict(
            float
        )  # seconds by part, for the last line

    def launch(self) -> Stack:
        """Launch the stack, confirm the subscription and start the streamer: steps 3 to 5."""
        system = self.system
        with self.step("offline AWS, X and Rekognition answer", "start"):
            system.wait_until_ready()
        with self.step("the stack is launched from RekognitionWorkshopCFN.json", "launch"):
            self.stack = Stack.launch(system.aws, system.parameters(EMAIL))
        with self.step(f"the subscription of {EMAIL} is confirmed"):
            self.stack.confirm_subscription()
        with self.step("the streamer on the instance is connected to X"):
            self.streamer = instance.start_streamer(
                system, instance.boot(system.folder, self.stack)
            )
            instance.wait_until_connected(self.streamer)
        return self.stack

    def upload_reference(self, stack: Stack, photo: Path) -> None:
        """Upload the reference photo, step 8, and see that it shows a face."""
        bucket = stack.resource("RekognitionBucket")
        rekognition = Aws(self.system.rekognition_url, self.system.aws.region).client("rekognition")
        image = {"S3Object": {"Bucket": bucket, "Name": REFERENCE}}
        with self.step(f"the reference {photo.name} is uploaded as {REFERENCE}"):
            self.system.aws.client("s3").upload_file(str(photo), bucket, REFERENCE)
            try:
                faces = rekognition.detect_faces(Image=image)["FaceDetails"]
                problem = "" if faces else "no face is found in it"
            except ClientError as error:
                problem = error.response["Error"]["Message"]
        if problem:
            raise UnusableReferenceError(
                f"The reference photo {photo} is of no use: {problem}. Take a JPEG or PNG of up "
                "to 15 MB that shows one face from the front."
            )

    def try_starter(self, stack: Stack, photo: Path) -> None:
        """Post while the function is the exercise's starter: the photo arrives, and no mail."""
        self.console.rule("With the exercise's starter", align="left")
        journey = self.post(stack, photo)
        journey.reach(ARRIVED)
        self.spent["photos"] += journey.seconds
        if journey.mail():
            raise JourneyError("The starter sent an e-mail.", "RekognitionLambdaLogs")
        self.console.print("        no mail: that is the exercise")

    def put_solution(self, stack: Stack) -> None:
        """Put compareFaces.py over the starter: step 10."""
        self.console.rule("With the solution", align="left")
        with self.step("compareFaces.py is put over RekognitionLambdaFunction"):
            stack.replace_code("RekognitionLambdaFunction", SOLUTION.read_text())

    def tweet(self, stack: Stack, photo: Path, name: str) -> Result:
        """Post a photo and follow it to its outcome: step 11."""
        result = self.follow(stack, photo, name)
        self.spent["photos"] += result.seconds
        return result

    def follow(self, stack: Stack, photo: Path, name: str) -> Result:
        """Post a photo, and wait for its outcome."""
        started = time.monotonic()
        try:
            journey = self.post(stack, photo)
        except requests.HTTPError as error:
            reason = f"too large, X refused it: {error_message(error)}"
            self.console.print(f"[bold]{escape(photo.name)}[/bold] {escape(reason)}")
            return Result(name, False, None, time.monotonic() - started, reason)
        processed = journey.reach(PROCESSED)
        kind, _, reason = processed.partition(": ")
        if kind == "rejected":
            return Result(name, False, None, journey.seconds, reason)
        item = journey.reach(COMPARED)
        if item["outcome"] != "match":
            if journey.mail():
                raise JourneyError("An e-mail came for no match.", "RekognitionLambdaLogs")
            return Result(name, False, None, journey.seconds, item["outcome"])
        mail = journey.reach(MAILED)
        head = f"To: {mail['to']}\nSubject: {mail['subject']}\n\n"
        self.console.print(Panel(escape(head + mail["body"].strip()), expand=False))
        return Result(name, True, float(item["similarity"]), journey.seconds, None)

    def clean_up(self, stack: Stack) -> None:
        """Delete the stack, and list what is left."""
        self.console.rule("Clean up", align="left")
        with self.step("the streamer is stopped and the stack is deleted", "clean-up"):
            if self.streamer:
                self.streamer.stop()
            stack.delete()
        rest = ", ".join(left_over(self.system.aws, stack.name))
        self.console.print(f"        left in the account: {rest or 'nothing'}")
        if rest:
            raise WorkshopError(f"The clean-up left something in the account: {rest}.")

    def post(self, stack: Stack, photo: Path) -> Journey:
        """Post a photo on X and wait until Firehose has delivered its metadata."""
        media_id = self.system.x.upload(photo.read_bytes())
        post_id = self.system.x.post(f"Look who is here: {photo.stem}", [media_id])
        self.console.print(f"[bold]{escape(photo.name)} is posted on X, post {post_id}[/bold]")
        journey = Journey(stack, post_id, media_id, self.show_hop)
        journey.reach(DELIVERED)
        return journey

    def show_hop(self, hop: str, seconds: float) -> None:
        """Print one hop."""
        text = f"{seconds:5.1f} s  {escape(hop)}"
        self.console.print(text, highlight=False, no_wrap=True, overflow="ellipsis")

    @contextlib.contextmanager
    def step(self, text: str, part: str = "steps between") -> Iterator[None]:
        """Show that something is going on, then how long it took; add that to a part."""
        started = time.monotonic()
        with self.console.status(escape(text)):
            yield
        seconds = time.monotonic() - started
        self.spent[part] += seconds
        self.show_hop(text, seconds)

    def show_where_the_time_went(self) -> None:
        """Print the last line: how long it took in all, and what took it."""
        stats = requests.get(f"{self.system.rekognition_url}/_workshop/stats", timeout=10).json()
        parts = [f"{part} {seconds:.1f} s" for part, seconds in self.spent.items()]
        parts.append(f"comparing faces, on the way, {stats['seconds']:.1f} s")
        total = time.monotonic() - self.started
        self.console.print(f"{total:5.1f} s  in all: {', '.join(parts)}", highlight=False)

    def keep_logs(self) -> Path:
        """Copy all logs to a folder that stays, the functions' as well; return it."""
        LOGS.mkdir(parents=True, exist_ok=True)
        for log in self.system.folder.glob("*.log"):
            shutil.copy(log, LOGS)
        for name in ("TwitterLambdaLogs", "RekognitionLambdaLogs"):
            if self.stack:
                with contextlib.suppress(Exception):  # the emulated AWS may be what failed
                    (LOGS / f"{name}.log").write_text("\n".join(self.stack.log_lines(name)))
        return LOGS


def run(console: Console, reference: Path, tweets: list[tuple[Path, str]]) -> Iterator[Result]:
    """Run the demo; yield the result of each tweet as soon as it is there.

    Args:
        console: where the progress goes.
        reference: the photo of the person to look for.
        tweets: photos to post, each with the name to report it by.

    Raises:
        WorkshopError: a hop failed; the text names it and where its log is.
    """
    with OfflineSystem() as system:
        demo = Demo(system, console)
        try:
            stack = demo.launch()
            demo.upload_reference(stack, reference)
            demo.try_starter(stack, reference)
            demo.put_solution(stack)
            for photo, name in tweets:
                yield demo.tweet(stack, photo, name)
            demo.clean_up(stack)
            demo.show_where_the_time_went()
        except UnusableReferenceError:
            raise
        except JourneyError as error:
            raise WorkshopError(f"{error} Its log: {demo.keep_logs() / error.log}.log") from error
        except WorkshopError as error:
            raise WorkshopError(f"{error} The logs: {demo.keep_logs()}") from error
