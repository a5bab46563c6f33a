"""The photos of the cases: the posts that they belong to, and the pictures on them."""

from __future__ import annotations

import hashlib
import io
import random
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from PIL import Image, ImageFilter

from kit import samples
from kit.jsonl import Json

REFERENCE = "celebrity.jpg"
GROUP, BLURRED = "group", "blurred"  # pictures that are made of the samples


@dataclass
class Photo:
    """A photo of a post, and the post; without one if it was uploaded by hand."""

    data: bytes
    text: str = "Look who is here"
    by_hand: bool = False
    prefix: str = "3_"  # of its media key
    id: str = field(default_factory=lambda: str(random.randrange(10**18, 2 * 10**18)))

    @property
    def media_key(self) -> str:
        """The key of its item."""
        return self.prefix + self.id

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return f"images/{self.media_key}.jpg"

    @property
    def post(self) -> dict[str, str]:
        """Its item, as TwitterLambdaFunction stores it: without what is empty."""
        item = {
            "media_key": self.media_key,
            "post_id": str(int(self.id) // 7),
            "username": f"fan{self.id[-6:]}",
            "created_at": "2026-11-22T10:07:00.000Z",
            "text": self.text,
        }
        return {name: value for name, value in item.items() if value}

    def record(self, bucket: str) -> Json:
        """Its record in S3's event; the same each time."""
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
                    "sequencer": f"{int(self.id):018X}",
                },
            },
        }

    def is_picture(self, name: str) -> bool:
        """Whether Rekognition means this photo, which it got from S3 or as bytes."""
        return self.id in name or name == f"{len(self.data)} bytes"


def make_pictures() -> dict[str, bytes]:
    """The sample pictures by name, and two made of them: GROUP and BLURRED.

    The group has a large face of another person and two small matching ones. The blurred one is a
    match that is less similar than sure, so that Similarity is not mistaken for Confidence.
    """
    pictures = {name: path.read_bytes() for name, path in samples.ensure().items()}
    with Image.open(io.BytesIO(pictures[samples.MATCH])) as image:
        blurred = image.convert("RGB").filter(ImageFilter.GaussianBlur(5))
    group = Image.new("RGB", (1400, 1200), "white")
    for name, width, left in (
        (samples.OTHER_PERSON, 740, 0),
        (samples.MATCH, 320, 750),
        (samples.REFERENCE, 320, 1080),
    ):
        with Image.open(io.BytesIO(pictures[name])) as image:
            height = width * image.height // image.width
            group.paste(image.convert("RGB").resize((width, height)), (left, 0))
    for name, picture in ((GROUP, group), (BLURRED, blurred)):
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=92)
        pictures[name] = jpeg.getvalue()
    return pictures
