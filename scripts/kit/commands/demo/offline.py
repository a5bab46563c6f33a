"""The demo offline: the whole workshop in a minute, with every stage of every photo."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from botocore.exceptions import ClientError
from rich.panel import Panel
from rich.text import Text

from kit.commands.demo.logs import save_function_logs
from kit.commands.demo.progress import Progress, Result
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.errors import InputError, WorkshopError
from kit.processes import ManagedProcess
from kit.stack.code import SOLUTION
from kit.stack.inventory import left_over
from kit.stack.journey import ARRIVED, COMPARED, DELIVERED, MAILED, PROCESSED, Journey, JourneyError
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import TEMPLATE, parameter_default
from kit.terminal import in_one_line, printable
from kit.x_client import error_message


class Demo:
    """One run of the workshop on an offline system; the steps are those of Instructions.md."""

    def __init__(self, system: OfflineSystem, progress: Progress) -> None:
        self.system = system
        self.progress = progress
        self.console = progress.console
        self.launched: Stack | None = None
        self.streamer: ManagedProcess | None = None

    def run(self, reference: Path, tweets: tuple[Path, ...]) -> Iterator[Result]:
        """Do all steps; yield the result of each tweet as soon as it is there.

        Args:
            reference: the photo of the person to look for.
            tweets: photos to post.

        Raises:
            InputError: the reference shows no face.
            WorkshopError: a stage failed; the message names it and where its log is.
        """
        try:
            self.launch()
            self.upload_reference(reference)
            self.try_starter(reference)
            self.deploy_solution()
            for photo in tweets:
                yield self.tweet(photo)
            self.clean_up()
            self.show_total()
        except InputError:
            raise
        except JourneyError as error:
            raise WorkshopError(f"{error} Its log: {self.save_logs() / error.log}.log") from error
        except WorkshopError as error:
            raise WorkshopError(f"{error} The logs: {self.save_logs()}") from error

    @property
    def stack(self) -> Stack:
        """The stack, once it is launched."""
        assert self.launched
        return self.launched

    def launch(self) -> None:
        """Launch the stack, confirm the subscription and start the streamer: steps 3 to 5."""
        system, step = self.system, self.progress.step
        with step("offline AWS, X and Rekognition answer", "start"):
            system.wait_until_ready()
        with step(f"the stack is launched from {TEMPLATE.name}", "launch"):
            self.launched = Stack.launch(system.aws, system.parameters(EMAIL))
        with step(f"the subscription of {EMAIL} is confirmed"):
            self.stack.confirm_subscription()
        with step("the streamer on the instance is connected to X"):
            root = instance.boot(system.folder, self.stack)
            self.streamer = instance.start_streamer(system, root)
            instance.wait_until_connected(self.streamer)

    def upload_reference(self, photo: Path) -> None:
        """Upload the reference photo, step 8, and see that it shows a face."""
        name = parameter_default("PersonPhotoFilename")
        with self.progress.step(f"the reference {photo.name} is uploaded as {name}"):
            self.stack.upload_reference(photo.read_bytes())
            problem = self.problem_with_reference(name)
        if problem:
            raise InputError(
                f"The reference photo {photo} is of no use: {problem}. Take a JPEG or PNG of up "
                "to 15 MB that shows one face from the front."
            )

    def problem_with_reference(self, name: str) -> str:
        """Why Rekognition cannot use the reference photo; empty if it can."""
        rekognition = self.system.rekognition_client()
        image = {"S3Object": {"Bucket": self.stack.resource("RekognitionBucket"), "Name": name}}
        try:
            faces = rekognition.detect_faces(Image=image)["FaceDetails"]
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return "" if faces else "no face is found in it"

    def try_starter(self, photo: Path) -> None:
        """Post while the function is the exercise's starter: the photo arrives, and no mail."""
        self.console.rule("With the exercise's starter", align="left")
        journey = self.post(photo)
        journey.reach(ARRIVED)
        self.progress.spent["photos"] += journey.seconds
        if journey.mail():
            raise JourneyError("The starter sent an e-mail.", ARRIVED.log)
        self.progress.note("no mail: that is the exercise")

    def deploy_solution(self) -> None:
        """Put compareFaces.py over the starter: step 10."""
        self.console.rule("With the solution", align="left")
        with self.progress.step("compareFaces.py is put over RekognitionLambdaFunction"):
            self.stack.replace_code("RekognitionLambdaFunction", SOLUTION.read_text())

    def tweet(self, photo: Path) -> Result:
        """Post a photo and follow it to its outcome: step 11."""
        started = time.monotonic()
        try:
            journey = self.post(photo)
        except requests.HTTPError as error:
            reason = f"too large, X refused it: {error_message(error)}"
            line = Text(in_one_line(photo.name), "bold").append(f" {in_one_line(reason)}", "")
            self.console.print(line)
            result = Result(str(photo), False, None, time.monotonic() - started, reason)
        else:
            result = self.follow(photo, journey)
        self.progress.spent["photos"] += result.seconds
        return result

    def post(self, photo: Path) -> Journey:
        """Post a photo on X and wait until Firehose has delivered its metadata."""
        text = f"Look who is here: {photo.stem}"
        journey = Journey.begin(self.stack, self.system.x, photo.read_bytes(), text)
        journey.report = self.progress.show
        name = in_one_line(photo.name)
        self.console.print(Text(f"{name} is posted on X, post {journey.post_id}", "bold"))
        journey.reach(DELIVERED)
        return journey

    def follow(self, photo: Path, journey: Journey) -> Result:
        """Wait for the outcome of a photo."""
        processed = journey.reach(PROCESSED)
        verdict, _, reason = processed.partition(": ")
        if verdict == "rejected":
            return Result(str(photo), False, None, journey.seconds, reason)
        item = journey.reach(COMPARED)
        if item["outcome"] != "match":
            if journey.mail():
                raise JourneyError("An e-mail came for no match.", MAILED.log)
            return Result(str(photo), False, None, journey.seconds, item["outcome"])
        mail = journey.reach(MAILED)
        head = f"To: {in_one_line(mail['to'])}\nSubject: {in_one_line(mail['subject'])}"
        text = Text(f"{head}\n\n{printable(mail['body'].strip())}")
        self.console.print(Panel(text, expand=False))
        return Result(str(photo), True, float(item["similarity"]), journey.seconds, None)

    def clean_up(self) -> None:
        """Delete the stack, and list what is left."""
        self.console.rule("Clean up", align="left")
        with self.progress.step("the streamer is stopped and the stack is deleted", "clean-up"):
            if self.streamer:
                self.streamer.stop()
            self.stack.delete()
        rest = ", ".join(left_over(self.system.aws, self.stack.name))
        self.progress.note(f"left in the account: {rest or 'nothing'}")
        if rest:
            raise WorkshopError(f"The clean-up left something in the account: {rest}.")

    def show_total(self) -> None:
        """Print the last line: how long it took in all, and which parts."""
        stats = self.system.admin("rekognition").get("stats")
        self.progress.show_total(f"comparing faces, on the way, {stats['seconds']:.1f} s")

    def save_logs(self) -> Path:
        """Copy all logs, the functions' as well, to a folder that stays; return it."""
        folder = save_function_logs(self.launched)
        for log in self.system.folder.glob("*.log"):
            shutil.copy(log, folder)
        return folder
