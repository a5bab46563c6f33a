"""The events with which the learner tests the deployed function."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

from starlette.exceptions import HTTPException

from kit import samples
from kit.events_without_photo import HELLO_WORLD
from kit.jsonl import Json
from kit.page.pictures import sample
from kit.page.services import Services
from kit.page.state import State

FIXED: dict[str, Json] = {"console": HELLO_WORLD, "empty": {}}
# Sample pictures that a test stores first, and the key: beside images/, of which S3 sends events.
STORED = {
    "no face": (samples.NO_FACE, "tests/no-face.jpg"),
    "spaces": (samples.OTHER_PERSON, "tests/a key with spaces & ü.jpg"),
}


class Events:
    """Makes the events that are asked for.

    Raises:
        HTTPException: from each method, when it cannot be done; the detail is for the learner.
    """

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state

    def asked_for(self, body: Json) -> tuple[Any, int]:
        """The event of {"event": name} or {"json": text}, and how often to send it at once.

        Names are "newest", "two", "twice", those of FIXED and STORED, or "photo 3_…" for one photo.
        """
        if isinstance(text := body.get("json"), str):
            try:
                return json.loads(text), 1
            except (ValueError, RecursionError) as error:
                raise HTTPException(400, f"This is no JSON: {error}") from None
        name = str(body.get("event"))
        if name in FIXED:
            return FIXED[name], 1
        if name in STORED:
            return self.of_a_sample(*STORED[name]), 1
        return self.of_photos(name), 2 if name == "twice" else 1

    def to_edit(self) -> Json:
        """An event to begin with: that of the newest photo, or else the console's."""
        try:
            return self.of_photos("newest")
        except HTTPException:
            return HELLO_WORLD

    def of_photos(self, name: str) -> Json:
        """The event of photos below images/."""
        stored = [photo["key"] for photo in self.state.posts.newest_photos() if photo["stored"]]
        wanted = name.removeprefix("photo ")
        keys = {"newest": stored[:1], "twice": stored[:1], "two": stored[:2]}.get(wanted, [])
        keys = keys or [key for key in stored if key == wanted]
        if not keys:
            raise HTTPException(409, "There is no photo below images/ yet: post one first.")
        etags = {key: self.state.posts.photo(key)["etag"] for key in keys}
        return self.of_objects({f"images/{key}.jpg": etag for key, etag in etags.items()})

    def of_a_sample(self, name: str, key: str) -> Json:
        """The event of a sample picture, which is stored by this key first."""
        picture, bucket = sample(name), self.bucket
        answer = self.services.client("s3").put_object(
            Bucket=bucket, Key=key, Body=picture, ContentType="image/jpeg"
        )
        return self.of_objects({key: answer["ETag"].strip('"')})

    @property
    def bucket(self) -> str:
        """The name of the bucket with the photos."""
        if name := self.state.ids.get("RekognitionBucket"):
            return name
        raise HTTPException(409, "There is no stack yet: launch it first, step 3.")

    def of_objects(self, etags: dict[str, str]) -> Json:
        """The event that S3 sends for objects, as far as the exercise reads it; ETags by key.

        AWS: S3 User Guide, "Event message structure"; the key is encoded as in a form.
        """
        bucket = self.bucket
        return {
            "Records": [
                {
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "awsRegion": self.services.region,
                    "s3": {
                        "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                        "object": {"key": quote_plus(key, safe="/"), "eTag": etag},
                    },
                }
                for key, etag in etags.items()
            ]
        }
