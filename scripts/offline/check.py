"""`workshop.py check`: is the exercise solved?

The function is deployed into the template's stack in an offline system of its own, started by S3
events, and the faces are really compared. Each case judges only what a learner can see: e-mails,
the log, and whether the function failed. How the function is written is the learner's business.

The code runs on this computer with the rights of whoever calls `check`. There is no sandbox: it is
their own code, as when they start it with `python`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import itertools
import json
import queue
import random
import re
import sys
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
import click
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offline import running, samples
from offline.processes import OfflineError
from offline.stack import TEMPLATE, Stack
from offline.system import OfflineSystem

FUNCTION = "RekognitionLambdaFunction"
REFERENCE = "celebrity.jpg"
LANES = 2  # cases at once, each in a stack of its own
FUNCTION_SECONDS = 15  # the function's timeout here: nobody wants to wait for the template's 120
TIMEOUTS = 3  # after so many the other cases are not tried
CHECK_SECONDS = 120.0  # nor after so long
POLL_SECONDS = 0.05
MANY = 40  # calls that are throttled: more than any sensible number of retries
PROVIDED = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}

PLATFORM = re.compile(r"(START|END|REPORT) RequestId: ")  # the lines that Lambda itself logs
SIGNS_OF_FAILURE = ("Traceback", "Task timed out", "Worker process died")

# Lambda calls this, and it calls the learner's index.py.
ENTRY = '''"""Calls index.py, which is the code that is checked."""

import time
from types import SimpleNamespace

import botocore.endpoint
from botocore.retries.adaptive import ClientRateLimiter

# boto3 waits up to half a minute between its retries. They stay as many, and become short.
botocore.endpoint.time = SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, 0.05)))
ClientRateLimiter.on_sending_request = lambda *_, **__: None


def lambda_handler(event, context):
    """Load the code here, so that what goes wrong while it is loaded is logged as well."""
    try:
        import index

        return index.lambda_handler(event, context)
    finally:
        time.sleep(0.1)  # the emulated Lambda drops lines that it has not read when we answer
'''

# What to look at when the text of an error contains this, …
ADVICE = {
    "AccessDenied": "The function's role allows CompareFaces, reading the pictures, GetItem and "
    "UpdateItem on TABLE_NAME and Publish to TOPIC_ARN, and no more: take the names from the "
    "environment variables.",
    "ResourceNotFoundException": "Take the table's name from TABLE_NAME.",
}
# … or this, where the case itself has no better advice.
LAST_ADVICE = {
    "'Item'": "get_item found no item: its key is {'media_key': …}, without images/ and .jpg.",
    "InvalidS3ObjectException": "Rekognition found no such picture: look at bucket and key.",
    "InvalidParameterException": "Rekognition says so when one of the pictures shows no face.",
}


class WrongError(Exception):
    """The function does not do what a case asks for; the text is the hint."""


class GaveUpError(Exception):
    """The case was not tried to its end; the text says why."""


# --- What a case sees -------------------------------------------------------------------------


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


@dataclass
class Seen:
    """What came of one or more invocations."""

    mails: list[dict[str, str]]
    logs: list[str]  # what each invocation printed
    failures: list[str]  # the message of each one that failed
    comparisons: list[dict[str, Any]]  # what Rekognition was asked about the photo

    @property
    def last_words(self) -> str:
        """The end of the log, to be quoted in a hint."""
        lines = [line.strip() for log in self.logs for line in log.splitlines() if line.strip()]
        return f"The log ends with: {shorten(lines[-1])}" if lines else "The log is empty."


def shorten(text: str, length: int = 160) -> str:
    """Cut off what is too long for a hint."""
    return text if len(text) <= length else f"{text[:length]}…"


def template() -> str:
    """The template, but the function has less time and our entry, and a failure is final.

    So each event is one invocation. What Lambda's retries would do, a case does itself.
    """
    stack = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    stack["Resources"][FUNCTION]["Properties"] |= {
        "Timeout": FUNCTION_SECONDS,
        "Handler": "check_entry.lambda_handler",
    }
    stack["Resources"]["RekognitionLambdaRetries"]["Properties"]["MaximumRetryAttempts"] = 0
    return json.dumps(stack)


def make_pictures() -> dict[str, bytes]:
    """The sample pictures, and a group: a large face of another person, two small matching ones."""
    pictures = {path.stem: path.read_bytes() for path in samples.ensure().values()}
    group = Image.new("RGB", (1400, 1200), "white")
    for name, width, left in (("biden", 740, 0), ("obama2", 320, 750), ("obama", 320, 1080)):
        with Image.open(io.BytesIO(pictures[name])) as image:
            height = width * image.height // image.width
            group.paste(image.convert("RGB").resize((width, height)), (left, 0))
    jpeg = io.BytesIO()
    group.save(jpeg, "JPEG", quality=92)
    return pictures | {"group": jpeg.getvalue()}


class Patience:
    """Says when it is enough; shared by all cases of a check."""

    def __init__(self, seconds: float = CHECK_SECONDS) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.timeouts = itertools.count(1)
        self.reason = ""

    def timed_out(self) -> None:
        """Note that the function ran into its time limit."""
        if next(self.timeouts) == TIMEOUTS:
            self.reason = "the function ran into its time limit too often"

    def ask(self) -> None:
        """Raise GaveUpError when it is enough."""
        if not self.reason and time.monotonic() > self.deadline:
            self.reason = f"the check ends after {self.seconds:.0f} s"
        if self.reason:
            raise GaveUpError(f"Not tried, because {self.reason}: mend the others first.")


class Bench:
    """A stack in which one case after the other is tried.

    Args:
        system: the offline system, ready.
        pictures: from `make_pictures`.
    """

    def __init__(self, system: OfflineSystem, pictures: dict[str, bytes]) -> None:
        self.pictures = pictures
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
        self.rekognition = boto3.client(
            "rekognition",
            endpoint_url=system.rekognition_url,
            region_name=system.aws.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        configuration = self.clients["lambda"].get_function_configuration(
            FunctionName=self.function
        )
        self.variables: dict[str, str] = configuration["Environment"]["Variables"]
        self.since = 0  # when the case began, in milliseconds
        self.known: set[str] = set()  # log streams of the invocations before
        self.mails_known = 0

    def deploy(self, code: bytes, patience: Patience) -> None:
        """Put the code into the function."""
        self.patience = patience
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", code)
            file.writestr("check_entry.py", ENTRY)
        self.clients["lambda"].update_function_code(
            FunctionName=self.function, ZipFile=archive.getvalue()
        )

    def prepare(self, **settings: str) -> None:
        """Start a case: an empty bucket, new processes of the function, and obama as reference.

        Args:
            settings: environment variables that differ from the stack's.
        """
        self.patience.ask()
        self.since = int(time.time() * 1000)
        # New settings, even equal ones, make Lambda start the function's processes anew.
        self.clients["lambda"].update_function_configuration(
            FunctionName=self.function, Environment={"Variables": self.variables | settings}
        )
        s3 = self.clients["s3"]
        for found in s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            s3.delete_object(Bucket=self.bucket, Key=found["Key"])
        self.put_reference("obama")

    def put_reference(self, picture: str, name: str = REFERENCE) -> None:
        """Upload a reference photo."""
        self.clients["s3"].put_object(Bucket=self.bucket, Key=name, Body=self.pictures[picture])

    def remove_reference(self) -> None:
        """Delete the reference photo."""
        self.clients["s3"].delete_object(Bucket=self.bucket, Key=REFERENCE)

    def store(self, photo: Photo) -> None:
        """Store a photo and its post as TwitterLambdaFunction does: S3 starts the function."""
        item = {name: {"S": value} for name, value in photo.post.items()}
        self.clients["dynamodb"].put_item(TableName=self.table, Item=item)
        self.clients["s3"].put_object(Bucket=self.bucket, Key=photo.key, Body=photo.data)

    def send(self, photo: Photo) -> Seen:
        """Store a photo, and wait until the function is done with it."""
        self.store(photo)
        return self.wait(photo)

    def repeat_event(self, photo: Photo) -> None:
        """Send the photo's event once more, as S3 sometimes and Lambda after a failure does."""
        key = {"key": quote_plus(photo.key, safe="/")}
        record = {"s3": {"bucket": {"name": self.bucket}, "object": key}}
        payload = json.dumps({"Records": [record]})
        self.clients["lambda"].invoke(
            FunctionName=self.function, InvocationType="Event", Payload=payload
        )

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
        for _ in filter(timed_out, failures):
            self.patience.timed_out()
        mails = [mail for mail in self.aws.outbox() if mail["to"] == self.email]
        new, self.mails_known = mails[self.mails_known :], len(mails)
        return Seen(
            [mail for mail in new if "token" not in mail],
            list(logs.values()),
            failures,
            [note for note in self.ask("comparisons") if photo.mark in json.dumps(note)],
        )

    def ended(self) -> dict[str, str]:
        """The logs of the invocations that ended since the last wait, by log stream."""
        lines: dict[str, list[str]] = {}
        pages = self.clients["logs"].get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=self.log_group, startTime=self.since):
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
        )
        return max(float(match["Similarity"]) for match in answer["FaceMatches"])

    def ask(self, page: str) -> Any:
        """What the emulated Rekognition tells about itself."""
        return requests.get(f"{self.rekognition_url}/_workshop/{page}", timeout=10).json()

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


# --- How to judge it --------------------------------------------------------------------------


def timed_out(failure: str) -> bool:
    """Whether an invocation failed because its time was up."""
    return failure.startswith("Task timed out")


def advice(error: str, why: str) -> str:
    """What to do about an error; `why` is what the case says."""
    always = next((text for part, text in ADVICE.items() if part in error), "")
    at_last = next((text for part, text in LAST_ADVICE.items() if part in error), "")
    return always or why or at_last


def crash(seen: Seen, why: str = "") -> str:
    """Say where and why the function failed, and what to do."""
    if any(map(timed_out, seen.failures)):
        return (
            f"The function did not end within {FUNCTION_SECONDS} s: look for a loop without end, "
            "or a long sleep."
        )
    trace = next((log for log in reversed(seen.logs) if "Traceback" in log), "")
    places = re.findall(r'File "[^"]*\bindex\.py", line (\d+)[^\n]*\n\s*([^\n]*)', trace)
    place = f" in line {places[-1][0]}, “{shorten(places[-1][1], 80)}”" if places else ""
    reason = trace.rstrip().rpartition("\n")[2] or seen.failures[-1]
    reason = re.sub(r"^[\w.]+: (?=An error occurred)", "", reason)  # boto3 names the error twice
    return f"The function failed{place}: {shorten(reason)} {advice(reason, why)}"


def must_not_fail(seen: Seen, why: str = "") -> None:
    """Demand that the function ended well.

    Raises:
        WrongError: it did not; `why` says why it should have.
    """
    if seen.failures:
        raise WrongError(crash(seen, why))


def no_mail(seen: Seen, why: str) -> None:
    """Demand that no e-mail was sent.

    Raises:
        WrongError: it was; `why` says why it should not have been.
    """
    if seen.mails:
        raise WrongError(f"An e-mail was sent: {why}")


def one_mail(seen: Seen, why: str = "") -> str:
    """Demand exactly one e-mail; return its subject and body.

    Raises:
        WrongError: none or several; `why` says what to look at when there is none.
    """
    if len(seen.mails) > 1:
        raise WrongError(
            f"{len(seen.mails)} e-mails were sent for one photo: publish once for each photo, not "
            "for each face."
        )
    must_not_fail(seen, why)
    if not seen.mails:
        raise WrongError(f"No e-mail was sent: {missing_mail(seen, why)} {seen.last_words}")
    return "{subject}\n\n{body}".format(**seen.mails[0])


def missing_mail(seen: Seen, why: str) -> str:
    """Say why there was none."""
    if not seen.comparisons:
        return "Rekognition was not asked about this photo. Call compare_faces with it."
    asked = seen.comparisons[-1]
    if "images/" in asked["source"]:
        return "the pictures are swapped. SourceImage is the reference, TargetImage the photo."
    if "error" in asked:
        return f"Rekognition answered {asked['error']}. {advice(asked['error'], why)}"
    return (
        f"Rekognition found a similarity of {asked.get('similarity', 0):.1f} %. When FaceMatches "
        "is not empty, call publish with TOPIC_ARN."
    )


def tells_similarity(mail: str, expected: float) -> None:
    """Demand that the e-mail says how similar the best face is, however it is rounded.

    Raises:
        WrongError: it does not.
    """
    numbers = re.findall(r"(?<![\d.,])\d+(?:[.,]\d+)?", mail)
    # A number that starts with 0. is a share of 1.
    found = [float(n.replace(",", ".")) * (100 if n[:2] in ("0.", "0,") else 1) for n in numbers]
    if not any(abs(number - expected) < 1 for number in found):
        raise WrongError(
            f"The e-mail does not say the best similarity, {expected:.1f} %: it is the highest "
            "Similarity in FaceMatches."
        )


def says_so(bad: Seen, good: Seen) -> bool:
    """Whether the log says something about the reference that it does not say when all is well."""

    def about_reference(seen: Seen) -> set[str]:
        lines = "\n".join(seen.logs).splitlines()
        # Numbers, keys and request IDs differ from photo to photo.
        return {re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "#", n) for n in lines if REFERENCE in n}

    return bool(about_reference(bad) - about_reference(good))


# --- The cases --------------------------------------------------------------------------------


@dataclass
class Case:
    """What is tried, and the function that tries it or raises WrongError.

    Attributes:
        alone: it changes Rekognition for everybody, so nothing else may run meanwhile.
    """

    name: str
    title: str
    run: Callable[[Bench], None]
    alone: bool = False


CASES: list[Case] = []


def case(
    title: str, alone: bool = False
) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Make a function a case."""

    def register(function: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CASES.append(Case(function.__name__, title, function, alone))
        return function

    return register


@case("The person is on the photo: one e-mail says how similar and where")
def match(bench: Bench) -> None:
    """The simplest photo."""
    photo = Photo(bench.pictures["obama2"])
    mail = one_mail(bench.send(photo))
    tells_similarity(mail, bench.similarity("obama", "obama2"))
    if photo.media_key not in mail:
        raise WrongError("The e-mail does not say where the photo is: put the key into it.")


@case("The e-mail says who posted it, when, the text and the link")
def metadata(bench: Bench) -> None:
    """What only the item in DynamoDB knows."""
    photo = Photo(bench.pictures["obama2"], text="Grüße 👋 from the beach")
    post = photo.post
    mail = one_mail(bench.send(photo))
    date = all(part in mail for part in ("2026", "22", "10:07"))  # however it is written
    present = {
        "who posted it (username)": post["username"] in mail,
        "when (created_at)": post["created_at"] in mail or date,
        "the text (text)": photo.text in mail,
        "the link https://x.com/<username>/status/<post_id>": f"/status/{post['post_id']}" in mail,
    }
    missing = [name for name, found in present.items() if not found]
    if missing:
        raise WrongError(
            f"The e-mail lacks {', '.join(missing)}. Get the post from DynamoDB with the media_key "
            "that is in the photo's key, and put it into the message."
        )


@case("A long text of several lines: the subject stays short")
def subject(bench: Bench) -> None:
    """SNS refuses such a subject on AWS, and the e-mail is lost."""
    photo = Photo(
        bench.pictures["obama2"], text="What a day\nwe had! " + "Sun, sand and sea. " * 12
    )
    seen = bench.send(photo)
    one_mail(seen)
    line = seen.mails[0]["subject"]
    if len(line) >= 100 or "\n" in line:
        raise WrongError(
            f"SNS would refuse the subject, which has {len(line)} characters: it takes one line of "
            "less than 100. Put the post's text into the message."
        )


@case("Three faces, two of them match: one e-mail with the best similarity")
def several_faces(bench: Bench) -> None:
    """The largest face is another person's."""
    bench.put_reference("obama3")
    mail = one_mail(bench.send(Photo(bench.pictures["group"])))
    tells_similarity(mail, bench.similarity("obama3", "group"))


@case("Another person: no e-mail")
def other_person(bench: Bench) -> None:
    """A face, and no match."""
    seen = bench.send(Photo(bench.pictures["biden"]))
    no_mail(seen, "only FaceMatches are faces of the person; UnmatchedFaces are not.")
    must_not_fail(seen, "Another person is normal: FaceMatches is empty then.")


@case("No face on the photo: no e-mail and no error")
def no_face(bench: Bench) -> None:
    """Most photos are like that."""
    seen = bench.send(Photo(bench.pictures["landscape"]))
    no_mail(seen, "there is nobody on this photo.")
    must_not_fail(seen, "Such photos are normal: catch this error, else Lambda tries in vain.")


@case("No face on the reference: no error, the log says so")
def no_face_on_reference(bench: Bench) -> None:
    """Rekognition's error is the same as for a photo without a face."""
    bench.put_reference("landscape")
    bad = bench.send(Photo(bench.pictures["obama2"]))
    bench.prepare()
    good = bench.send(Photo(bench.pictures["landscape"]))
    no_mail(bad, "without a face to look for, nothing can match.")
    must_not_fail(bad, "A later try does not help: log it instead.")
    if not says_so(bad, good):
        raise WrongError(
            f"The log does not say that {REFERENCE} shows no face. Rekognition's error is the same "
            "as for a photo without one; compare the reference with itself to tell them apart."
        )


@case("No reference yet: no error, the log says what to upload")
def no_reference(bench: Bench) -> None:
    """And once it is there, it is used."""
    bench.remove_reference()
    bad = bench.send(Photo(bench.pictures["obama2"]))
    bench.put_reference("obama")
    good = bench.send(Photo(bench.pictures["obama2"]))
    no_mail(bad, "without a reference nothing can match.")
    must_not_fail(bad, "Until the reference is there, every photo would be tried three times.")
    if not says_so(bad, good):
        raise WrongError(
            f"The log does not say that {REFERENCE} is missing. Rekognition raises "
            "InvalidS3ObjectException then: print the name that REFERENCE_PHOTO holds."
        )
    try:
        one_mail(good)
    except WrongError as error:
        raise WrongError(f"After the reference was uploaded: {error}") from None


@case("A key with spaces and accents")
def special_key(bench: Bench) -> None:
    """S3 form-encodes the keys of its events."""
    seen = bench.send(Photo(bench.pictures["obama2"], name="Zoë & me+you "))
    one_mail(seen, "The keys in events are form-encoded: decode them with unquote_plus.")


@case("The same event again, and twice at the same time: one e-mail")
def same_event(bench: Bench) -> None:
    """Events come at least once."""
    photo = Photo(bench.pictures["obama2"])
    one_mail(bench.send(photo))
    bench.repeat_event(photo)
    again = bench.wait(photo)
    no_mail(
        again,
        "the same event came again, as it does at times. Keep in the photo's item that it was "
        "compared (update_item), and look there first.",
    )
    must_not_fail(again, "The same event came again, as it does at times.")
    photo = Photo(bench.pictures["obama2"])
    bench.store(photo)
    bench.repeat_event(photo)
    at_once = bench.wait(photo, 2)
    if len(at_once.mails) > 1:
        raise WrongError(
            "Two e-mails were sent when the same event came twice at the same time: both looked "
            "before either wrote. Give update_item a ConditionExpression; the second one fails."
        )
    one_mail(at_once)


@case("Rekognition throttles: the e-mail comes all the same, once", alone=True)
def throttling(bench: Bench) -> None:
    """For two calls, then for longer; Lambda tries again what failed."""
    for times in (2, MANY):
        photo = Photo(bench.pictures["obama2"])
        with bench.throttled(times):
            seen = bench.send(photo)
        if not seen.mails and not seen.failures:
            raise WrongError(
                "Rekognition was too busy, and the photo was given up for ever: let errors that "
                f"pass, such as ThrottlingException, out of lambda_handler. {seen.last_words}"
            )
        if not seen.mails:
            bench.repeat_event(photo)
            try:
                one_mail(bench.wait(photo))
            except WrongError as error:
                raise WrongError(
                    f"Rekognition was too busy. When Lambda tried again: {error}"
                ) from None
        elif len(seen.mails) > 1 or seen.failures:
            one_mail(seen)


@case("The stack's settings count: the reference's name and the threshold")
def settings(bench: Bench) -> None:
    """Parameters of the stack reach the function as environment variables."""
    name = "idol.jpg"
    bench.prepare(REFERENCE_PHOTO=name, SIMILARITY_THRESHOLD="99")
    bench.remove_reference()
    bench.put_reference("obama3", name)
    seen = bench.send(Photo(bench.pictures["obama"]))
    one_mail(seen, f"Here the reference is called {name}: its name is in REFERENCE_PHOTO.")
    no_mail(
        bench.send(Photo(bench.pictures["obama2"])),
        f"the similarity is {bench.similarity('obama3', 'obama2'):.1f} %, and the threshold is 99 "
        "here. Give SIMILARITY_THRESHOLD to compare_faces.",
    )


# --- The check --------------------------------------------------------------------------------


@dataclass
class Result:
    """What came of a case; `hint` is empty when it passed."""

    case: str
    title: str
    hint: str = ""
    tried: bool = True


def load_problem(code: bytes) -> str:
    """Say why Lambda cannot load the code; empty if it can."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(code)
            compile(tree, "index.py", "exec")
    except SyntaxError as error:
        return f"It is not Python: line {error.lineno or 1}: {error.msg}."
    except (ValueError, RecursionError, MemoryError) as error:
        return f"It is not Python: {error}."
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module)]
        for name in names:
            package = name.partition(".")[0]
            if package not in sys.stdlib_module_names | PROVIDED:
                return (
                    f"Line {node.lineno} imports {package}, which Lambda does not have: it has "
                    "boto3 and what comes with Python."
                )
    defined = {
        getattr(node, "name", "") or getattr(node, "id", "") or getattr(node, "asname", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Name | ast.alias)
    }
    if "lambda_handler" not in defined:
        return "It has no lambda_handler(event, context), which is the function that Lambda calls."
    return ""


def try_case(bench: Bench, one: Case) -> Result:
    """Try one case."""
    try:
        bench.prepare()
        one.run(bench)
    except WrongError as error:
        return Result(one.name, one.title, " ".join(str(error).split()))
    except GaveUpError as error:
        return Result(one.name, one.title, str(error), tried=False)
    return Result(one.name, one.title)


def check_code(
    benches: list[Bench],
    code: bytes,
    report: Callable[[int], None] = lambda done: None,
    cases: Sequence[Case] = CASES,
) -> list[Result]:
    """Try a function on all cases, as many at once as there are benches.

    Args:
        benches: where; they can be used again afterwards.
        code: of the function.
        report: is called with the number of cases that are done.
        cases: which ones.

    Raises:
        OfflineError: the emulated AWS failed, not the function.
    """
    patience = Patience()
    free: queue.SimpleQueue[Bench] = queue.SimpleQueue()
    for bench in benches:
        bench.deploy(code, patience)
        free.put(bench)
    results: dict[str, Result] = {}
    lock = threading.Lock()

    def work(one: Case) -> None:
        bench = free.get()
        try:
            result = try_case(bench, one)
        finally:
            free.put(bench)
        with lock:
            results[one.name] = result
            report(len(results))

    try:
        with ThreadPoolExecutor(len(benches)) as pool:
            try:
                list(pool.map(work, [one for one in cases if not one.alone]))
            except BaseException:
                patience.reason = "the check was stopped"  # so that the other thread ends, too
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for one in cases:
            if one.alone:
                work(one)
    except (BotoCoreError, ClientError, requests.RequestException) as error:
        raise OfflineError(f"The check broke off, because offline AWS failed: {error}") from error
    return [results[one.name] for one in cases]


def deployed_code(workshop: running.Running) -> tuple[bytes, str]:
    """The code of the running workshop's function, and what to call it.

    Raises:
        OfflineError: it is not there.
    """
    client = functools.partial(
        boto3.client,
        endpoint_url=workshop.aws_url,
        region_name=workshop.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}),
    )
    cloudformation = client("cloudformation")
    try:
        stacks = cloudformation.describe_stacks()["Stacks"]
        for stack in sorted(stacks, key=lambda stack: stack["CreationTime"], reverse=True):
            with contextlib.suppress(ClientError):  # another stack, or one without the function
                resource = cloudformation.describe_stack_resource(
                    StackName=stack["StackName"], LogicalResourceId=FUNCTION
                )
                name = resource["StackResourceDetail"]["PhysicalResourceId"]
                function = client("lambda").get_function(FunctionName=name)
                archive = requests.get(function["Code"]["Location"], timeout=10).content
                module = function["Configuration"]["Handler"].rpartition(".")[0]
                with zipfile.ZipFile(io.BytesIO(archive)) as file:
                    return file.read(
                        f"{module}.py"
                    ), f"{FUNCTION} of the stack {stack['StackName']}"
    except (BotoCoreError, ClientError, requests.RequestException):
        raise OfflineError(
            "The offline workshop does not answer: start it with “workshop.py start”, or name a "
            "file: “workshop.py check FILE”."
        ) from None
    except (KeyError, zipfile.BadZipFile) as error:
        raise OfflineError(f"The deployed code of {FUNCTION} cannot be read: {error}") from error
    raise OfflineError(
        f"The running workshop has no {FUNCTION} yet: launch the stack (step 3), or name a file: "
        "“workshop.py check FILE”."
    )


def show(console: Console, source: str, results: list[Result], seconds: float) -> None:
    """Print what passed and what did not."""
    table = Table(title=Text(f"Check of {source}"), title_justify="left", show_lines=True)
    table.add_column("Case", ratio=2)
    table.add_column("", no_wrap=True)
    table.add_column("Hint", ratio=3)
    for result in results:
        verdict = Text("✗ failed", "red") if result.hint else Text("✓ passed", "green")
        if not result.tried:
            verdict = Text("– not tried", "yellow")
        table.add_row(Text(result.title), verdict, Text(result.hint))
    console.print(table)
    passed = sum(not result.hint for result in results)
    console.print(f"{passed} of {len(results)} cases passed ({seconds:.0f} s).", highlight=False)


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
def check(file: str | None) -> None:
    """Check whether the exercise is solved, by FILE or by the function that is deployed.

    The function is tried on an offline AWS of its own; nothing of a running workshop is touched.
    """
    started = time.monotonic()
    console = Console()
    if file:
        if not Path(file).is_file():
            raise click.UsageError(f"{file} is not a file: name one with the function's code.")
        code, source = Path(file).read_bytes(), file
    else:
        workshop = running.load()
        if not workshop:
            raise click.UsageError(
                "No offline workshop is running: start it with “workshop.py start”, or name a "
                "file: “workshop.py check FILE”."
            )
        try:
            code, source = deployed_code(workshop)
        except OfflineError as error:
            raise click.UsageError(str(error)) from error
    if problem := load_problem(code):
        results = [Result("load", "Lambda can load the code", problem)]
    else:
        try:
            results = check_offline(console, code)
        except OfflineError as error:
            console.print(Text(str(error), "red"), soft_wrap=True)
            sys.exit(1)
        except KeyboardInterrupt:
            console.print("Stopped. Nothing is left running.")
            sys.exit(130)
    show(console, source, results, time.monotonic() - started)
    sys.exit(any(result.hint for result in results))


def check_offline(console: Console, code: bytes) -> list[Result]:
    """Try a function in an offline system of its own, and show the progress."""
    with console.status("offline AWS and Rekognition are started") as status, OfflineSystem() as s:
        pictures = make_pictures()
        s.wait_until_ready()
        benches = [Bench(s, pictures) for _ in range(LANES)]

        def report(done: int) -> None:
            status.update(f"{done} of {len(CASES)} cases are done")

        report(0)
        return check_code(benches, code, report)


if __name__ == "__main__":
    check()
