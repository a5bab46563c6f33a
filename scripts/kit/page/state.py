"""The state of the workshop that the page shows: the pollers write it, the server reads it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from kit.jsonl import Json
from kit.page.formatting import now, seconds_since

# The stages of a photo: resources of the stack, and the services around it.
STAGES = (
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
# How far a photo has come.
MILESTONES = ("streamed", "delivered", "stored", "arrived", "compared", "mailed")
# From one milestone to the next: the stage that is waited for, and what has not happened there.
WAITING = (
    ("streamed", "delivered", "DeliveryStream", "has not come out as an object"),
    ("delivered", "stored", "TwitterLambdaFunction", "has not been stored"),
    ("stored", "arrived", "RekognitionLambdaFunction", "has not started the function"),
)
STUCK_SECONDS = 20.0  # a photo that takes longer from one milestone to the next is called stuck
MAX_POSTS = 200  # in full; of older ones only the counts
MAX_EARLY = 1_000  # photos of which something is known before their posts are read
MAX_MAILS = 100  # the same
MAX_LINES = 2000  # of the exercise's function


SEEN = ("images",)  # the steps that are done by looking


class State:
    """All of it; its size is limited, however long the workshop runs.

    Attributes:
        posts: the newest posts with their photos.
        x: what X tells of itself: its posts, and whether the streamer is connected.
        stack: the newest one: id, name, status, created, failure.
        ids: physical ids of its resources by logical id; empty until it is complete.
        mails: the newest, each with its number; `mail_number` is that of the next one.
        stages: the status of each stage.
        confirmed: whether the e-mail address is confirmed.
        reference: the reference photo: name, etag, faces, problem.
        code: of the exercise's function: whether it is the starter, and whether it has compared.
        exercise, log: the learner's file, and the lines of the function, each with its number.
        running: its invocations by id, and since when they run.
    """

    def __init__(self) -> None:
        self.posts = Posts()
        self.x: Json = {}
        self.stack: Json | None = None
        self.last_stack = ""  # its name; it may be deleted
        self.exercise = ""  # the tag of the learner's file; empty without one
        self.log: deque[Json] = deque(maxlen=MAX_LINES)  # of the exercise's function
        self.log_number = 0  # of its last line
        self.mails: deque[Json] = deque(maxlen=MAX_MAILS)
        self.mail_number = 0
        self.stages = {name: Status() for name in STAGES}
        self.forget_stack()

    def forget_stack(self) -> None:
        """Begin anew: another stack, or none."""
        self.seen: set[str] = set()  # what the learner has looked at, of SEEN
        self.stack = None
        self.ids: dict[str, str] = {}
        for name in STAGES:
            if name not in ("X", "Inbox"):
                self.stages[name] = Status()
        self.confirmed = False
        self.reference: Json = {"name": "celebrity.jpg", "etag": None}
        self.code: Json = {"sha": "", "starter": True, "modified": "", "compared": False, "tag": ""}
        self.running: dict[str, str] = {}  # invocations of the exercise's function: since when
        self.posts.end_journeys()


class Status:
    """Of a stage: a count, when the last one came, the last error, and the current one.

    Attributes:
        count: of what has come.
        last: when the last one came.
        error, error_at: the last one, which may be over.
        current_error: wrong at this moment, unlike an event of the past.
        note: a few words.
    """

    def __init__(self) -> None:
        self.count = 0
        self.last: str | None = None
        self.error: str | None = None
        self.error_at: str | None = None
        self.current_error = ""
        self.note = ""

    def arrived(self, moment: str, count: int = 1) -> None:
        """Count what came."""
        self.count += count
        self.last = max(self.last or "", moment)

    def failed(self, message: str, moment: str | None = None) -> None:
        """Note an error; the same one again keeps its time."""
        if message != self.error or moment:
            self.error, self.error_at = message, moment or now()

    def as_json(self) -> Json:
        """For the page."""
        is_over = bool(self.error and self.last and (self.error_at or "") < self.last)
        return {
            "count": self.count,
            "last": self.last,
            "error": self.current_error or self.error,
            "error_at": None if self.current_error else self.error_at,
            "now": bool(self.current_error) or bool(self.error and not is_over),
            "note": self.note,
        }


class Posts:
    """The newest posts by id, oldest first, and how far each of their photos has come.

    Attributes:
        photos: their photos by media key, each with its post.
        early: what is known of photos whose posts are not read yet, by media key.
        last: the id of the newest post.
        version: marks the changes of this round, so that only they are sent.
        changed: whether there are any.
    """

    def __init__(self) -> None:
        self.by_id: OrderedDict[str, Json] = OrderedDict()
        self.photos: dict[str, tuple[Json, Json]] = {}
        self.early: OrderedDict[str, Json] = OrderedDict()
        self.last = ""
        self.version = 1
        self.changed = False

    def clear(self) -> None:
        """Forget all: X was started anew."""
        self.by_id.clear()
        self.photos.clear()
        self.early.clear()
        self.last = ""
        self.changed = True

    def add(self, data: Json) -> None:
        """Add a new post, as X describes it, and drop the oldest one when there are enough."""
        streamed = data["created_at"] if data.get("streamed") else None
        photos = [new_photo(media, streamed) for media in data["media"]]
        for photo in photos:
            photo.update(self.early.pop(photo["key"], {}))
        post = {
            "id": data["id"],
            "text": data["text"],
            "username": data["user"]["username"],
            "created_at": data["created_at"],
            "streamed": bool(streamed),
            "photos": photos,
        }
        self.photos |= {photo["key"]: (photo, post) for photo in photos if photo["type"] == "photo"}
        self.by_id[post["id"]] = post
        self.last = post["id"]
        self.touch(post)
        if len(self.by_id) > MAX_POSTS:
            _, oldest = self.by_id.popitem(last=False)
            for photo in oldest["photos"]:
                self.photos.pop(photo["key"], None)

    def touch(self, post: Json) -> None:
        """Mark a post as changed."""
        post["v"] = self.version
        self.changed = True

    def change(self, media_key: str, **values: Any) -> None:
        """Change values of a photo; of one that is not here, keep them until its post is read."""
        if media_key not in self.photos:
            self.early[media_key] = self.early.get(media_key, {}) | values
            if len(self.early) > MAX_EARLY:
                self.early.popitem(last=False)
            return
        photo, post = self.photos[media_key]
        if any(photo.get(name) != value for name, value in values.items()):
            photo.update(values)
            self.touch(post)

    def reach(self, media_key: str, milestone: str, moment: str, **more: Any) -> None:
        """A photo has come to a milestone; only the first time counts."""
        self.change(
            media_key, **{milestone: self.known(media_key).get(milestone) or moment}, **more
        )

    def photo(self, media_key: str) -> Json:
        """A photo; empty if it is not here."""
        return self.photos.get(media_key, ({}, {}))[0]

    def known(self, media_key: str) -> Json:
        """What is known of a photo, also before its post is read."""
        return self.photo(media_key) or self.early.get(media_key, {})

    def newest_photos(self) -> list[Json]:
        """All photos that are here, the newest first."""
        return [photo for photo, _ in reversed(list(self.photos.values()))]

    def end_journeys(self) -> None:
        """The stack is gone: what each photo has reached stays, and it goes no further."""
        for key in self.photos:
            self.change(key, old=True)

    def stuck(self) -> Iterator[tuple[str, str]]:
        """Yield stages for which a photo waits too long, with a message."""
        for photo in self.newest_photos()[:20]:
            for before, after, stage, message in WAITING:
                ended = photo[after] or photo["problem"] or photo["old"] or not photo[before]
                if not ended and STUCK_SECONDS < seconds_since(photo[before]) < 3600:
                    yield stage, f"A photo {message} for more than {STUCK_SECONDS:.0f} s."


def new_photo(media: Json, streamed: str | None) -> Json:
    """A photo or video of a post, as X describes it; of photos, when they were streamed."""
    return dict.fromkeys(MILESTONES) | {
        "key": media["media_key"],
        "type": media["type"],
        "url": media.get("url"),
        "streamed": streamed if media["type"] == "photo" else None,
        "problem": None,
        "tried": None,
        "running": False,
        "failed": None,
        "outcome": None,
        "similarity": None,
        "faces": None,
        "etag": None,
        "old": False,
    }
