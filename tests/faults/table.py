"""The faults, one function each: it breaks something, posts, and says what is to become of it."""

from __future__ import annotations

import io
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

from PIL import Image

from faults.harness import MATCH, NO_FACE, OTHER, Harness
from faults.ledger import MAILED, QUEUED, TWICE, Photo
from support import end_of

Fault = Callable[[Harness, int], None]  # the number: how many photos, or about so many

FAULTS: dict[str, Fault] = {}
LONG: set[str] = set()  # too long for the normal test run


def fault(name: str, long: bool = False) -> Callable[[Fault], Fault]:
    """Put a function into the table."""

    def register(function: Fault) -> Fault:
        FAULTS[name] = function
        if long:
            LONG.add(name)
        return function

    return register


@fault("none")
def _(harness: Harness, number: int) -> None:
    harness.post_many(3 * number)


# --- The stream -------------------------------------------------------------------------------


@fault("stream: cut in the middle of a line")
def _(harness: Harness, number: int) -> None:
    harness.x_fault(kind="cut")
    harness.post_many(number + 1)


@fault("stream: disconnected again and again")
def _(harness: Harness, number: int) -> None:
    for _ in range(3):
        harness.x_fault(kind="disconnect")
        harness.post_many(number)
        harness.wait_until_settled()


@fault("stream: keep-alives only, then posts")
def _(harness: Harness, number: int) -> None:
    for _ in range(20):
        harness.x_fault(kind="line", text="")
    harness.post_many(number)


@fault("stream: silent for 25 s", long=True)
def _(harness: Harness, number: int) -> None:
    harness.x_fault(kind="silence", seconds=25)
    harness.post_many(number)
    harness.wait_for_log("The connection to X broke")


def refuse(status: int) -> Fault:
    def function(harness: Harness, number: int) -> None:
        harness.x_fault(kind="status", status=status, times=1)
        harness.x_fault(kind="disconnect")
        harness.post_many(number)

    return function


fault("stream: 503 at the next connect", long=True)(refuse(503))
fault("stream: 429 at the next connect", long=True)(refuse(429))


@fault("stream: 409, the rule was deleted", long=True)
def _(harness: Harness, number: int) -> None:
    harness.delete_rules()
    harness.x_fault(kind="disconnect")
    harness.wait_for_log("Connected to X", harness.log.read_text().count("Connected to X") + 1)
    harness.post_many(number)


def stop_for_good(status: int) -> Fault:
    def function(harness: Harness, number: int) -> None:
        harness.post_many(number)
        harness.x_fault(kind="status", status=status, times=1)
        harness.x_fault(kind="disconnect")
        assert end_of(harness.streamer.process) == 1
        assert f"X answered {status}" in harness.log.read_text()
        harness.post_in_vain(number, f"no streamer ran: it had stopped at {status}, and said so")
        harness.system.children.remove(harness.streamer)
        harness.start_streamer()
        harness.post_many(number)

    return function


fault("stream: 402, then started again", long=True)(stop_for_good(402))
fault("stream: 401, then started again", long=True)(stop_for_good(401))


@fault("stream: operational-disconnect")
def _(harness: Harness, number: int) -> None:
    error = {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": "https://api.twitter.com/2/problems/operational-disconnect",
    }
    harness.x_fault(kind="line", text=json.dumps({"errors": [error]}))
    harness.x_fault(kind="disconnect")
    harness.post_many(number)


@fault("posts: no media, a video, four photos")
def _(harness: Harness, number: int) -> None:
    for _ in range(number):
        harness.system.x.post("no picture")
        harness.system.x.post("a video", video=True)
        harness.entry.skipped += 2
        harness.entry.posts += 3
        ids = [harness.upload(harness.pictures[name]) for name in (MATCH, OTHER, NO_FACE, MATCH)]
        for media_id, expected in zip(
            ids, (MAILED, "other person", "no face", MAILED), strict=True
        ):
            harness.expect(media_id, expected)
        harness.system.x.post("four", ids)


@fault("posts: edited, unknown fields, no tag")
def _(harness: Harness, number: int) -> None:
    for _ in range(number):
        media_id = harness.upload(harness.pictures[MATCH])
        message = harness.message(media_id, harness.address(media_id))
        harness.expect(media_id, MAILED)
        harness.post_line(message)
        edited = json.loads(json.dumps(message))
        edited["data"]["id"] += "0"
        edited["data"]["edit_history_tweet_ids"].append(edited["data"]["id"])
        edited["data"]["text"] = "edited"
        harness.post_line(edited)
        media_id = harness.upload(harness.pictures[MATCH])
        message = harness.message(media_id, harness.address(media_id))
        message["data"]["new_field"] = message["new_part"] = {"a": [None]}
        message["includes"]["polls"] = []
        del message["matching_rules"][0]["tag"]
        harness.expect(media_id, MAILED)
        harness.post_line(message)


GARBAGE = (
    "garbage",
    "{",
    "[]",
    "17",
    '"data"',
    "null",
    "\x00\ufffd",
    '{"data": null}',
    '{"data": {"id": 1, "attachments": 7}}',
    '{"errors": [{}]}',
    '{"errors": "no"}',
    "[" * 100_000,
    '{"data": "' + "x" * 1_000_000,
)


@fault("posts: garbage between them")
def _(harness: Harness, number: int) -> None:
    for line in GARBAGE:
        harness.x_fault(kind="line", text=line)
        harness.post_many(1)
    harness.post_many(number)


# --- Firehose and the streamer ----------------------------------------------------------------


def throttle_firehose(harness: Harness, seconds: float) -> None:
    """Let Firehose take nothing for a while."""
    code = "ServiceUnavailableException"
    harness.aws_fault("firehose", "PutRecordBatch", code=code, seconds=seconds)


@fault("firehose: throttled for seconds")
def _(harness: Harness, number: int) -> None:
    throttle_firehose(harness, 3)
    harness.post_many(3 * number)


@fault("firehose: 30 % of the records fail")
def _(harness: Harness, number: int) -> None:
    seconds = 60 if number > 2 else 3
    harness.aws_fault(
        "firehose",
        "PutRecordBatch",
        code="ServiceUnavailableException",
        share=0.3,
        seconds=seconds,
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        harness.post_many(number)
        time.sleep(1)


@fault("firehose: written, but the answer is lost")
def _(harness: Harness, number: int) -> None:
    late = 11 if number > 2 else 0  # seconds; after 10 the streamer waits no longer
    harness.aws_fault("firehose", "PutRecordBatch", status=500, after=True, times=2, delay=late)
    harness.post_many(number)


@fault("streamer: SIGTERM with a full buffer", long=True)
def _(harness: Harness, number: int) -> None:
    throttle_firehose(harness, 4)
    harness.post_many(5 * number)
    time.sleep(2)  # what it has not read from X yet, it does not hold
    assert harness.stop_streamer() == 0, harness.log.read_text()
    assert "failed 0" in harness.log.read_text()
    harness.start_streamer()


@fault("streamer: SIGKILL with a full buffer")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    harness.wait_until_settled()
    throttle_firehose(harness, 60)
    harness.post_in_vain(2 * number, "the streamer was killed before it had sent them")
    time.sleep(0.5)
    harness.kill_streamer()
    harness.repair()
    harness.start_streamer()
    harness.post_many(number)


# --- Photos -----------------------------------------------------------------------------------


def encode(picture: bytes, kind: str, **options: Any) -> bytes:
    """The picture in another format."""
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def broken_host(harness: Harness, media_id: str, fault_: dict[str, Any]) -> None:
    """Let the photo host do something to one photo."""
    name = harness.address(media_id).rpartition("/")[2]
    harness.x_fault(kind="photo", name=name, **({"times": 1000} | fault_))


NEVER = "rejected: the photo host answered "


@fault("photos: what the host answers")
def _(harness: Harness, number: int) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"status": 404}, f"{NEVER}404"),
        ({"status": 410}, f"{NEVER}410"),
        ({"status": 503, "times": 2}, MAILED),
        ({"status": 429, "times": 1}, MAILED),
        ({"status": 302, "location": "http://127.0.0.1:1/"}, f"{NEVER}302"),
        ({"body": "endless"}, "rejected: too large"),
        ({"body": "page"}, "rejected: unreadable"),
        ({"body": "truncated", "times": 1}, MAILED),
    ]
    for _ in range(number):
        for wish, expected in cases:
            media_id = harness.upload(harness.pictures[MATCH])
            broken_host(harness, media_id, wish)
            harness.expect(media_id, expected)
            harness.entry.posts += 1
            harness.system.x.post("Look who is here", [media_id])


@fault("photos: the host fails too long, then redrive")
def _(harness: Harness, number: int) -> None:
    wishes: list[dict[str, Any]] = [{"status": 503}, {"body": "truncated"}]
    if number > 2:
        wishes += [{"delay": 30}, {"body": "slow"}]
    photos = []
    for _ in range(number):
        for wish in wishes:
            media_id = harness.upload(harness.pictures[MATCH])
            broken_host(harness, media_id, wish)
            photos.append(harness.expect(media_id, QUEUED))
            harness.entry.posts += 1
            harness.system.x.post("Look who is here", [media_id])
    harness.wait_until_settled()
    redrive(harness, photos)


def redrive(harness: Harness, photos: list[Photo]) -> None:
    """Fix the cause and redrive; now they are expected to be mailed."""
    waiting = sum(photo.state == QUEUED for photo in photos)
    harness.entry.notes.append(f"{waiting} of {len(photos)} photos were in the queue before")
    harness.repair()
    harness.redrive()
    for photo in photos:
        photo.expected = MAILED


def pixel() -> bytes:
    """A picture of one pixel."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "JPEG")
    return file.getvalue()


@fault("photos: formats, sizes and damage")
def _(harness: Harness, number: int) -> None:
    photo = harness.pictures[MATCH]
    for _ in range(number):
        harness.post(encode(photo, "WEBP"), MAILED)
        harness.post(encode(photo, "GIF"), MAILED)
        harness.post(encode(photo, "PNG"), MAILED)
        harness.post(pixel(), "no face")
        harness.post(photo + bytes(20 << 20), "rejected: too large")
        harness.post(photo[: len(photo) // 3], "unreadable")
        harness.post(b"", "rejected: unreadable")
        harness.post(b"this is no photo", "rejected: unreadable")


@fault("photos: odd names", long=True)
def _(harness: Harness, number: int) -> None:
    bad = "rejected: its address is not that of a photo"
    names = [
        ("a b.jpg", MAILED),
        ("fünf é 写真.jpg", MAILED),
        ("x" * 1000 + ".jpg", MAILED),
        ("a%20b+c&d;e.jpg", MAILED),
        ("../secret.jpg", bad),
        ("..%2fsecret.jpg", bad),
        ("", bad),
    ]
    for _ in range(number):
        for name, expected in names:
            media_id = harness.upload(harness.pictures[MATCH])
            prefix, _, real = harness.address(media_id).rpartition("/")
            harness.x_fault(kind="photo", name=name.replace("%20", " "), serve=real, times=1000)
            harness.expect(media_id, expected)
            harness.post_line(harness.message(media_id, f"{prefix}/{name}"))


# --- AWS --------------------------------------------------------------------------------------


@fault("s3: every event twice, in reverse order")
def _(harness: Harness, number: int) -> None:
    harness.aws_fault("events", delay=1.5)
    for _ in range(3):
        harness.post_many(number)
        time.sleep(0.7)


@fault("s3: a poison line among good ones")
def _(harness: Harness, number: int) -> None:
    url = harness.address(harness.upload(harness.pictures[OTHER]))
    lines = []
    for _ in range(500 if number > 2 else 10):
        media_id = str(uuid.uuid4().int)
        harness.expect(media_id, "other person")
        lines.append(json.dumps({"media_key": f"3_{media_id}", "url": url, "post_id": "1"}))
    harness.entry.posts += len(lines)
    lines.insert(len(lines) // 2, '{"media_key": "3_1", "url": "poison, "text": ')
    bucket = harness.stack.resource("TwitterBucket")
    key = f"firehose/{uuid.uuid4()}"
    harness.s3.put_object(Bucket=bucket, Key=key, Body="\n".join(lines).encode())


def throttled(service: str, code: str, **more: Any) -> Fault:
    def function(harness: Harness, number: int) -> None:
        harness.aws_fault(service, code=code, **({"status": 400, "seconds": 3} | more))
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
        harness.aws_fault(service, action, **error, delay=late)
    for _ in range(number):
        harness.post(MATCH)
        harness.post(OTHER)


@fault("sns: mailed, but the answer is lost")
def _(harness: Harness, number: int) -> None:
    why = "SNS does not say whether it has taken a mail, so it is asked again"
    for _ in range(number):
        harness.aws_fault("sns", "Publish", status=500, after=True, times=1)
        harness.post(MATCH, TWICE, why)
        harness.wait_until_settled()


@fault("rekognition: so many calls a second")
def _(harness: Harness, number: int) -> None:
    # The service's quota is 25 or 100; a laptop does not get there, so it is less here.
    code = "ProvisionedThroughputExceededException"
    harness.rekognition_fault(code, times=10_000, per_second=2)
    harness.post_many(3 * number)


@fault("rekognition: 5xx")
def _(harness: Harness, number: int) -> None:
    harness.rekognition_fault("InternalServerError", times=4)
    harness.post_many(3 * number)


@fault("rekognition: down too long, then redrive", long=True)
def _(harness: Harness, number: int) -> None:
    harness.rekognition_fault("ServiceUnavailableException", times=10_000)
    harness.set_timeout("RekognitionLambdaFunction", 2)
    photos = [harness.post(MATCH, QUEUED) for _ in range(number)]
    harness.wait_until_settled()
    harness.set_timeout("RekognitionLambdaFunction", 120)
    redrive(harness, photos)


@fault("lambda: both functions time out", long=True)
def _(harness: Harness, number: int) -> None:
    for function in ("TwitterLambdaFunction", "RekognitionLambdaFunction"):
        harness.set_timeout(function, 2)
    harness.x_fault(kind="photo", name="*", delay=4, times=1)
    harness.post_many(number)
    harness.wait_until_settled()
    # The mail is asked for, but the function does not live to see the answer.
    harness.aws_fault("sns", "Publish", delay=4, times=1)
    harness.post_many(number)
    harness.wait_until_settled()
    for function in ("TwitterLambdaFunction", "RekognitionLambdaFunction"):
        harness.set_timeout(function, 120)


def go_on_with_the_reference(harness: Harness, number: int) -> None:
    """Upload the usual reference photo, and post."""
    harness.wait_until_settled()
    harness.upload_reference(harness.pictures["obama.jpg"])
    harness.post_many(number)


def fix_reference_later(harness: Harness, number: int) -> None:
    """Post without a usable reference, then with one."""
    harness.post_many(number, "rejected: not compared")
    go_on_with_the_reference(harness, number)


@fault("reference: deleted while running")
def _(harness: Harness, number: int) -> None:
    bucket = harness.stack.resource("RekognitionBucket")
    harness.s3.delete_object(Bucket=bucket, Key="celebrity.jpg")
    fix_reference_later(harness, number)


@fault("reference: replaced while running")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    harness.wait_until_settled()
    harness.upload_reference(harness.pictures[OTHER])
    for _ in range(number):
        harness.post(OTHER, MAILED)
        harness.post(MATCH, "other person")
    go_on_with_the_reference(harness, number)


@fault("reference: without a face")
def _(harness: Harness, number: int) -> None:
    harness.upload_reference(harness.pictures[NO_FACE])
    fix_reference_later(harness, number)


# --- kill -9 ----------------------------------------------------------------------------------


@fault("kill -9: the functions' processes")
def _(harness: Harness, number: int) -> None:
    harness.x_fault(kind="photo", name="*", delay=2, times=1)
    harness.post_many(number)
    time.sleep(1.5)  # the photo is being downloaded
    for pid in harness.children_of(harness.system.aws.process.process.pid):
        os.kill(pid, signal.SIGKILL)
    harness.post_many(number)


@fault("kill -9: a process that compares")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    child = next(c for c in harness.system.children if c.name == "offline Rekognition")
    for pid in harness.children_of(child.process.pid):
        os.kill(pid, signal.SIGKILL)
    harness.post_many(number)


def kill_emulator(harness: Harness, name: str) -> None:
    """kill -9 an emulator and all that it has started, and start it again in the same place."""
    system = harness.system
    child = next(c for c in system.children if c.name == name)
    os.killpg(child.process.pid, signal.SIGKILL)
    child.start()
    system.wait_until_ready()


@fault("kill -9: the face endpoint")
def _(harness: Harness, number: int) -> None:
    harness.post_many(number)
    kill_emulator(harness, "offline Rekognition")
    harness.post_many(number)


@fault("kill -9: X")
def _(harness: Harness, number: int) -> None:
    connected = harness.log.read_text().count("Connected to X")
    harness.post_many(number)
    kill_emulator(harness, "offline X")
    harness.post_many(number)
    harness.wait_for_log("Connected to X", connected + 1)
