"""S3, DynamoDB, SNS, Rekognition and Lambda fail or take too long; the reference photo changes."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from faults.harness import MATCH, NO_FACE, OTHER, Harness
from faults.ledger import MAILED, QUEUED, TWICE
from faults.table.photos import redrive
from faults.table.registry import Fault, Faults

fault = Faults()


@fault("s3: every event twice, in reverse order")
def _(harness: Harness, number: int) -> None:
    harness.faults.aws("events", delay=1.5)
    for _ in range(3):
        harness.post_many(number)
        time.sleep(0.7)


@fault("s3: a poison line among good ones")
def _(harness: Harness, number: int) -> None:
    url = harness.address(harness.system.x.upload(harness.photo(OTHER)))
    lines = []
    for _ in range(500 if number > 2 else 10):
        media_id = str(uuid.uuid4().int)
        harness.expect(media_id, "other person")
        lines.append(json.dumps({"media_key": f"3_{media_id}", "url": url, "post_id": "1"}))
    harness.entry.posts += len(lines)
    lines.insert(len(lines) // 2, '{"media_key": "3_1", "url": "poison, "text": ')
    bucket = harness.stack.resource("TwitterBucket")
    key = f"firehose/{uuid.uuid4()}"
    harness.client("s3").put_object(Bucket=bucket, Key=key, Body="\n".join(lines).encode())


def throttled(service: str, code: str, **more: Any) -> Fault:
    def function(harness: Harness, number: int) -> None:
        harness.faults.aws(service, code=code, **({"status": 400, "seconds": 3} | more))
        harness.post_many(3 * number)

    return function


fault("dynamodb: throttled")(throttled("dynamodb", "ThrottlingException"))
fault("sns: throttled")(throttled("sns", "Throttling"))
fault("s3: SlowDown", long=True)(throttled("s3", "SlowDown", status=503))
fault("sns: 500")(throttled("sns", "InternalError", status=500, times=3))


@fault("dynamodb, s3: done, but the answer is lost")
def _(harness: Harness, number: int) -> None:
    late = 11 if number > 2 else 0  # seconds; after 10 the solution waits no longer
    error = {"code": "InternalError", "status": 500, "after": True, "times": 2}
    for service, action in (
        ("dynamodb", "PutItem"),
        ("s3", "PutObject"),
        ("dynamodb", "GetItem"),
        ("dynamodb", "UpdateItem"),
    ):
        harness.faults.aws(service, action, **error, delay=late)
    for _ in range(number):
        harness.post(MATCH)
        harness.post(OTHER)


@fault("sns: mailed, but the answer is lost")
def _(harness: Harness, number: int) -> None:
    why = "SNS does not say whether it has taken a mail, so it is asked again"
    for _ in range(number):
        harness.faults.aws("sns", "Publish", status=500, after=True, times=1)
        harness.post(MATCH, TWICE, why)
        harness.wait_until_settled()


@fault("rekognition: so many calls a second")
def _(harness: Harness, number: int) -> None:
    # The service's quota is 25 or 100; a laptop does not get there, so it is less here.
    code = "ProvisionedThroughputExceededException"
    harness.faults.rekognition(code, times=10_000, per_second=2)
    harness.post_many(3 * number)


@fault("rekognition: 5xx")
def _(harness: Harness, number: int) -> None:
    harness.faults.rekognition("InternalServerError", times=4)
    harness.post_many(3 * number)


@fault("rekognition: down too long, then redrive", long=True)
def _(harness: Harness, number: int) -> None:
    harness.faults.rekognition("ServiceUnavailableException", times=10_000)
    harness.set_timeout("RekognitionLambdaFunction", 2)
    photos = [harness.post(MATCH, QUEUED) for _ in range(number)]
    harness.wait_until_settled()
    harness.set_timeout("RekognitionLambdaFunction", 120)
    redrive(harness, photos)


@fault("lambda: both functions time out", long=True)
def _(harness: Harness, number: int) -> None:
    for function in ("TwitterLambdaFunction", "RekognitionLambdaFunction"):
        harness.set_timeout(function, 2)
    harness.faults.x(kind="photo", name="*", delay=4, times=1)
    harness.post_many(number)
    harness.wait_until_settled()
    # The mail is asked for, but the function does not live to see the answer.
    harness.faults.aws("sns", "Publish", delay=4, times=1)
    harness.post_many(number)
    harness.wait_until_settled()
    for function in ("TwitterLambdaFunction", "RekognitionLambdaFunction"):
        harness.set_timeout(function, 120)


def go_on_with_the_reference(harness: Harness, number: int) -> None:
    """Upload the usual reference photo, and post."""
    harness.wait_until_settled()
    harness.upload_reference(harness.photo("obama.jpg"))
    harness.post_many(number)


def fix_reference_later(harness: Harness, number: int) -> None:
    """Post without a usable reference, then with one."""
    harness.post_many(number, "rejected: not compared")
    go_on_with_the_reference(harness, number)


@fault("reference: deleted while running")
def _(harness: Harness, number: int) -> None:
    bucket = harness.stack.resource("RekognitionBucket")
    harness.client("s3").delete_object(Bucket=bucket, Key="celebrity.jpg")
    fix_reference_later(harness, number)


@fault("reference: replaced while running")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    harness.wait_until_settled()
    harness.upload_reference(harness.photo(OTHER))
    for _ in range(number):
        harness.post(OTHER, MAILED)
        harness.post(MATCH, "other person")
    go_on_with_the_reference(harness, number)


@fault("reference: without a face")
def _(harness: Harness, number: int) -> None:
    harness.upload_reference(harness.photo(NO_FACE))
    fix_reference_later(harness, number)
