"""A stack in which the cases are tried, and all that a case can do there."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kit import samples
from kit.commands.check.observation import Comparisons, Failures, Logs, Mails, Observation
from kit.commands.check.photos import REFERENCE, Photo
from kit.commands.check.time_budget import FUNCTION_SECONDS, TimeBudget
from kit.emulators.system import OfflineSystem
from kit.jsonl import Json
from kit.stack.code import replace_code
from kit.stack.stack import Stack
from kit.stack.template import load_template
from kit.waiting import patience

FUNCTION = "RekognitionLambdaFunction"
ENTRY = Path(__file__).with_name("lambda_entry.py")


def template() -> str:
    """The template, but the function has less time and our entry, and a failure is final.

    So each event is one invocation. What Lambda's retries would do, a case does itself. And it
    sends the events itself, so that one can come twice, or be about two photos.
    """
    changed = load_template()
    resources = changed["Resources"]
    resources[FUNCTION]["Properties"] |= {
        "Timeout": math.ceil(FUNCTION_SECONDS * patience()),
        "Handler": f"{ENTRY.stem}.lambda_handler",
    }
    resources["RekognitionLambdaInvokeConfig"]["Properties"]["MaximumRetryAttempts"] = 0
    del resources["RekognitionBucket"]["Properties"]["NotificationConfiguration"]
    return json.dumps(changed)


class Harness:
    """A stack in which one case after the other is tried.

    Args:
        system: the offline system, ready.
        pictures: from `make_pictures`.
    """

    def __init__(self, system: OfflineSystem, pictures: dict[str, bytes]) -> None:
        self.pictures = pictures
        self.folder = system.folder
        self.rekognition = system.rekognition_client()
        self.rekognition_admin = system.admin("rekognition")
        self.budget = TimeBudget()
        email = f"learner-{random.randrange(10**12)}@example.com"  # all share one outbox
        self.stack = Stack.launch(system.aws, system.parameters(email), template())
        self.stack.confirm_subscription()
        self.bucket = self.stack.resource("RekognitionBucket")
        self.table = self.stack.resource("PostsTable")
        self.function = self.stack.resource(FUNCTION)
        names = ("s3", "dynamodb", "lambda", "logs", "sqs")
        self.clients = {name: system.aws.client(name) for name in names}
        configuration = self.clients["lambda"].get_function_configuration(
            FunctionName=self.function
        )
        self.variables: dict[str, str] = configuration["Environment"]["Variables"]
        self.since = 0.0  # when the case began
        log_group = self.stack.resource("RekognitionLambdaLogs")
        self.logs = Logs(self.clients["logs"], log_group)
        self.failures = Failures(self.clients["sqs"], self.stack.resource("FailureQueue"))
        self.mails = Mails(system.aws, email)
        self.comparisons = Comparisons(self.rekognition_admin)

    # What a case does.

    def deploy(self, code: bytes, budget: TimeBudget) -> None:
        """Put the code into the function, to be tried within the budget."""
        self.budget = budget
        files = {"index.py": code, ENTRY.name: ENTRY.read_bytes()}
        replace_code(self.clients["lambda"], self.function, files)

    def prepare(self, **settings: str) -> None:
        """Start a case: an empty bucket, new processes of the function, and its reference.

        Args:
            settings: environment variables that differ from the stack's.

        Raises:
            GaveUpError: the budget is spent.
        """
        self.budget.check()
        self.since = time.time()
        self.restart(**settings)
        s3 = self.clients["s3"]
        for found in s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            s3.delete_object(Bucket=self.bucket, Key=found["Key"])
        self.put_reference(samples.REFERENCE)

    def restart(self, **settings: str) -> None:
        """End the function's processes, as Lambda does with new settings, even equal ones."""
        self.clients["lambda"].update_function_configuration(
            FunctionName=self.function, Environment={"Variables": self.variables | settings}
        )

    def put_reference(self, picture: str, name: str = REFERENCE) -> None:
        """Upload a reference photo."""
        self.clients["s3"].put_object(Bucket=self.bucket, Key=name, Body=self.pictures[picture])

    def remove_reference(self) -> None:
        """Delete the reference photo."""
        self.clients["s3"].delete_object(Bucket=self.bucket, Key=REFERENCE)

    def send(self, *photos: Photo) -> Observation:
        """Store photos, invoke the function with one event about all, and see what came of it."""
        self.store(*photos)
        self.invoke(*photos)
        return self.observe(photos[-1])

    def send_event(self, event: Json) -> Observation:
        """Invoke the function with an event that is about no photo, and see what came of it."""
        self.invoke_with(event)
        return self.observe(Photo(b""))

    def send_twice_at_once(self, photo: Photo) -> Observation:
        """Send the same event to two processes, of which neither writes before both have read."""
        self.store(photo)
        with tempfile.TemporaryDirectory(dir=self.folder) as barrier:
            self.restart(CHECK_BARRIER=barrier)
            self.invoke(photo)
            self.invoke(photo)
            return self.observe(photo, invocations=2)

    def store(self, *photos: Photo) -> None:
        """Store photos and their posts as TwitterLambdaFunction does."""
        for photo in photos:
            if not photo.by_hand:
                item = {name: {"S": value} for name, value in photo.post.items()}
                self.clients["dynamodb"].put_item(TableName=self.table, Item=item)
            self.clients["s3"].put_object(Bucket=self.bucket, Key=photo.key, Body=photo.data)

    def invoke(self, *photos: Photo) -> None:
        """Send one event about photos, as S3 does for new ones and Lambda after a failure."""
        self.invoke_with({"Records": [photo.record(self.bucket) for photo in photos]})

    def invoke_with(self, event: Json) -> None:
        """Send any event, and do not wait for what comes of it."""
        self.clients["lambda"].invoke(
            FunctionName=self.function, InvocationType="Event", Payload=json.dumps(event)
        )

    @contextlib.contextmanager
    def throttled(self, times: int) -> Iterator[None]:
        """Let the next calls of Rekognition fail for a while."""
        fault = {"code": "ThrottlingException", "times": times}
        self.rekognition_admin.post("faults", fault)
        try:
            yield
        finally:
            self.rekognition_admin.delete("faults")

    # What a case sees.

    def observe(self, photo: Photo, invocations: int = 1) -> Observation:
        """Wait until so many more invocations have ended, and collect what came of them.

        Args:
            photo: the last one of the event.
            invocations: how many to wait for.

        Raises:
            GaveUpError: the budget is spent.
        """
        logs = self.logs.collect(invocations, self.since, self.budget)
        failures = self.failures.collect(logs)
        if any(failure.startswith("Task timed out") for failure in failures):
            self.budget.count_timeout()
        mails = self.mails.collect()
        answers, swapped = self.comparisons.collect(photo, self.since)
        return Observation(mails, logs, failures, answers, swapped)

    @functools.cache  # noqa: B019 - a harness lives as long as the check
    def similarity(self, reference: str, picture: str) -> float:
        """The best similarity of two pictures, by Rekognition itself."""
        answer = self.rekognition.compare_faces(
            SourceImage={"Bytes": self.pictures[reference]},
            TargetImage={"Bytes": self.pictures[picture]},
            SimilarityThreshold=0,
        )
        return max(float(match["Similarity"]) for match in answer["FaceMatches"])
