"""The offline workshop's page: post as on X, watch the photo travel, read the mail.

    PYTHONPATH=scripts python -m offline.page --port 4580

It shows the workshop that `workshop.py start` has started (see `running`), and asks its parties as
anybody could: with boto3 and HTTP. A thread looks twice a second at what has changed; the page in
the browser (page_files/) waits at GET /state for the next version of what it has found.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import os
import re
import secrets
import sys
import threading
import time
import zipfile
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
import click
import requests
import uvicorn
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image, ImageOps
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from offline import running, samples
from offline.processes import OfflineError, exit_with_parent
from offline.stack import TEMPLATE
from offline.x_client import XClient

FILES = Path(__file__).with_name("page_files")
# As one types it in the repository.
PARAMETERS = os.path.relpath(running.FOLDER / "parameters.json", running.REPOSITORY)
MIB = 1024 * 1024
MAX_PHOTO = 32 * MIB  # of a post, as X has it
MAX_REFERENCE = 15 * MIB  # what Rekognition reads from S3
MAX_JSON = 64 * 1024
MAX_TEXT = 280  # characters of a post
MAX_PHOTOS = 4  # of a post
KEPT_POSTS = 200  # in full; of older ones only the counts
KEPT_MAILS = 100
KEPT_LINES = 200  # of a function's log
KEPT_NAMES = 50_000  # of objects counted already
AGAIN = 20  # objects listed once more, as some come out of order
LOOK_SECONDS = 0.5
IDLE_SECONDS = 3.0  # between two looks when nobody watches
STUCK_SECONDS = 20.0  # a photo that takes longer from one hop to the next is called stuck
SMALL_PIXELS, LARGE_PIXELS = 320, 1280
THUMBNAIL_BYTES = 24 * MIB  # of all pictures kept ready
MAX_PIXELS = 50_000_000
STACK_NAME = "celebrityrek"
HOPS = (
    "X",
    "StreamingInstance",
    "DeliveryStream",
    "You",
    "TwitterLambdaFunction",
    "TwitterBucket",
    "RekognitionBucket",
    "PostsTable",
    "FailureQueue",
    "Rekognition",
    "RekognitionLambdaFunction",
    "MatchTopic",
    "Inbox",
)
CONTENT_POLICY = (  # nothing from elsewhere
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STAGES = ("streamed", "delivered", "stored", "arrived", "compared", "mailed")
Doc = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """A request that is refused; the text is shown to the learner."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


def iso(moment: datetime | float) -> str:
    """A moment as the page writes it: ISO 8601 in UTC, with milliseconds."""
    if isinstance(moment, float):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_moment(moment: str) -> str:
    """A moment that somebody else wrote in ISO 8601, as the page writes it."""
    return iso(datetime.fromisoformat(moment))


def seconds_since(moment: str) -> float:
    """How long ago a moment in ISO 8601 was."""
    return time.time() - datetime.fromisoformat(moment).timestamp()


@functools.cache
def starter() -> str:
    """The code that RekognitionLambdaFunction is launched with."""
    function = json.loads(TEMPLATE.read_text())["Resources"]["RekognitionLambdaFunction"]
    return "\n".join(function["Properties"]["Code"]["ZipFile"]["Fn::Join"][1])


class Names:
    """Names that were seen already; the oldest are forgotten when there are very many."""

    def __init__(self) -> None:
        self.names: OrderedDict[Any, None] = OrderedDict()

    def new(self, name: Any) -> bool:
        """Note a name; say whether it is new."""
        if name in self.names:
            return False
        self.names[name] = None
        if len(self.names) > KEPT_NAMES:
            self.names.popitem(last=False)
        return True


class Hop:
    """What the page shows of a hop: a count, when the last one came, and the last error."""

    def __init__(self) -> None:
        self.count = 0
        self.last: str | None = None
        self.error: str | None = None
        self.error_at: str | None = None
        self.trouble = ""  # what is wrong now, and no event of the past
        self.note = ""

    def arrived(self, moment: str, count: int = 1) -> None:
        """Count what came."""
        self.count += count
        self.last = max(self.last or "", moment)

    def failed(self, text: str, moment: str | None = None) -> None:
        """Note an error; the same trouble again keeps its time."""
        if text != self.error or moment:
            self.error, self.error_at = text, moment or iso(time.time())

    def document(self) -> Doc:
        """For the page."""
        past = bool(self.error and self.last and (self.error_at or "") < self.last)
        return {
            "count": self.count,
            "last": self.last,
            "error": self.trouble or self.error,
            "error_at": None if self.trouble else self.error_at,
            "now": bool(self.trouble) or bool(self.error and not past),
            "note": self.note,
        }


class Watcher:
    """Looks at the parties and keeps what the page shows, never more than so much.

    Every `look_at_…` reads only what is new. What fails becomes the trouble of a hop, and the
    others go on.
    """

    def __init__(self, workshop: running.Running) -> None:
        self.workshop = workshop
        self.run = secrets.token_hex(8)  # versions of another run mean nothing
        self.version = 0
        self.lock = threading.Lock()
        self.document: Doc = {}
        self.watched = time.monotonic()  # when somebody last asked
        self.wake = threading.Event()
        self.web = requests.Session()
        self.web.trust_env = False  # no proxy between here and 127.0.0.1
        self.config = Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"total_max_attempts": 1},
            proxies={},
            s3={"addressing_style": "path"},
        )
        self.clients: dict[str, Any] = {}
        self.posts: OrderedDict[str, Doc] = OrderedDict()  # by id, oldest first
        self.photos: dict[str, tuple[Doc, Doc]] = {}  # media key → photo and its post
        self.last_post = ""
        self.x_stats: Doc = {}
        self.mails: deque[Doc] = deque(maxlen=KEPT_MAILS)
        self.mail_number = 0
        self.stack: Doc | None = None
        self.had_stack = False
        self.achieved: set[str] = set()  # steps of the last stack
        self.hops = {name: Hop() for name in HOPS}
        self.forget_stack()

    def forget_stack(self) -> None:
        """Begin anew: another stack, or none."""
        self.ids: dict[str, str] = {}
        self.resources_status = ""
        for name in HOPS:
            if name not in ("X", "Inbox"):
                self.hops[name] = Hop()
        self.objects, self.images = Names(), Names()
        self.last_keys: dict[str, deque[str]] = {}
        self.log_seen: dict[str, Names] = {}
        self.log_from: dict[str, int] = {}
        self.logs: dict[str, deque[Doc]] = {}
        self.confirmed = False
        self.reference: Doc = {"name": "celebrity.jpg", "etag": None}
        self.code: Doc = {"sha": "", "starter": True, "modified": ""}
        self.calls = -1
        self.comparing: set[float] = set()
        self.compared_with_own_code = False
        self.items = Names()
        self.asked: list[tuple[Any, ...]] = []
        self.asked_at = 0.0
        self.slow = 0.0
        for photo, post in self.photos.values():
            photo["old"] = True  # what it has reached stays, and it goes no further
            self.touch(post)

    # ------------------------------------------------------------ asking

    def client(self, service: str) -> Any:
        """A boto3 client of the learner's account."""
        if service not in self.clients:
            url = self.workshop.aws_url
            if service == "rekognition":
                url = self.workshop.rekognition_url
            self.clients[service] = boto3.Session().client(
                service,
                endpoint_url=url,
                region_name=self.workshop.region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=self.config,
            )
        return self.clients[service]

    def get(self, url: str) -> Any:
        """The JSON at an address of X's or of AWS's."""
        answer = self.web.get(url, timeout=10)
        answer.raise_for_status()
        return answer.json()

    # ------------------------------------------------------------ the thread

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Look again and again; less often when nobody watches."""
        while True:
            started = time.monotonic()
            self.look()
            idle = started - self.watched > 30
            pause = IDLE_SECONDS if idle else LOOK_SECONDS
            self.wake.wait(max(0.1, pause - (time.monotonic() - started)))
            self.wake.clear()

    def look(self) -> None:
        """Look at everything once, and make a new version if something has changed."""
        self.changed = False
        for hop in self.hops.values():
            hop.trouble = ""
        self.attempt("X", "The offline X", self.look_at_x)
        if self.attempt("StreamingInstance", "The offline AWS", self.look_at_stacks) and self.ids:
            slow = time.monotonic() - self.slow > 2
            if slow:
                self.slow = time.monotonic()
            for place, name, action in (
                ("TwitterBucket", "The bucket", self.look_at_objects),
                ("TwitterLambdaFunction", "The function", self.look_at_twitter_function),
                ("RekognitionBucket", "The bucket", self.look_at_images),
                ("RekognitionLambdaFunction", "The function", self.look_at_rekognition_function),
                ("Rekognition", "The offline Rekognition", self.look_at_comparisons),
                ("PostsTable", "The table", self.look_at_items),
            ):
                self.attempt(place, name, action)
            if slow:
                self.attempt("FailureQueue", "The queue", self.look_at_queue)
                self.attempt("MatchTopic", "The topic", self.look_at_topic)
                self.attempt("RekognitionLambdaFunction", "The function", self.look_at_code)
                self.attempt("DeliveryStream", "The delivery stream", self.look_at_delivery)
            self.look_for_stuck_photos()
        self.attempt("Inbox", "The mail", self.look_at_mails)
        document = self.describe()
        with self.lock:
            if self.changed or document != self.document:
                self.document = document
                self.version += 1

    def attempt(self, hop: str, name: str, action: Callable[[], None]) -> bool:
        """Do one look; what goes wrong is shown at the hop."""
        try:
            action()
        except ClientError as error:
            text = error.response["Error"].get("Message") or str(error)
            self.hops[hop].trouble = f"{name} answers: {text}"
        except (BotoCoreError, requests.RequestException, OSError):
            self.hops[hop].trouble = f"{name} does not answer."
        except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            self.hops[hop].trouble = f"{name} gave an answer that is not understood: {error!r}"
        else:
            return True
        return False

    def touch(self, post: Doc) -> None:
        """A post has changed."""
        post["v"] = self.version + 1
        self.changed = True

    def reach(self, media_key: str, stage: str, moment: str, **more: Any) -> None:
        """A photo has come to a hop."""
        photo, post = self.photos.get(media_key, ({}, {}))
        if not photo or (photo[stage] and not more):
            return
        if photo[stage] is None or any(photo.get(name) != value for name, value in more.items()):
            photo[stage] = photo[stage] or moment
            photo.update(more)
            self.touch(post)

    # ------------------------------------------------------------ what is looked at

    def look_at_x(self) -> None:
        """New posts, and whether the streamer is connected."""
        stats = self.get(f"{self.workshop.x_url}/_workshop/stats")
        hop, streamer = self.hops["X"], self.hops["StreamingInstance"]
        if stats["posts"] < hop.count:  # X was started anew
            self.posts.clear()
            self.photos.clear()
            self.last_post = ""
            self.changed = True
        if stats["posts"] != hop.count or (stats["posts"] and not self.last_post):
            query = f"after={self.last_post}&limit={KEPT_POSTS}"
            new = self.get(f"{self.workshop.x_url}/_workshop/posts?{query}")
            for data in reversed(new):
                if data["id"] not in self.posts:
                    self.add_post(data)
        hop.count = stats["posts"]
        streamer.count = stats["delivered"]
        streamer.note = "connected" if stats["connected"] else "not connected"
        self.x_stats = stats

    def add_post(self, data: Doc) -> None:
        """Keep a new post, and forget the oldest one when there are enough."""
        photos = []
        for media in data["media"]:
            photo: Doc = dict.fromkeys(STAGES) | {"key": media["media_key"], "type": media["type"]}
            photo |= {"url": media.get("url"), "problem": None, "outcome": None}
            photo |= {"similarity": None, "faces": None, "etag": None, "old": False}
            photos.append(photo)
        post = {
            "id": data["id"],
            "text": data["text"],
            "username": data["user"]["username"],
            "created_at": data["created_at"],
            "streamed": bool(data.get("streamed")),
            "photos": photos,
        }
        self.posts[post["id"]] = post
        self.last_post = post["id"]
        self.touch(post)
        for photo in photos:
            if photo["type"] == "photo":
                self.photos[photo["key"]] = photo, post
                if post["streamed"]:
                    photo["streamed"] = post["created_at"]
        self.hops["X"].last = post["created_at"]
        if post["streamed"]:
            self.hops["StreamingInstance"].last = post["created_at"]
        if len(self.posts) > KEPT_POSTS:
            _, old = self.posts.popitem(last=False)
            for photo in old["photos"]:
                self.photos.pop(photo["key"], None)

    def look_at_stacks(self) -> None:
        """The newest stack with our resources, and where these are."""
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        stacks = [stack for page in pages for stack in page["Stacks"]]
        stacks = [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
        for stack in sorted(stacks, key=lambda one: one["CreationTime"], reverse=True):
            identity, status = stack["StackId"], stack["StackStatus"]
            known = self.stack and self.stack["id"] == identity
            if known and self.resources_status == status and not status.endswith("_IN_PROGRESS"):
                return
            pages = cloudformation.get_paginator("list_stack_resources").paginate(
                StackName=identity
            )
            ids = {
                resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
                for page in pages
                for resource in page["StackResourceSummaries"]
            }
            building = status in ("CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS") and not ids
            if not building and not {"TwitterBucket", "RekognitionLambdaFunction"} & ids.keys():
                continue  # a stack of something else
            if not known:
                self.forget_stack()
                self.achieved = set()
            self.had_stack = True
            self.stack = {"id": identity, "name": stack["StackName"], "status": status}
            self.stack["created"] = iso(stack["CreationTime"].replace(microsecond=0))
            self.stack["failure"] = (
                self.first_failure(identity) if "FAILED" in status or ("ROLLBACK" in status) else ""
            )
            self.resources_status = status
            complete = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
            self.ids = {name: value for name, value in ids.items() if value} if complete else {}
            return
        if self.stack:
            self.forget_stack()
            self.stack = None

    def first_failure(self, identity: str) -> str:
        """Which resource failed first, and why."""
        answer = self.client("cloudformation").describe_stack_events(StackName=identity)
        failures = [e for e in answer["StackEvents"] if e["ResourceStatus"].endswith("_FAILED")]
        if not failures:
            return "no event says why"
        first = failures[-1]  # the newest comes first
        return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason')}"

    def new_objects(self, bucket: str, prefix: str, seen: Names) -> Iterator[Doc]:
        """Yield the objects that were not there before; their names grow with time."""
        recent = self.last_keys.setdefault(bucket, deque(maxlen=AGAIN))
        start = {"StartAfter": recent[0]} if len(recent) == AGAIN else {}
        pages = (
            self.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self.ids[bucket], Prefix=prefix, **start)
        )
        for page in pages:
            for entry in page.get("Contents", []):
                if seen.new(entry["Key"]):
                    recent.append(entry["Key"])
                    yield entry
        ordered = sorted(recent)
        recent.clear()
        recent.extend(ordered)

    def look_at_objects(self) -> None:
        """What Firehose has delivered."""
        new = list(self.new_objects("TwitterBucket", "firehose/", self.objects))
        for number, entry in enumerate(new, start=1):
            moment = iso(entry["LastModified"])
            self.hops["TwitterBucket"].arrived(moment)
            if len(new) - number > KEPT_POSTS:  # from before our start: their posts are not kept
                self.hops["DeliveryStream"].arrived(moment)
                continue
            body = self.read("TwitterBucket", entry["Key"])
            keys = re.findall(r'"media_key": ?"([\w-]+)"', body.decode(errors="replace"))
            self.hops["DeliveryStream"].arrived(moment, len(keys))
            for key in keys:
                self.reach(key, "delivered", moment, object=entry["Key"])

    def read(self, bucket: str, key: str, limit: int = MAX_REFERENCE) -> bytes:
        """The beginning of an object, at most `limit` bytes."""
        answer = self.client("s3").get_object(Bucket=self.ids[bucket], Key=key)
        with contextlib.closing(answer["Body"]) as body:
            data: bytes = body.read(limit)
            return data

    def look_at_images(self) -> None:
        """The photos that TwitterLambdaFunction has stored, and the reference photo."""
        for entry in self.new_objects("RekognitionBucket", "images/", self.images):
            moment = iso(entry["LastModified"])
            self.hops["RekognitionBucket"].arrived(moment)
            key = entry["Key"].removeprefix("images/").rpartition(".")[0]
            self.reach(key, "stored", moment, etag=entry["ETag"].strip('"'), problem=None)
        try:
            head = self.client("s3").head_object(
                Bucket=self.ids["RekognitionBucket"], Key=self.reference["name"]
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            self.reference = {"name": self.reference["name"], "etag": None}
            self.hops["You"].count = 0
            self.hops["You"].note = f"{self.reference['name']} is not uploaded yet"
            return
        etag = head["ETag"].strip('"')
        if etag != self.reference["etag"]:
            moment = iso(head["LastModified"])
            self.reference |= {"etag": etag, "modified": moment, "bytes": head["ContentLength"]}
            self.reference |= self.faces_of_reference()
            self.hops["You"].arrived(moment)
            self.hops["You"].note = f"{self.reference['name']} is uploaded"

    def faces_of_reference(self) -> Doc:
        """How many faces the reference photo shows, or why it cannot be used."""
        place = {"Bucket": self.ids["RekognitionBucket"], "Name": self.reference["name"]}
        try:
            found = self.client("rekognition").detect_faces(Image={"S3Object": place})
        except ClientError as error:
            return {"faces": 0, "problem": error.response["Error"]["Message"]}
        faces = len(found["FaceDetails"])
        return {"faces": faces, "problem": "" if faces else "No face is found in it."}

    def new_lines(self, group: str) -> Iterator[Doc]:
        """Yield the new lines of a function's log."""
        start = self.log_from.get(group, 0)
        seen = self.log_seen.setdefault(group, Names())
        kept = self.logs.setdefault(group, deque(maxlen=KEPT_LINES))
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=self.ids[group], startTime=max(0, start - 2000))
        )
        number: dict[tuple[str, int], int] = {}
        for page in pages:
            for event in page["events"]:
                place = event["logStreamName"], event["timestamp"]
                number[place] = number.get(place, 0) + 1
                if seen.new((*place, number[place])):
                    line = {
                        "at": iso(event["timestamp"] / 1000),
                        "text": event["message"].rstrip()[:2000],
                    }
                    self.log_from[group] = max(self.log_from.get(group, 0), event["timestamp"])
                    kept.append(line)
                    yield line

    def look_at_function(self, function: str, group: str) -> Iterator[Doc]:
        """Count a function's runs and note its errors; yield the new lines of its log."""
        hop = self.hops[function]
        trace = False
        for line in self.new_lines(group):
            text = line["text"]
            if text.startswith("START RequestId"):
                hop.arrived(line["at"])
                trace = False
            elif text.startswith("Traceback"):
                trace = True
            elif trace and re.match(r"[\w.]+(Error|Exception|Interrupt|Exit)?\b.*:", text):
                hop.failed(text[:300], line["at"])  # the last line of a traceback says what
                trace = False
            elif "Task timed out" in text or text.startswith("[ERROR]"):
                hop.failed(text[:300], line["at"])
            yield line

    def look_at_twitter_function(self) -> None:
        """What became of each line: stored, rejected, or failed for now."""
        hop = self.hops["TwitterLambdaFunction"]
        for line in self.look_at_function("TwitterLambdaFunction", "TwitterLambdaLogs"):
            found = re.match(r"Photo (\S+) (stored|seen|rejected|failed)(: .*)?", line["text"])
            if found and found[2] in ("rejected", "failed"):
                text = f"{found[2]}{found[3] or ''}"[:300]
                hop.failed(f"A photo was {text}" if found[2] == "rejected" else text, line["at"])
                photo, _ = self.photos.get(found[1], ({}, {}))
                if photo and not photo["stored"] and photo["problem"] != text:
                    photo["problem"] = text
                    self.touch(self.photos[found[1]][1])

    def look_at_rekognition_function(self) -> None:
        """Which photos arrived at the exercise's function, and which it failed with."""
        function = "RekognitionLambdaFunction"
        before = self.hops[function].error_at
        for line in self.look_at_function(function, "RekognitionLambdaLogs"):
            for key in re.findall(r"images/([\w-]+)\.jpg", line["text"]):
                self.reach(key, "arrived", line["at"])
            if f"{self.reference['name']} " in line["text"] and "upload" in line["text"]:
                self.hops[function].failed(line["text"][:300], line["at"])
        failed_at = self.hops[function].error_at
        if failed_at and failed_at != before:
            for photo, post in list(self.photos.values())[-AGAIN:]:
                if photo["stored"] and photo["stored"] <= failed_at and not photo["arrived"]:
                    photo["failed"] = self.hops[function].error  # its log does not name the photo
                    self.touch(post)

    def look_at_comparisons(self) -> None:
        """What Rekognition was asked, and what it found."""
        hop = self.hops["Rekognition"]
        stats = self.get(f"{self.workshop.rekognition_url}/_workshop/stats")
        calls = stats["calls"].get("CompareFaces", 0)
        if calls == self.calls and not self.comparing:
            return
        self.calls, self.comparing = calls, set()
        images = f"s3://{self.ids['RekognitionBucket']}/images/"
        hop.count = calls
        for note in self.get(f"{self.workshop.rekognition_url}/_workshop/comparisons"):
            moment = iso(note["at"])
            if "error" not in note and "similarity" not in note:
                self.comparing.add(note["at"])  # still under way
                continue
            hop.last = max(hop.last or "", moment)
            if "error" in note:
                hop.failed(in_words(note["error"]), moment)
            if not note["target"].startswith(images):
                continue
            if not self.code["starter"] and moment >= self.code["modified"]:
                self.compared_with_own_code = True
            key = note["target"].removeprefix(images).removesuffix(".jpg")
            photo, _ = self.photos.get(key, ({}, {}))
            if photo and (photo["compared"] or "") < moment:
                photo["compared"] = None  # compared once more: show the last one
                self.reach(
                    key,
                    "compared",
                    moment,
                    similarity=note.get("similarity"),
                    faces=note.get("faces"),
                    refused=in_words(note["error"]) if "error" in note else None,
                    arrived=photo["arrived"] or moment,
                )

    def look_at_items(self) -> None:
        """Which photos have metadata in the table, and which an outcome."""
        pending = [
            (key, photo)
            for key, (photo, _) in reversed(self.photos.items())
            if photo["delivered"] and not photo["outcome"] and not photo["old"]
        ][:100]
        # Ask when something has happened, and otherwise now and then; the outcome is written
        # shortly after the comparison.
        marks = [(key, p["stored"], p["compared"], p["mailed"]) for key, p in pending]
        soon = any(p["compared"] and seconds_since(p["compared"]) < 5 for _, p in pending)
        now = time.monotonic()
        if not pending or (marks == self.asked and not soon and now - self.asked_at < 3):
            return
        self.asked, self.asked_at = marks, now
        hop, table = self.hops["PostsTable"], self.ids["PostsTable"]
        answer = self.client("dynamodb").batch_get_item(
            RequestItems={table: {"Keys": [{"media_key": {"S": key}} for key, _ in pending]}}
        )
        for item in answer["Responses"].get(table, []):
            key = item["media_key"]["S"]
            photo, post = self.photos[key]
            if self.items.new(key):
                hop.last = max(hop.last or "", photo["stored"] or photo["delivered"])
            if "outcome" in item:
                photo["outcome"] = item["outcome"].get("S")
                if "similarity" in item and photo["similarity"] is None:
                    photo["similarity"] = float(item["similarity"].get("N", 0))
                self.touch(post)
        described = self.client("dynamodb").describe_table(TableName=table)["Table"]
        hop.count = described["ItemCount"]

    def look_at_queue(self) -> None:
        """How many events failed for good."""
        hop = self.hops["FailureQueue"]
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.ids["FailureQueue"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        if count > hop.count:
            hop.last = iso(time.time())
            hop.failed("A function failed three times with an event.", hop.last)
        if not count:
            hop.error = None
        hop.count = count

    def look_at_topic(self) -> None:
        """Whether the e-mail address is confirmed."""
        hop = self.hops["MatchTopic"]
        sns = self.client("sns")
        answer = sns.list_subscriptions_by_topic(TopicArn=self.ids["MatchTopic"])
        arns = [subscription["SubscriptionArn"] for subscription in answer["Subscriptions"]]
        # AWS lists one that waits as "PendingConfirmation", the emulator with its ARN.
        self.confirmed = any(
            sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"].get(
                "PendingConfirmation"
            )
            == "false"
            for arn in arns
            if arn.startswith("arn:")
        )
        hop.note = "confirmed" if self.confirmed else "the address is not confirmed yet"

    def look_at_delivery(self) -> None:
        """Whether the delivery stream is there: an error says so."""
        self.client("firehose").describe_delivery_stream(
            DeliveryStreamName=self.ids["DeliveryStream"]
        )

    def look_at_code(self) -> None:
        """Whether the exercise's function still has the starter's code."""
        name = self.ids["RekognitionLambdaFunction"]
        config = self.client("lambda").get_function_configuration(FunctionName=name)
        variables = config.get("Environment", {}).get("Variables", {})
        if variables.get("REFERENCE_PHOTO", self.reference["name"]) != self.reference["name"]:
            self.reference = {"name": variables["REFERENCE_PHOTO"], "etag": None}
        if config["CodeSha256"] == self.code["sha"]:
            return
        place = self.client("lambda").get_function(FunctionName=name)["Code"]["Location"]
        archive = zipfile.ZipFile(io.BytesIO(self.web.get(place, timeout=10).content))
        code = archive.read(config["Handler"].rpartition(".")[0] + ".py").decode()
        modified = datetime.fromisoformat(config["LastModified"])
        self.code = {
            "sha": config["CodeSha256"],
            "starter": code.strip() == starter().strip(),
            "modified": iso(modified),
        }
        self.calls = -1  # look at the comparisons again
        self.compared_with_own_code = False
        if not self.code["starter"]:  # Rekognition forgets its comparisons, the table does not
            found = self.client("dynamodb").scan(
                TableName=self.ids["PostsTable"],
                FilterExpression="attribute_exists(outcome)",
                Select="COUNT",
            )
            self.compared_with_own_code = found["Count"] > 0
        self.hops["RekognitionLambdaFunction"].note = (
            "the starter's code" if self.code["starter"] else "your code"
        )

    def look_at_mails(self) -> None:
        """What was mailed."""
        url = f"{self.workshop.aws_url}/_workshop/outbox?after={self.mail_number}"
        for mail in self.get(url):
            numbers = re.findall(r"\d{15,}", mail["body"])
            post = next((number for number in numbers if number in self.posts), None)
            moment = mail["sent"]
            if not mail.get("token") and self.stack and iso_moment(moment) >= self.stack["created"]:
                self.hops["MatchTopic"].arrived(moment)
                named = set(re.findall(r"\d+_\d{15,}", mail["body"]))
                for photo in self.posts.get(post or "", {}).get("photos", []):
                    if not named or photo["key"] in named:
                        self.reach(photo["key"], "mailed", iso(time.time()))
            self.hops["Inbox"].arrived(moment)
            self.mails.append(
                {name: mail.get(name) for name in ("to", "subject", "body", "topic", "token")}
                | {"number": self.mail_number, "sent": moment, "post": post}
            )
            self.mail_number += 1

    def look_for_stuck_photos(self) -> None:
        """Say at which hop a photo waits for too long."""
        places = (
            ("streamed", "delivered", "DeliveryStream", "has not come out as an object"),
            ("delivered", "stored", "TwitterLambdaFunction", "has not been stored"),
            ("stored", "arrived", "RekognitionLambdaFunction", "has not been looked at"),
        )
        for photo, _ in list(self.photos.values())[-20:]:
            for before, after, hop, text in places:
                if photo[before] and not (photo[after] or photo["problem"] or photo["old"]):
                    waiting = seconds_since(photo[before])
                    if STUCK_SECONDS < waiting < 3600 and not self.hops[hop].trouble:
                        self.hops[hop].trouble = f"A photo {text} since {photo[before][11:19]} UTC."

    # ------------------------------------------------------------ what the page gets

    def describe(self) -> Doc:
        """Everything but posts and mails, which are many."""
        region = self.workshop.region
        stack = self.stack and {k: self.stack[k] for k in ("name", "status", "failure")}
        streamer = self.hops["StreamingInstance"]
        if self.ids and not self.x_stats.get("connected") and not streamer.trouble:
            streamer.trouble = "Not connected to X: what is posted now does not travel."
        topic = self.hops["MatchTopic"]
        if self.ids and not self.confirmed and not topic.trouble and topic.note:
            topic.trouble = "The e-mail address is not confirmed: no mail is sent."
        return {
            "region": region,
            "stack": stack,
            "connected": bool(self.x_stats.get("connected")),
            "confirmed": self.confirmed,
            "reference": self.reference,
            "steps": self.steps(),
            "hops": {name: hop.document() for name, hop in self.hops.items()},
            "mails": self.mail_number,
        }

    def steps(self) -> list[Doc]:
        """The workshop's steps: which are done, which comes next, and what to type for it."""
        bucket = self.ids.get("TwitterBucket", "BUCKET")
        rekognition = self.ids.get("RekognitionBucket", "BUCKET")
        function = self.ids.get("RekognitionLambdaFunction", "FUNCTION")
        name = self.stack["name"] if self.stack else STACK_NAME
        launched = bool(self.ids)
        status = self.stack["status"] if self.stack else ""
        launch_note = "In the terminal with the lines that the start printed."
        if self.stack and not launched:
            launch_note = f"{name} is {status}."
            if self.stack["failure"]:
                launch_note = (
                    f"{name} is {status}. {self.stack['failure']}. Delete it, then launch again: "
                    f"aws cloudformation delete-stack --stack-name {name}"
                )
        good_reference = bool(self.reference["etag"] and not self.reference.get("problem"))
        matched = self.hops["MatchTopic"].count > 0
        delivered = self.hops["TwitterBucket"].count > 0
        listed: list[tuple[str, bool, str, list[str]]] = [
            (
                "Set up Twitter application",
                True,
                "Done from the beginning: the offline X has its keys already.",
                [],
            ),
            (
                "Create a new EC2 key pair",
                True,
                "Done from the beginning: offline, the instance is a folder on this computer.",
                [],
            ),
            (
                "Launch the stack",
                launched,
                launch_note,
                [
                    f"aws cloudformation create-stack --stack-name {STACK_NAME} \\\n"
                    "  --template-body file://RekognitionWorkshopCFN.json \\\n"
                    f"  --parameters file://{PARAMETERS} \\\n"
                    "  --capabilities CAPABILITY_IAM"
                ],
            ),
            (
                "Confirm your email address for SNS subscription",
                launched and self.confirmed,
                "Open the mail on this page, and confirm.",
                [],
            ),
            (
                "Start the application to receive Twitter streaming data",
                launched and bool(self.x_stats.get("connected")),
                "The first command is your terminal on the instance; the second runs in it."
                if not delivered
                else "It was connected and is not any more. Start it again.",
                ["python scripts/workshop.py connect", "python twitter_streaming.py"],
            ),
            (
                "Tweet and review incoming Twitter metadata",
                launched and delivered,
                "Post a photo on this page, then look at TwitterBucket in the picture, or:",
                [f"aws s3 ls s3://{bucket} --recursive"],
            ),
            (
                "Review images extracted from Tweets",
                launched and self.hops["RekognitionBucket"].count > 0,
                "Look at RekognitionBucket in the picture, or:",
                [f"aws s3 ls s3://{rekognition}/images/"],
            ),
            (
                "Upload reference image for favorite celebrity",
                launched and good_reference,
                "Choose it on this page, or:",
                [f"aws s3 cp me.jpg s3://{rekognition}/{self.reference['name']}"],
            ),
            (
                "Setup Cloud9 IDE",
                True,
                "Done from the beginning: offline, your own editor is the IDE.",
                [],
            ),
            (
                "Code to compare incoming images with the reference image (Exercise)",
                launched and not self.code["starter"] and self.compared_with_own_code,
                "Take the starter, write your solution, check it and put it in. "
                "Done when your code has compared a photo.",
                [
                    "python scripts/inline_code.py take RekognitionLambdaFunction my_solution.py",
                    "python scripts/workshop.py check my_solution.py",
                    "cp my_solution.py index.py\n"
                    "python -m zipfile -c function.zip index.py\n"
                    "aws lambda update-function-code --zip-file fileb://function.zip \\\n"
                    f"  --function-name {function}",
                ],
            ),
            (
                "Validate face comparison",
                launched and matched,
                "Post another photo of the person on the reference photo, and wait for the mail.",
                [],
            ),
        ]
        if launched:
            self.achieved |= {title for title, done, _, _ in listed if done}
        gone = self.had_stack and not self.stack
        # Who has all the rest may stop the streamer before the clean-up.
        stopped = "Start the application" if len(self.achieved) == len(listed) else "-"
        everything = launched and all(
            done or title.startswith(stopped) for title, done, _, _ in listed
        )
        clean = "Stop the streamer with Ctrl-C, then delete the stack."
        listed.append(
            ("Clean up", gone, clean, [f"aws cloudformation delete-stack --stack-name {name}"])
        )
        steps: list[Doc] = []
        finished = gone and len(self.achieved) == len(listed) - 1
        for number, (title, done, note, commands) in enumerate(listed, start=1):
            ticked = done or (gone and title in self.achieved)
            ticked = ticked or (everything and title != "Clean up")
            steps.append(
                {
                    "number": number if title != "Clean up" else None,
                    "title": title,
                    "done": ticked,
                    "note": note,
                    "commands": commands,
                    "next": False,
                }
            )
        if not finished:
            waiting = [s for s in steps if not s["done"]]
            if everything:
                waiting = [steps[-1]]
            elif gone:
                waiting = [steps[2]]  # launch it again
                steps[2]["done"] = False
            if waiting:
                waiting[0]["next"] = True
        return steps

    def state(self, run: str, version: int) -> Doc:
        """The document for a page that has seen `version` of `run`."""
        with self.lock:
            if run != self.run:
                version = 0
            posts = list(self.posts.values())
            mails = list(self.mails)
            return self.document | {
                "run": self.run,
                "version": self.version,
                "oldest_post": posts[0]["id"] if posts else None,
                "posts": [post for post in posts if post["v"] > version],
                "mail": [
                    {k: v for k, v in mail.items() if k not in ("token", "topic")}
                    | {"confirms": bool(mail["token"]), "confirmed": self.is_confirmed(mail)}
                    for mail in mails
                    if not version or mail["number"] >= self.mail_number - 30
                ],
            }

    def is_confirmed(self, mail: Doc) -> bool:
        """Whether a confirmation mail has done its work, or its topic is gone."""
        return bool(mail["token"]) and (
            self.confirmed or mail["topic"] != self.ids.get("MatchTopic")
        )

    # ------------------------------------------------------------ what is in a hop

    def content(self, hop: str) -> Doc:
        """What really is in a hop, as entries of a heading and a text."""
        functions = {
            "X": self.content_of_x,
            "StreamingInstance": self.content_of_streamer,
            "DeliveryStream": self.content_of_objects,
            "TwitterBucket": self.content_of_twitter_bucket,
            "TwitterLambdaFunction": lambda: self.content_of_log("TwitterLambdaLogs"),
            "RekognitionLambdaFunction": lambda: self.content_of_log("RekognitionLambdaLogs"),
            "RekognitionBucket": self.content_of_rekognition_bucket,
            "You": self.content_of_rekognition_bucket,
            "PostsTable": self.content_of_table,
            "FailureQueue": self.content_of_queue,
            "Rekognition": self.content_of_rekognition,
            "MatchTopic": self.content_of_topic,
            "Inbox": self.content_of_inbox,
        }
        if hop not in ("X", "StreamingInstance", "Inbox", "Rekognition") and not self.ids:
            return {"about": "There is no stack yet: launch it, step 3.", "entries": []}
        try:
            about, command, entries = functions[hop]()
        except (ClientError, BotoCoreError, requests.RequestException, KeyError) as error:
            return {"about": f"It cannot be read: {error}", "entries": []}
        return {"about": about, "command": command, "entries": entries}

    def content_of_x(self) -> tuple[str, str, list[Doc]]:
        """The newest posts as X describes them."""
        posts = self.get(f"{self.workshop.x_url}/_workshop/posts?limit=10")
        entries = [entry(post["id"], pretty(post), post["created_at"]) for post in posts]
        return f"{self.hops['X'].count} posts. The newest, as X describes them:", "", entries

    def content_of_streamer(self) -> tuple[str, str, list[Doc]]:
        """The connection and its rules."""
        stats = self.x_stats
        state = "is connected to X" if stats.get("connected") else "is not connected to X"
        about = f"The streamer {state}. {stats.get('delivered', 0)} posts were sent to it."
        rules = stats.get("rules", [])
        return about, "", [entry("The rules of its stream", pretty(rules))]

    def newest(self, bucket: str, prefix: str) -> list[Doc]:
        """The newest objects of a bucket."""
        keys = list(self.last_keys.get(bucket, []))
        start = {"StartAfter": keys[0][:-1]} if keys else {}
        answer = self.client("s3").list_objects_v2(
            Bucket=self.ids[bucket], Prefix=prefix, MaxKeys=100, **start
        )
        found = sorted(answer.get("Contents", []), key=lambda e: e["LastModified"], reverse=True)
        return list(found)

    def content_of_objects(self) -> tuple[str, str, list[Doc]]:
        """The newest objects, with what is in them."""
        bucket = self.ids["TwitterBucket"]
        entries = []
        for found in self.newest("TwitterBucket", "firehose/")[:5]:
            text = self.read("TwitterBucket", found["Key"], MAX_JSON).decode(errors="replace")
            lines = [pretty_line(line) for line in text.splitlines()[:20]]
            entries.append(entry(found["Key"], "\n".join(lines), iso(found["LastModified"])))
        about = "One line of JSON for each photo. The newest objects that it has delivered:"
        command = f"aws s3 cp s3://{bucket}/{entries[0]['heading']} -" if entries else ""
        return about if entries else "Nothing is delivered yet.", command, entries

    def content_of_twitter_bucket(self) -> tuple[str, str, list[Doc]]:
        """The listing of the objects with metadata."""
        bucket = self.ids["TwitterBucket"]
        text = listing(self.newest("TwitterBucket", "firehose/"))
        count = self.hops["TwitterBucket"].count
        about = f"{count} objects. The newest first:"
        return about, f"aws s3 ls s3://{bucket} --recursive", [entry(f"s3://{bucket}", text)]

    def content_of_rekognition_bucket(self) -> tuple[str, str, list[Doc]]:
        """The listing of the photos, and the reference photo."""
        bucket = self.ids["RekognitionBucket"]
        top = self.client("s3").list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=50)
        count = self.hops["RekognitionBucket"].count
        about = f"{count} photos below images/, and the reference photo beside them."
        return (
            about,
            f"aws s3 ls s3://{bucket} --recursive",
            [
                entry(f"s3://{bucket}", listing(top.get("Contents", []))),
                entry(
                    f"s3://{bucket}/images/", listing(self.newest("RekognitionBucket", "images/"))
                ),
            ],
        )

    def content_of_log(self, group: str) -> tuple[str, str, list[Doc]]:
        """The end of a function's log."""
        lines = list(self.logs.get(group, []))
        text = "\n".join(f"{line['at'][11:23]}  {line['text']}" for line in lines)
        about = "The end of its log; times are in UTC." if lines else "It has not run yet."
        log = self.ids[group]
        return about, f"aws logs tail {log}", [entry(log, text)] if lines else []

    def content_of_table(self) -> tuple[str, str, list[Doc]]:
        """The items of the newest photos."""
        table = self.ids["PostsTable"]
        keys = [key for key, (photo, _) in reversed(self.photos.items()) if photo["delivered"]][:10]
        found: dict[str, Doc] = {}
        if keys:
            answer = self.client("dynamodb").batch_get_item(
                RequestItems={table: {"Keys": [{"media_key": {"S": key}} for key in keys]}}
            )
            found = {item["media_key"]["S"]: item for item in answer["Responses"].get(table, [])}
        plain = {
            key: {name: next(iter(value.values())) for name, value in item.items()}
            for key, item in found.items()
        }
        entries = [entry(key, pretty(plain[key])) for key in keys if key in plain]
        about = f"{self.hops['PostsTable'].count} items. Those of the newest photos:"
        return about, f"aws dynamodb scan --table-name {table}", entries

    def content_of_queue(self) -> tuple[str, str, list[Doc]]:
        """The messages, which stay in the queue: they are invisible for no time at all."""
        url = self.ids["FailureQueue"]
        answer = self.client("sqs").receive_message(
            QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=5
        )
        entries = []
        for message in answer.get("Messages", []):
            body = pretty_line(message["Body"])
            entries.append(entry(f"Message {message['MessageId']}", body[:8000]))
        count = self.hops["FailureQueue"].count
        about = f"{count} events failed three times. Reading them here leaves them in the queue."
        if not entries:
            about = "It is empty: nothing failed three times."
        command = f"aws sqs receive-message --queue-url {url} --visibility-timeout 0"
        return about, command, entries

    def content_of_rekognition(self) -> tuple[str, str, list[Doc]]:
        """The last comparisons."""
        notes = self.get(f"{self.workshop.rekognition_url}/_workshop/comparisons")[-10:]
        entries = [entry(note["target"], pretty(note), iso(note["at"])) for note in reversed(notes)]
        about = f"CompareFaces was called {self.hops['Rekognition'].count} times. The last calls:"
        return about if notes else "CompareFaces was not called yet.", "", entries

    def content_of_topic(self) -> tuple[str, str, list[Doc]]:
        """The subscriptions."""
        arn = self.ids["MatchTopic"]
        answer = self.client("sns").list_subscriptions_by_topic(TopicArn=arn)
        entries = [
            entry(subscription["Endpoint"], pretty(subscription))
            for subscription in answer["Subscriptions"]
        ]
        command = f"aws sns list-subscriptions-by-topic --topic-arn {arn}"
        return "Who gets the e-mails:", command, entries

    def content_of_inbox(self) -> tuple[str, str, list[Doc]]:
        """The newest mails."""
        mails = list(self.mails)[-5:]
        entries = [entry(m["subject"], m["body"], m["sent"]) for m in reversed(mails)]
        return f"{self.mail_number} mails. Read them in the section Mail, too.", "", entries


def entry(heading: str, text: str, moment: str = "") -> Doc:
    """One thing in a hop."""
    return {"heading": heading, "text": text, "at": moment}


def pretty(value: Any) -> str:
    """JSON to read."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def pretty_line(line: str) -> str:
    """A line of JSON to read; another line as it is."""
    try:
        return pretty(json.loads(line))
    except ValueError:
        return line


def listing(objects: list[Doc]) -> str:
    """Objects as `aws s3 ls` lists them."""
    lines = [f"{iso(o['LastModified'])[:19]}Z {o['Size']:>10}  {o['Key']}" for o in objects]
    return "\n".join(lines) or "(nothing yet)"


def in_words(code: str) -> str:
    """What an error of Rekognition means."""
    return {
        "InvalidParameterException": "No face was found in the photo, or none in the reference.",
        "InvalidS3ObjectException": "A picture could not be read from S3: is the reference there?",
        "ImageTooLargeException": "The picture is too large: Rekognition takes 15 MB.",
        "InvalidImageFormatException": "The picture is neither JPEG nor PNG.",
        "AccessDeniedException": "The function's role may not do this.",
        "ThrottlingException": "Too many calls at a time.",
        "ProvisionedThroughputExceededException": "Too many calls at a time.",
    }.get(code, code)


# ---------------------------------------------------------------- pictures


def kind_of(data: bytes) -> str:
    """The media type of a picture by its first bytes; empty if it is none."""
    for start, kind in (
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF8", "image/gif"),
    ):
        if data.startswith(start):
            return kind
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


class Pictures:
    """Pictures made small for the page; as many are kept as fit into some memory."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self.size = 0
        self.lock = threading.Lock()
        self.turn = threading.Semaphore(2)  # decoding takes memory

    def get(self, name: str, pixels: int, read: Callable[[], bytes]) -> bytes:
        """A JPEG of at most so many pixels a side, upright; `read` gets the original.

        Raises:
            Refusal: it is no picture.
        """
        with self.lock:
            if (name, pixels) in self.kept:
                self.kept.move_to_end((name, pixels))
                return self.kept[name, pixels]
        with self.turn:
            data = self.shrink(read(), pixels)
        with self.lock:
            if (name, pixels) not in self.kept:
                self.kept[name, pixels] = data
                self.size += len(data)
            while self.size > THUMBNAIL_BYTES:
                self.size -= len(self.kept.popitem(last=False)[1])
        return data

    @staticmethod
    def shrink(data: bytes, pixels: int) -> bytes:
        """Make a picture small."""
        try:
            source = io.BytesIO(data)
            with Image.open(source, formats=("JPEG", "PNG", "WEBP", "GIF")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Refusal("The picture has too many pixels.", 415)
                image.draft("RGB", (pixels, pixels))
                upright = ImageOps.exif_transpose(image).convert("RGB")
                upright.thumbnail((pixels, pixels))
                jpeg = io.BytesIO()
                upright.save(jpeg, "JPEG", quality=85)
                return jpeg.getvalue()
        except Refusal:
            raise
        except Exception as error:  # Pillow has a dozen kinds of exceptions for broken pictures
            raise Refusal("This is not a picture that can be shown.", 415) from error


# ---------------------------------------------------------------- requests


async def body_of(request: Request, limit: int, sentence: str) -> bytes:
    """The body of a request, of which never more than `limit` is kept.

    Raises:
        Refusal: it is larger, with `sentence`.
    """
    if int(request.headers.get("content-length") or 0) > limit:
        # Read on without keeping anything: a browser shows no answer that comes while it sends.
        left = 4 * limit
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                break
        raise Refusal(sentence, 413)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refusal(sentence, 413)
    return bytes(body)


async def json_of(request: Request) -> Doc:
    """The JSON object in a request.

    Raises:
        Refusal: too large, or something else.
    """
    body = await body_of(request, MAX_JSON, "The text is too long.")
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refusal("The request is not understood.")
    return value


class Page:
    """The page's answers."""

    def __init__(self, workshop: running.Running, port: int) -> None:
        self.workshop = workshop
        self.watcher = Watcher(workshop)
        self.pictures = Pictures()
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.version = secrets.token_hex(4)

    # What may ask

    async def guard(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Let only this page ask: no other site, and no name that points to 127.0.0.1."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host not in self.hosts:
            return JSONResponse({"error": "Open the page at 127.0.0.1."}, 421)
        if request.method not in ("GET", "HEAD") and (
            (origin is not None and origin != f"http://{host}")
            or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        ):
            return JSONResponse({"error": "Another site may not do this."}, 403)
        response = await call_next(request)
        response.headers.update(
            {
                "Content-Security-Policy": CONTENT_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cross-Origin-Opener-Policy": "same-origin",
            }
        )
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    # What the page is made of

    @staticmethod
    def file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
        """The answer with one of the page's files."""

        async def answer(_: Request) -> Response:
            return Response((FILES / name).read_bytes(), media_type=kind)

        return answer

    async def ready(self, _: Request) -> Response:
        """GET /_workshop/ready."""
        return JSONResponse({"ready": True, "version": self.watcher.version})

    async def state(self, request: Request) -> Response:
        """GET /state?run=…&version=N: what is new, as soon as there is a later version."""
        query = request.query_params
        run = query.get("run", "")
        version = int(query["version"]) if query.get("version", "").isdigit() else 0
        watcher = self.watcher
        if time.monotonic() - watcher.watched > IDLE_SECONDS:
            watcher.wake.set()
        deadline = time.monotonic() + 20
        while True:
            watcher.watched = time.monotonic()
            if watcher.version and (run != watcher.run or watcher.version > version):
                return JSONResponse(await run_in_threadpool(watcher.state, run, version))
            if time.monotonic() > deadline or await request.is_disconnected():
                return Response(status_code=204)
            await asyncio.sleep(0.1)

    async def hop(self, request: Request) -> Response:
        """GET /hops/{name}: what is in a hop."""
        name = request.path_params["name"]
        if name not in HOPS:
            raise Refusal("There is no such hop.", 404)
        return JSONResponse(await run_in_threadpool(self.watcher.content, name))

    # Pictures

    async def photo(self, request: Request) -> Response:
        """GET /photos/{media_key}: a photo of a post, as X has it, or with ?from=s3 as S3 has."""
        key = request.path_params["key"]
        photo, _ = self.watcher.photos.get(key, ({}, {}))
        if not photo:
            raise Refusal("There is no such photo.", 404)
        stored = request.query_params.get("from") == "s3"

        def read() -> bytes:
            with contextlib.suppress(ClientError, KeyError):  # a stack that is gone
                if stored:
                    return self.watcher.read("RekognitionBucket", f"images/{key}.jpg")
            name = photo["url"].rpartition("/")[2]
            url = f"{self.workshop.x_url}/media/{name}?format=jpg&name=large"
            data: bytes = self.watcher.web.get(url, timeout=20).content
            return data

        return await self.picture(request, f"{stored} {key} {photo['etag']}", read)

    async def reference(self, request: Request) -> Response:
        """GET /reference: the reference photo."""
        known = self.watcher.reference
        if not known["etag"]:
            raise Refusal("There is no reference photo yet.", 404)
        return await self.picture(
            request,
            f"reference {known['etag']}",
            lambda: self.watcher.read("RekognitionBucket", known["name"]),
        )

    async def sample(self, request: Request) -> Response:
        """GET /samples/{name}: a sample picture."""
        data = self.sample_bytes(request.path_params["name"])
        return await self.picture(request, f"sample {request.path_params['name']}", lambda: data)

    async def picture(self, request: Request, name: str, read: Callable[[], bytes]) -> Response:
        """A picture, small or large."""
        pixels = LARGE_PIXELS if request.query_params.get("size") == "large" else SMALL_PIXELS
        try:
            data = await run_in_threadpool(self.pictures.get, name, pixels, read)
        except (ClientError, BotoCoreError, requests.RequestException, KeyError, OSError):
            raise Refusal("The picture cannot be read.", 404) from None
        return Response(data, 200, {"Cache-Control": "private, max-age=3600"}, "image/jpeg")

    @staticmethod
    def sample_bytes(name: object) -> bytes:
        """A sample picture by its name, of which there are five.

        Raises:
            Refusal: there is none of this name.
        """
        if name not in (*samples.PHOTOS, samples.LANDSCAPE):
            raise Refusal("There is no such sample.", 404)
        path = samples.folder() / str(name)
        if not path.exists():
            raise Refusal("The samples are not here: get them with make samples.", 404)
        return path.read_bytes()

    # What the learner does

    def x(self) -> XClient:
        """A client of X with the learner's keys."""
        keys = self.workshop.keys
        return XClient(self.workshop.x_url, keys["TWITTER_CONSUMER_KEY"], keys["TWITTER_TOKEN"])

    async def add_photo(self, request: Request) -> Response:
        """POST /photos: one photo of a post to come, as it is in the file."""
        sentence = "The photo is larger than 32 MB, which is more than X takes. Choose another."
        data = await body_of(request, MAX_PHOTO, sentence)
        if not kind_of(data):
            raise Refusal("This file is not a photo. X takes JPEG, PNG, GIF and WebP.", 415)
        return JSONResponse({"id": await run_in_threadpool(self.x().upload, data)})

    async def add_post(self, request: Request) -> Response:
        """POST /posts: {"text": …, "photos": [{"id": …} or {"sample": …}, …]}."""
        body = await json_of(request)
        text, photos = body.get("text"), body.get("photos")
        if not isinstance(text, str) or not isinstance(photos, list):
            raise Refusal("The request is not understood.")
        if len(text) > MAX_TEXT:
            raise Refusal(f"The text is longer than {MAX_TEXT} characters.")
        if len(photos) > MAX_PHOTOS:
            raise Refusal(f"A post has at most {MAX_PHOTOS} photos.")
        if not text.strip() and not photos:
            raise Refusal("Write something, or add a photo.")
        if not all(isinstance(photo, dict) for photo in photos):
            raise Refusal("The request is not understood.")
        bytes_or_id = [
            self.sample_bytes(photo["sample"]) if "sample" in photo else str(photo.get("id"))
            for photo in photos
        ]

        def post() -> str:
            x = self.x()
            ids = [part if isinstance(part, str) else x.upload(part) for part in bytes_or_id]
            return x.post(text, ids)

        try:
            identity = await run_in_threadpool(post)
        except requests.HTTPError as error:
            raise Refusal(f"X refused the post: {error.response.status_code}.") from None
        self.watcher.wake.set()
        return JSONResponse({"id": identity}, 201)

    async def change_reference(self, request: Request) -> Response:
        """POST /reference: the picture itself, or with ?sample=NAME one of the samples."""
        sample = request.query_params.get("sample")
        if sample:
            data = self.sample_bytes(sample)
        else:
            sentence = "The photo is larger than 15 MB, which is more than Rekognition takes."
            data = await body_of(request, MAX_REFERENCE, f"{sentence} Choose another.")
        if kind_of(data) not in ("image/jpeg", "image/png"):
            raise Refusal("This file is not a photo. Rekognition takes JPEG and PNG.", 415)
        watcher = self.watcher
        if not watcher.ids.get("RekognitionBucket"):
            raise Refusal("There is no stack yet: launch it first, step 3.", 409)
        await run_in_threadpool(
            watcher.client("s3").put_object,
            Bucket=watcher.ids["RekognitionBucket"],
            Key=watcher.reference["name"],
            Body=data,
            ContentType=kind_of(data),
        )
        watcher.wake.set()
        return JSONResponse({"name": watcher.reference["name"]}, 201)

    async def confirm(self, request: Request) -> Response:
        """POST /mails/{number}/confirm: click the link in a confirmation mail."""
        number = request.path_params["number"]
        mail = next((mail for mail in self.watcher.mails if mail["number"] == number), None)
        if not mail or not mail["token"]:
            raise Refusal("There is nothing to confirm in this mail.", 404)
        await run_in_threadpool(
            self.watcher.client("sns").confirm_subscription,
            TopicArn=mail["topic"],
            Token=mail["token"],
        )
        self.watcher.slow = 0.0
        self.watcher.wake.set()
        return JSONResponse({"confirmed": True})

    def app(self) -> Starlette:
        """The web application."""

        async def refused(_: Request, refusal: Exception) -> Response:
            assert isinstance(refusal, Refusal)
            return JSONResponse({"error": refusal.text}, refusal.status)

        async def failed(_: Request, error: Exception) -> Response:
            if isinstance(error, ClientError):
                text = error.response["Error"].get("Message", str(error))
                return JSONResponse({"error": f"AWS refused it: {text}"}, 502)
            return JSONResponse({"error": "A part of the workshop does not answer."}, 502)

        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            self.watcher.start()
            yield

        return Starlette(
            routes=[
                Route("/", self.file("index.html", "text/html")),
                Route("/style.css", self.file("style.css", "text/css")),
                Route("/page.js", self.file("page.js", "text/javascript")),
                Route("/_workshop/ready", self.ready),
                Route("/state", self.state),
                Route("/hops/{name}", self.hop),
                Route("/photos/{key}", self.photo),
                Route("/photos", self.add_photo, methods=["POST"]),
                Route("/posts", self.add_post, methods=["POST"]),
                Route("/samples/{name}", self.sample),
                Route("/reference", self.reference),
                Route("/reference", self.change_reference, methods=["POST"]),
                Route("/mails/{number:int}/confirm", self.confirm, methods=["POST"]),
            ],
            exception_handlers={
                Refusal: refused,
                ClientError: failed,
                BotoCoreError: failed,
                requests.RequestException: failed,
            },
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self.guard)],
            lifespan=lifespan,
        )


class Server(uvicorn.Server):
    """uvicorn, but SIGTERM ends it at once: nothing here is worth waiting for."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the process."""
        os._exit(0)


@click.command()
@click.option("--port", type=int, required=True, help="TCP port on 127.0.0.1.")
def main(port: int) -> None:
    """Serve the page of the running offline workshop on 127.0.0.1."""
    exit_with_parent()
    workshop = running.load()
    if workshop is None:
        raise OfflineError("No offline workshop is running. Start one: make workshop")
    config = uvicorn.Config(
        Page(workshop, port).app(),
        "127.0.0.1",
        port,
        ws="none",
        access_log=False,
        log_level="error",
    )
    Server(config).run()


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except OfflineError as error:
        sys.exit(str(error))
