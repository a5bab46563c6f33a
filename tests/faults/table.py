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

from faults.bench import MATCH, NO_FACE, OTHER, Bench
from faults.books import MAILED, QUEUED, TWICE, Photo

Fault = Callable[[Bench, int], None]  # the number: how many photos, or about so many

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
def _(bench: Bench, number: int) -> None:
    bench.post_many(3 * number)


# --- The stream -------------------------------------------------------------------------------


@fault("stream: cut in the middle of a line")
def _(bench: Bench, number: int) -> None:
    bench.x_fault(kind="cut")
    bench.post_many(number + 1)


@fault("stream: disconnected again and again")
def _(bench: Bench, number: int) -> None:
    for _ in range(3):
        bench.x_fault(kind="disconnect")
        bench.post_many(number)
        bench.settle()


@fault("stream: keep-alives only, then posts")
def _(bench: Bench, number: int) -> None:
    for _ in range(20):
        bench.x_fault(kind="line", text="")
    bench.post_many(number)


@fault("stream: silent for 25 s", long=True)
def _(bench: Bench, number: int) -> None:
    bench.x_fault(kind="silence", seconds=25)
    bench.post_many(number)
    bench.wait_for_log("The connection to X broke")


def refuse(status: int) -> Fault:
    def function(bench: Bench, number: int) -> None:
        bench.x_fault(kind="status", status=status, times=1)
        bench.x_fault(kind="disconnect")
        bench.post_many(number)

    return function


fault("stream: 503 at the next connect", long=True)(refuse(503))
fault("stream: 429 at the next connect", long=True)(refuse(429))


@fault("stream: 409, the rule was deleted", long=True)
def _(bench: Bench, number: int) -> None:
    bench.delete_rules()
    bench.x_fault(kind="disconnect")
    bench.wait_for_log("Connected to X", bench.log.read_text().count("Connected to X") + 1)
    bench.post_many(number)


def stop_for_good(status: int) -> Fault:
    def function(bench: Bench, number: int) -> None:
        bench.post_many(number)
        bench.x_fault(kind="status", status=status, times=1)
        bench.x_fault(kind="disconnect")
        assert bench.streamer.process.wait(30) == 1
        assert f"X answered {status}" in bench.log.read_text()
        bench.post_in_vain(number, f"no streamer ran: it had stopped at {status}, and said so")
        bench.system.children.remove(bench.streamer)
        bench.start_streamer()
        bench.post_many(number)

    return function


fault("stream: 402, then started again", long=True)(stop_for_good(402))
fault("stream: 401, then started again", long=True)(stop_for_good(401))


@fault("stream: operational-disconnect")
def _(bench: Bench, number: int) -> None:
    error = {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": "https://api.twitter.com/2/problems/operational-disconnect",
    }
    bench.x_fault(kind="line", text=json.dumps({"errors": [error]}))
    bench.x_fault(kind="disconnect")
    bench.post_many(number)


@fault("posts: no media, a video, four photos")
def _(bench: Bench, number: int) -> None:
    for _ in range(number):
        bench.system.x.post("no picture")
        bench.system.x.post("a video", video=True)
        bench.page.skipped += 2
        bench.page.posts += 3
        ids = [bench.upload(bench.pictures[name]) for name in (MATCH, OTHER, NO_FACE, MATCH)]
        for media_id, expected in zip(
            ids, (MAILED, "other person", "no face", MAILED), strict=True
        ):
            bench.expect(media_id, expected)
        bench.system.x.post("four", ids)


@fault("posts: edited, unknown fields, no tag")
def _(bench: Bench, number: int) -> None:
    for _ in range(number):
        media_id = bench.upload(bench.pictures[MATCH])
        message = bench.message(media_id, bench.address(media_id))
        bench.expect(media_id, MAILED)
        bench.post_line(message)
        edited = json.loads(json.dumps(message))
        edited["data"]["id"] += "0"
        edited["data"]["edit_history_tweet_ids"].append(edited["data"]["id"])
        edited["data"]["text"] = "edited"
        bench.post_line(edited)
        media_id = bench.upload(bench.pictures[MATCH])
        message = bench.message(media_id, bench.address(media_id))
        message["data"]["new_field"] = message["new_part"] = {"a": [None]}
        message["includes"]["polls"] = []
        del message["matching_rules"][0]["tag"]
        bench.expect(media_id, MAILED)
        bench.post_line(message)


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
def _(bench: Bench, number: int) -> None:
    for line in GARBAGE:
        bench.x_fault(kind="line", text=line)
        bench.post_many(1)
    bench.post_many(number)


# --- Firehose and the streamer ----------------------------------------------------------------


def throttle_firehose(bench: Bench, seconds: float) -> None:
    """Let Firehose take nothing for a while."""
    code = "ServiceUnavailableException"
    bench.aws_fault("firehose", "PutRecordBatch", code=code, seconds=seconds)


@fault("firehose: throttled for seconds")
def _(bench: Bench, number: int) -> None:
    throttle_firehose(bench, 3)
    bench.post_many(3 * number)


@fault("firehose: 30 % of the records fail")
def _(bench: Bench, number: int) -> None:
    seconds = 60 if number > 2 else 3
    bench.aws_fault(
        "firehose",
        "PutRecordBatch",
        code="ServiceUnavailableException",
        share=0.3,
        seconds=seconds,
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        bench.post_many(number)
        time.sleep(1)


@fault("firehose: written, but the answer is lost")
def _(bench: Bench, number: int) -> None:
    late = 11 if number > 2 else 0  # seconds; after 10 the streamer waits no longer
    bench.aws_fault("firehose", "PutRecordBatch", status=500, after=True, times=2, delay=late)
    bench.post_many(number)


@fault("streamer: SIGTERM with a full buffer", long=True)
def _(bench: Bench, number: int) -> None:
    throttle_firehose(bench, 4)
    bench.post_many(5 * number)
    time.sleep(2)  # what it has not read from X yet, it does not hold
    assert bench.stop_streamer() == 0, bench.log.read_text()
    assert "failed 0" in bench.log.read_text()
    bench.start_streamer()


@fault("streamer: SIGKILL with a full buffer")
def _(bench: Bench, number: int) -> None:
    bench.post_many(number)
    bench.settle()
    throttle_firehose(bench, 60)
    bench.post_in_vain(2 * number, "the streamer was killed before it had sent them")
    time.sleep(0.5)
    bench.kill_streamer()
    bench.repair()
    bench.start_streamer()
    bench.post_many(number)


# --- Photos -----------------------------------------------------------------------------------


def encode(picture: bytes, kind: str, **options: Any) -> bytes:
    """The picture in another format."""
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def broken_host(bench: Bench, media_id: str, fault_: dict[str, Any]) -> None:
    """Let the photo host do something to one photo."""
    name = bench.address(media_id).rpartition("/")[2]
    bench.x_fault(kind="photo", name=name, **({"times": 1000} | fault_))


NEVER = "rejected: the photo host answered "


@fault("photos: what the host answers")
def _(bench: Bench, number: int) -> None:
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
            media_id = bench.upload(bench.pictures[MATCH])
            broken_host(bench, media_id, wish)
            bench.expect(media_id, expected)
            bench.page.posts += 1
            bench.system.x.post("Look who is here", [media_id])


@fault("photos: the host fails too long, then redrive")
def _(bench: Bench, number: int) -> None:
    wishes: list[dict[str, Any]] = [{"status": 503}, {"body": "truncated"}]
    if number > 2:
        wishes += [{"delay": 30}, {"body": "slow"}]
    photos = []
    for _ in range(number):
        for wish in wishes:
            media_id = bench.upload(bench.pictures[MATCH])
            broken_host(bench, media_id, wish)
            photos.append(bench.expect(media_id, QUEUED))
            bench.page.posts += 1
            bench.system.x.post("Look who is here", [media_id])
    bench.settle()
    redrive(bench, photos)


def redrive(bench: Bench, photos: list[Photo]) -> None:
    """Mend the cause and redrive; now they are to be mailed."""
    waiting = sum(photo.state == QUEUED for photo in photos)
    bench.page.notes.append(f"{waiting} of {len(photos)} photos were in the queue before")
    bench.repair()
    bench.redrive()
    for photo in photos:
        photo.expected = MAILED


def pixel() -> bytes:
    """A picture of one pixel."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "JPEG")
    return file.getvalue()


@fault("photos: formats, sizes and damage")
def _(bench: Bench, number: int) -> None:
    photo = bench.pictures[MATCH]
    for _ in range(number):
        bench.post(encode(photo, "WEBP"), MAILED)
        bench.post(encode(photo, "GIF"), MAILED)
        bench.post(encode(photo, "PNG"), MAILED)
        bench.post(pixel(), "no face")
        bench.post(photo + bytes(20 << 20), "rejected: too large")
        bench.post(photo[: len(photo) // 3], "unreadable")
        bench.post(b"", "rejected: unreadable")
        bench.post(b"this is no photo", "rejected: unreadable")


@fault("photos: odd names", long=True)
def _(bench: Bench, number: int) -> None:
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
            media_id = bench.upload(bench.pictures[MATCH])
            prefix, _, real = bench.address(media_id).rpartition("/")
            bench.x_fault(kind="photo", name=name.replace("%20", " "), serve=real, times=1000)
            bench.expect(media_id, expected)
            bench.post_line(bench.message(media_id, f"{prefix}/{name}"))


# --- AWS --------------------------------------------------------------------------------------


@fault("s3: every event twice, in reverse order")
def _(bench: Bench, number: int) -> None:
    bench.aws_fault("events", delay=1.5)
    for _ in range(3):
        bench.post_many(number)
        time.sleep(0.7)


@fault("s3: a poison line among good ones")
def _(bench: Bench, number: int) -> None:
    url = bench.address(bench.upload(bench.pictures[OTHER]))
    lines = []
    for _ in range(500 if number > 2 else 10):
        media_id = str(uuid.uuid4().int)
        bench.expect(media_id, "other person")
        lines.append(json.dumps({"media_key": f"3_{media_id}", "url": url, "post_id": "1"}))
    bench.page.posts += len(lines)
    lines.insert(len(lines) // 2, '{"media_key": "3_1", "url": "poison, "text": ')
    bucket = bench.stack.resource("TwitterBucket")
    key = f"firehose/{uuid.uuid4()}"
    bench.s3.put_object(Bucket=bucket, Key=key, Body="\n".join(lines).encode())


def throttled(service: str, code: str, **more: Any) -> Fault:
    def function(bench: Bench, number: int) -> None:
        bench.aws_fault(service, code=code, **({"status": 400, "seconds": 3} | more))
        bench.post_many(3 * number)

    return function


fault("dynamodb: throttled")(throttled("dynamodb", "ThrottlingException"))
fault("sns: throttled")(throttled("sns", "Throttling"))
fault("s3: SlowDown", long=True)(throttled("s3", "SlowDown", status=503))
fault("sns: 500")(throttled("sns", "InternalError", status=500, times=3))


@fault("dynamodb, s3: done, but the answer is lost")
def _(bench: Bench, number: int) -> None:
    late = 11 if number > 2 else 0  # seconds; after 10 the solution waits no longer
    error = {"code": "InternalError", "status": 500, "after": True, "times": 2}
    for service, action in (
        ("dynamodb", "PutItem"),
        ("s3", "PutObject"),
        ("dynamodb", "GetItem"),
        ("dynamodb", "UpdateItem"),
    ):
        bench.aws_fault(service, action, **error, delay=late)
    for _ in range(number):
        bench.post(MATCH)
        bench.post(OTHER)


@fault("sns: mailed, but the answer is lost")
def _(bench: Bench, number: int) -> None:
    why = "SNS does not say whether it has taken a mail, so it is asked again"
    for _ in range(number):
        bench.aws_fault("sns", "Publish", status=500, after=True, times=1)
        bench.post(MATCH, TWICE, why)
        bench.settle()


@fault("rekognition: so many calls a second")
def _(bench: Bench, number: int) -> None:
    # The service's quota is 25 or 100; a laptop does not get there, so it is less here.
    code = "ProvisionedThroughputExceededException"
    bench.rekognition_fault(code, times=10_000, per_second=2)
    bench.post_many(3 * number)


@fault("rekognition: 5xx")
def _(bench: Bench, number: int) -> None:
    bench.rekognition_fault("InternalServerError", times=4)
    bench.post_many(3 * number)


@fault("rekognition: down too long, then redrive", long=True)
def _(bench: Bench, number: int) -> None:
    bench.rekognition_fault("ServiceUnavailableException", times=10_000)
    bench.set_timeout("RekognitionLambdaFunction", 2)
    photos = [bench.post(MATCH, QUEUED) for _ in range(number)]
    bench.settle()
    bench.set_timeout("RekognitionLambdaFunction", 120)
    redrive(bench, photos)


@fault("lambda: both functions time out", long=True)
def _(bench: Bench, number: int) -> None:
    for function in ("TwitterLambdaFunction", "RekognitionLambdaFunction"):
        bench.set_timeout(function, 2)
    bench.x_fault(kind="photo", name="*", delay=4, times=1)
    bench.post_many(number)
    bench.settle()
    # The mail is asked for, but the function does not live to see the answer.
    bench.aws_fault("sns", "Publish", delay=4, times=1)
    bench.post_many(number)
    bench.settle()
    for function in ("TwitterLambdaFunction", "RekognitionLambdaFunction"):
        bench.set_timeout(function, 120)


def mend_reference_later(bench: Bench, number: int) -> None:
    """Post without a usable reference, then with one."""
    bench.post_many(number, "rejected: not compared")
    bench.settle()
    bench.upload_reference(bench.pictures["obama.jpg"])
    bench.post_many(number)


@fault("reference: deleted while running")
def _(bench: Bench, number: int) -> None:
    bucket = bench.stack.resource("RekognitionBucket")
    bench.s3.delete_object(Bucket=bucket, Key="celebrity.jpg")
    mend_reference_later(bench, number)


@fault("reference: replaced while running")
def _(bench: Bench, number: int) -> None:
    bench.post_many(number)
    bench.settle()
    bench.upload_reference(bench.pictures[OTHER])
    for _ in range(number):
        bench.post(OTHER, MAILED)
        bench.post(MATCH, "other person")
    bench.settle()
    bench.upload_reference(bench.pictures["obama.jpg"])
    bench.post_many(number)


@fault("reference: without a face")
def _(bench: Bench, number: int) -> None:
    bench.upload_reference(bench.pictures[NO_FACE])
    mend_reference_later(bench, number)


# --- kill -9 ----------------------------------------------------------------------------------


@fault("kill -9: the functions' processes")
def _(bench: Bench, number: int) -> None:
    bench.x_fault(kind="photo", name="*", delay=2, times=1)
    bench.post_many(number)
    time.sleep(1.5)  # the photo is being downloaded
    for pid in bench.children_of(bench.system.aws.process.process.pid):
        os.kill(pid, signal.SIGKILL)
    bench.post_many(number)


@fault("kill -9: a process that compares")
def _(bench: Bench, number: int) -> None:
    bench.post_many(number)
    child = next(c for c in bench.system.children if c.name == "offline Rekognition")
    for pid in bench.children_of(child.process.pid):
        os.kill(pid, signal.SIGKILL)
    bench.post_many(number)


def kill_party(bench: Bench, name: str) -> None:
    """kill -9 a party and all that it has started, and start it again in the same place."""
    system = bench.system
    child = next(c for c in system.children if c.name == name)
    os.killpg(child.process.pid, signal.SIGKILL)
    child.start()
    system.wait_until_ready()


@fault("kill -9: the face endpoint")
def _(bench: Bench, number: int) -> None:
    bench.post_many(number)
    kill_party(bench, "offline Rekognition")
    bench.post_many(number)


@fault("kill -9: X")
def _(bench: Bench, number: int) -> None:
    connected = bench.log.read_text().count("Connected to X")
    bench.post_many(number)
    kill_party(bench, "offline X")
    bench.post_many(number)
    bench.wait_for_log("Connected to X", connected + 1)
