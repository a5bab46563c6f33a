"""The newest posts, and how far each of their photos has come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from kit.page.documents import Doc, seconds_since

KEPT_POSTS = 200  # in full; of older ones only the counts
STUCK_SECONDS = 20.0  # a photo that takes longer from one hop to the next is called stuck
STAGES = ("streamed", "delivered", "stored", "arrived", "compared", "mailed")
WAITING = (  # from a stage to the next one, the hop that is waited for, what to say of it
    ("streamed", "delivered", "DeliveryStream", "has not come out as an object"),
    ("delivered", "stored", "TwitterLambdaFunction", "has not been stored"),
    ("stored", "arrived", "RekognitionLambdaFunction", "has not been looked at"),
)


class Posts:
    """Posts by id, oldest first.

    Attributes:
        photos: their photos by media key, each with its post.
        version: with which the changes of this look are marked, so that only they are sent.
        changed: whether there are any.
    """

    def __init__(self) -> None:
        self.by_id: OrderedDict[str, Doc] = OrderedDict()
        self.photos: dict[str, tuple[Doc, Doc]] = {}
        self.last = ""
        self.version = 1
        self.changed = False

    def clear(self) -> None:
        """Forget all: X was started anew."""
        self.by_id.clear()
        self.photos.clear()
        self.last = ""
        self.changed = True

    def add(self, data: Doc) -> None:
        """Keep a new post, as X describes it, and forget the oldest one when there are enough."""
        streamed = bool(data.get("streamed"))
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
            "streamed": streamed,
            "photos": photos,
        }
        for photo in photos:
            if photo["type"] == "photo":
                photo["streamed"] = post["created_at"] if streamed else None
                self.photos[photo["key"]] = photo, post
        self.by_id[post["id"]] = post
        self.last = post["id"]
        self.touch(post)
        if len(self.by_id) > KEPT_POSTS:
            _, old = self.by_id.popitem(last=False)
            for photo in old["photos"]:
                self.photos.pop(photo["key"], None)

    def touch(self, post: Doc) -> None:
        """A post has changed."""
        post["v"] = self.version
        self.changed = True

    def change(self, media_key: str, **values: Any) -> None:
        """Something is known of a photo, if it is one of those kept."""
        photo, post = self.photos.get(media_key, ({}, {}))
        if photo and any(photo.get(name) != value for name, value in values.items()):
            photo.update(values)
            self.touch(post)

    def reach(self, media_key: str, stage: str, moment: str, **more: Any) -> None:
        """A photo has come to a stage; only the first time counts."""
        self.change(media_key, **{stage: self.photo(media_key).get(stage) or moment}, **more)

    def photo(self, media_key: str) -> Doc:
        """A photo; empty if it is not kept."""
        return self.photos.get(media_key, ({}, {}))[0]

    def newest_photos(self) -> list[Doc]:
        """All photos that are kept, the newest first."""
        return [photo for photo, _ in reversed(list(self.photos.values()))]

    def end_journeys(self) -> None:
        """The stack is gone: what each photo has reached stays, and it goes no further."""
        for key in self.photos:
            self.change(key, old=True)

    def stuck(self) -> Iterator[tuple[str, str]]:
        """Yield hops for which a photo waits too long, with a sentence."""
        for photo in self.newest_photos()[:20]:
            for before, after, hop, text in WAITING:
                ended = photo[after] or photo["problem"] or photo["old"] or not photo[before]
                if not ended and STUCK_SECONDS < seconds_since(photo[before]) < 3600:
                    yield hop, f"A photo {text} since {photo[before][11:19]} UTC."
