"""The journey of one photo, from the post on X to its outcome, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from kit.errors import WorkshopError
from kit.stack.stack import Stack
from kit.waiting import wait_until
from kit.x_client import XClient

# In the emulated AWS; on AWS both are as many times longer as it is slower.
STAGE_SECONDS = 60.0  # so long may a photo take from one stage to the next
POLL_SECONDS = 0.1


class JourneyError(WorkshopError):
    """A photo went wrong; the message names the stage.

    Attributes:
        log: the logical ID of the log group that says why, or "streamer".
    """

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


class Journey:
    """Follows a photo through the stack's resources.

    Args:
        stack: the stack that it travels through.
        post_id: the post that it belongs to.
        media_id: what X called the photo when it was uploaded.

    Attributes:
        report: is called with each stage that is reached and the seconds since the post.
        seconds: from the post to the last stage that was reached.
    """

    def __init__(self, stack: Stack, post_id: str, media_id: str) -> None:
        self.stack = stack
        self.post_id = post_id
        self.media_key = f"3_{media_id}"  # as X names the photos of posts
        self.key = f"images/{self.media_key}.jpg"
        self.report: Callable[[str, float], None] = lambda *_: None
        self.started = time.monotonic()
        self.seconds = 0.0
        self._s3 = stack.aws.client("s3")
        self._table = stack.aws.client("dynamodb")

    @classmethod
    def begin(
        cls, stack: Stack, x: XClient, photo: bytes, text: str = "Look who is here"
    ) -> Journey:
        """Post a photo on X.

        Raises:
            requests.HTTPError: X does not take it.
        """
        media_id = x.upload(photo)
        return cls(stack, x.post(text, [media_id]), media_id)

    def reach(self, stage: Stage) -> Any:
        """Wait until the photo is at a stage, report it, and return what was found there.

        Raises:
            JourneyError: it did not come within STAGE_SECONDS.
        """
        what = f"the photo at this stage: {stage.name}"
        try:
            seconds, pause = (n * self.stack.aws.slowness for n in (STAGE_SECONDS, POLL_SECONDS))
            found = wait_until(lambda: stage.find(self), seconds, what, pause)
        except WorkshopError as error:
            raise JourneyError(str(error), stage.log) from None
        self.seconds = time.monotonic() - self.started
        self.report(stage.name + stage.shown.format(found=found), self.seconds)
        return found

    def delivered(self) -> str:
        """The object in which Firehose delivered the photo's metadata."""
        bucket = self.stack.resource("TwitterBucket")
        objects = self._s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        for entry in sorted(objects, key=lambda entry: entry["LastModified"], reverse=True):
            body = self._s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            if self.media_key.encode() in body:
                return str(entry["Key"])
        return ""

    def processed(self) -> str:
        """What TwitterLambdaFunction says about the photo: stored, or rejected and why."""
        start = f"Photo {self.media_key} "
        for line in self.stack.log_lines("TwitterLambdaLogs"):
            # A photo that failed for now is tried again, so its story goes on.
            if line.startswith(start) and not line.startswith(f"{start}failed"):
                return line.removeprefix(start).strip()
        return ""

    def arrived(self) -> str:
        """The line in which RekognitionLambdaFunction, as the starter, logs the photo."""
        lines = self.stack.log_lines("RekognitionLambdaLogs")
        return next((line for line in lines if f"Photo {self.key} arrived" in line), "")

    def item(self) -> dict[str, Any]:
        """The photo's item in DynamoDB, once it has an outcome."""
        answer = self._table.get_item(
            TableName=self.stack.resource("PostsTable"),
            Key={"media_key": {"S": self.media_key}},
            ConsistentRead=True,
        )
        item = {
            name: value.get("S") or Decimal(value.get("N", 0))
            for name, value in answer.get("Item", {}).items()
        }
        return item if "outcome" in item else {}

    def mail(self) -> dict[str, str]:
        """The e-mail about the photo's post."""
        mails = [mail for mail in self.stack.aws.outbox() if self.post_id in mail["body"]]
        return mails[0] if mails else {}


class Stage(NamedTuple):
    """A stage of the journey.

    Attributes:
        name: as the report and errors call it.
        find: what of the photo is there; nothing, as long as it is not.
        log: the log that says why the photo does not come.
        shown: what the report says about the `found`.
    """

    name: str
    find: Callable[[Journey], Any]
    log: str
    shown: str = ": {found}"


DELIVERED = Stage("→ streamer → Firehose → S3", Journey.delivered, "streamer")
PROCESSED = Stage(
    "→ TwitterLambdaFunction → S3 and DynamoDB", Journey.processed, "TwitterLambdaLogs"
)
ARRIVED = Stage("→ RekognitionLambdaFunction", Journey.arrived, "RekognitionLambdaLogs")
COMPARED = Stage(
    "→ RekognitionLambdaFunction → Rekognition",
    Journey.item,
    "RekognitionLambdaLogs",
    ": {found[outcome]}",
)
MAILED = Stage("→ SNS → e-mail", Journey.mail, "RekognitionLambdaLogs", " to {found[to]}")
