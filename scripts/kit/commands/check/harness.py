"""The stage on which a case is tried: a stack, its photos, and what came of them."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import random
import re
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import requests
from PIL import Image, ImageFilter

from kit import samples
from kit.aws_client import Aws
from kit.commands.check.time_budget import FUNCTION_SECONDS, Patience
from kit.emulators.system import OfflineSystem
from kit.stack.stack import Stack
from kit.stack.template import TEMPLATE

FUNCTION = "RekognitionLambdaFunction"
REFERENCE = "celebrity.jpg"
ENTRY = Path(__file__).with_name("lambda_entry.py")
POLL_SECONDS = 0.05

PLATFORM = re.compile(r"(START|END|REPORT) RequestId: ")  # the lines that Lambda itself logs
SIGNS_OF_FAILURE = ("Traceback", "Task timed out", "Worker process died")


@dataclass
class Photo:
    """A photo of a post, and the post."""

    data: bytes
    text: str = "Look who is here"
    name: str = "3_"  # what its media key starts with
    mark: str = field(default_factory=lambda: str(random.randrange(10**18, 2 * 10**18)))

    @property
    def media_key(self) -> str:
        """The key of its item."""
        return self.name + self.mark

    @property
    def key(self) -> str:
        """Where it lies in the bucket."""
        return f"images/{self.media_key}.jpg"

    @property
    def post(self) -> dict[str, str]:
        """Its item, as TwitterLambdaFunction stores it."""
        return {
            "media_key": self.media_key,
            "post_id": str(int(self.mark) // 7),
            "username": f"fan{self.mark[-6:]}",
            "created_at": "2026-11-22T10:07:00.000Z",
            "text": self.text,
        }

    def record(self, bucket: str) -> dict[str, Any]:
        """What S3's event says about it; the same each time."""
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-west-1",
            "eventTime": "2026-11-22T10:07:05.000Z",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                "object": {
                    "key": quote_plus(self.key, safe="/"),
                    "size": len(self.data),
                    "eTag": hashlib.md5(self.data, usedforsecurity=False).hexdigest(),
                    "sequencer": f"{int(self.mark):018X}",
                },
            },
        }

    def is_picture(self, name: str) -> bool:
        """Whether Rekognition means this photo, which it got from S3 or as bytes."""
        return self.mark in name or name == f"{len(self.data)} bytes"


@dataclass
class Seen:
    """What came of one or more invocations."""

    mails: list[dict[str, str]]
    logs: list[str]  # what each invocation printed
    failures: list[str]  # the message of each one that failed
    # What Rekognition was asked about the last photo: its answer, and whether that was the source.
    answers: list[dict[str, Any]]
    swapped: bool


def template() -> str:
    """The template, but the function has less time and our entry, and a failure is final.

    So each event is one invocation. What Lambda's retries would do, a case does itself. And it
    sends the events itself, so that one can come twice, or tell of two photos.
    """
    stack = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    resources = stack["Resources"]
    resources[FUNCTION]["Properties"] |= {
        "Timeout": FUNCTION_SECONDS,
        "Handler": "check_entry.lambda_handler",
    }
    resources["RekognitionLambdaRetries"]["Properties"]["MaximumRetryAttempts"] = 0
    del resources["RekognitionBucket"]["Properties"]["NotificationConfiguration"]
    return json.dumps(stack)


def make_pictures() -> dict[str, bytes]:
    """The sample pictures, and two made of them.

    The group has a large face of another person and two small matching ones. The blurred one is a
    match that is less similar than sure, so that Similarity is not mistaken for Confidence.
    """
    pictures = {path.stem: path.read_bytes() for path in samples.ensure().values()}
    with Image.open(io.BytesIO(pictures["obama2"])) as image:
        blurred = image.convert("RGB").filter(ImageFilter.GaussianBlur(5))
    group = Image.new("RGB", (1400, 1200), "white")
    for name, width, left in (("biden", 740, 0), ("obama2", 320, 750), ("obama", 320, 1080)):
        with Image.open(io.BytesIO(pictures[name])) as image:
            height = width * image.height // image.width
            group.paste(image.convert("RGB").resize((width, height)), (left, 0))
    for name, picture in (("group", group), ("blurred", blurred)):
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=92)
        pictures[name] = jpeg.getvalue()
    return pictures


class Bench:
    """A stack in which one case after the other is tried.

    Args:
        system: the offline system, ready.
        pictures: from `make_pictures`.
    """

    def __init__(self, system: OfflineSystem, pictures: dict[str, bytes]) -> None:
        self.pictures = pictures
        self.folder = system.folder
        self.rekognition_url = system.rekognition_url
        self.aws = system.aws
        self.patience = Patience()
        self.email = f"learner-{random.randrange(10**12)}@example.com"  # one outbox for all
        self.stack = Stack.launch(system.aws, system.parameters(self.email), template())
        self.stack.confirm_subscription()
        self.bucket = self.stack.resource("RekognitionBucket")
        self.table = self.stack.resource("PostsTable")
        self.function = self.stack.resource(FUNCTION)
        self.log_group = self.stack.resource("RekognitionLambdaLogs")
        self.failure_queue = self.stack.resource("FailureQueue")
        names = ("s3", "dynamodb", "lambda", "logs", "sqs")
        self.clients = {name: system.aws.client(name) for name in names}
        self.rekognition = Aws(system.rekognition_url, system.aws.region).client("rekognition")
        configuration = self.clients["lambda"].get_function_configuration(
            FunctionName=self.function
        )
        self.variables: dict[str, str] = configuration["Environment"]["Variables"]
        self.since = 0.0  # when the case began
        self.known: set[str] = set()  # log streams of the invocations before
        self.mails_known = 0

    # What a case does.

    def deploy(self, code: bytes, patience: Patience) -> None:
        """Put the code into the function."""
        self.patience = patience
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", code)
            file.write(ENTRY, "check_entry.py")
        self.clients["lambda"].update_function_code(
            FunctionName=self.function, ZipFile=archive.getvalue()
        )

    def prepare(self, **settings: str) -> None:
        """Start a case: an empty bucket, new processes of the function, and obama as reference.

        Args:
            settings: environment variables that differ from the stack's.
        """
        self.patience.ask()
        self.since = time.time()
        self.restart(**settings)
        s3 = self.clients["s3"]
        for found in s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            s3.delete_object(Bucket=self.bucket, Key=found["Key"])
        self.put_reference("obama")

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

    def send(self, *photos: Photo) -> Seen:
        """Store photos, tell the function in one event, and wait until it is done with them."""
        self.store(*photos)
        self.tell(*photos)
        return self.wait(photos[-1])

    def send_twice_at_once(self, photo: Photo) -> Seen:
        """The same event for two processes, of which neither writes before both have looked."""
        self.store(photo)
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            self.restart(MEETING_PLACE=place)
            self.tell(photo)
            self.tell(photo)
            return self.wait(photo, 2)

    def store(self, *photos: Photo) -> None:
        """Store photos and their posts as TwitterLambdaFunction does."""
        for photo in photos:
            item = {name: {"S": value} for name, value in photo.post.items()}
            self.clients["dynamodb"].put_item(TableName=self.table, Item=item)
            self.clients["s3"].put_object(Bucket=self.bucket, Key=photo.key, Body=photo.data)

    def tell(self, *photos: Photo) -> None:
        """Send the event about photos, as S3 does when they are new and Lambda after a failure."""
        event = {"Records": [photo.record(self.bucket) for photo in photos]}
        self.clients["lambda"].invoke(
            FunctionName=self.function, InvocationType="Event", Payload=json.dumps(event)
        )

    @contextlib.contextmanager
    def throttled(self, times: int) -> Iterator[None]:
        """Let the next calls of Rekognition fail for a while."""
        fault = {"code": "ThrottlingException", "times": times}
        requests.post(f"{self.rekognition_url}/_workshop/faults", json=fault, timeout=10)
        try:
            yield
        finally:
            # Use up what is left: an unsigned call is throttled first and refused afterwards.
            call = functools.partial(
                requests.post,
                self.rekognition_url,
                json={},
                headers={"x-amz-target": "RekognitionService.CompareFaces"},
                timeout=10,
            )
            while "Throttling" in call().text:
                pass

    # What a case sees.

    def wait(self, photo: Photo, invocations: int = 1) -> Seen:
        """Wait until so many more invocations have ended, and see what came of them."""
        while len(logs := self.ended()) < invocations:
            self.patience.ask()
            time.sleep(POLL_SECONDS)
        self.known |= logs.keys()
        # The message about a failure is written right after the log.
        crashed = sum(any(sign in log for sign in SIGNS_OF_FAILURE) for log in logs.values())
        failures: list[str] = []
        until = time.monotonic() + 2.0
        while True:
            failures += self.failed()
            if len(failures) >= crashed or time.monotonic() > until:
                break
            time.sleep(POLL_SECONDS)
        if any(failure.startswith("Task timed out") for failure in failures):
            self.patience.timed_out()
        mails = [mail for mail in self.aws.outbox() if mail["to"] == self.email]
        new, self.mails_known = mails[self.mails_known :], len(mails)
        answers = requests.get(f"{self.rekognition_url}/_workshop/comparisons", timeout=10).json()
        answers = [answer for answer in answers if answer["at"] >= self.since]
        source = [answer for answer in answers if photo.is_picture(answer["source"])]
        target = [answer for answer in answers if photo.is_picture(answer["target"])]
        return Seen(
            mails=[mail for mail in new if "token" not in mail],
            logs=list(logs.values()),
            failures=failures,
            answers=target or source,
            swapped=bool(source and not target),
        )

    def ended(self) -> dict[str, str]:
        """The logs of the invocations that ended since the last wait, by log stream."""
        lines: dict[str, list[str]] = {}
        pages = self.clients["logs"].get_paginator("filter_log_events")
        since = int(self.since * 1000)
        for page in pages.paginate(logGroupName=self.log_group, startTime=since):
            for event in page["events"]:
                lines.setdefault(event["logStreamName"], []).append(event["message"])
        return {
            stream: "\n".join(line for line in log if not PLATFORM.match(line))
            for stream, log in lines.items()
            if stream not in self.known and any(line.startswith("REPORT ") for line in log)
        }

    def failed(self) -> list[str]:
        """Take the messages about failures out of the queue."""
        messages = self.clients["sqs"].receive_message(
            QueueUrl=self.failure_queue, MaxNumberOfMessages=10
        )
        found = []
        for message in messages.get("Messages", []):
            self.clients["sqs"].delete_message(
                QueueUrl=self.failure_queue, ReceiptHandle=message["ReceiptHandle"]
            )
            found.append(str(json.loads(message["Body"])["responsePayload"].get("errorMessage")))
        return found

    @functools.cache  # noqa: B019 - a bench lives as long as the check
    def similarity(self, reference: str, picture: str) -> float:
        """The best similarity of two pictures, by Rekognition itself."""
        answer = self.rekognition.compare_faces(
            SourceImage={"Bytes": self.pictures[reference]},
            TargetImage={"Bytes": self.pictures[picture]},
            SimilarityThreshold=0,
        )
        return max(float(match["Similarity"]) for match in answer["FaceMatches"])
