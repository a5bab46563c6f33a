"""DeliveryStream and TwitterBucket: what Firehose has delivered."""

from __future__ import annotations

import re

from kit.page.documents import Content, entry, iso, pretty_line
from kit.page.known import Known
from kit.page.parties import Parties
from kit.page.pollers.look import LookInside
from kit.page.pollers.objects import Objects, listing
from kit.page.posts import KEPT_POSTS

MAX_TEXT = 64 * 1024  # bytes of an object that are shown


class TwitterBucket(LookInside):
    """The objects with metadata."""

    hop = "TwitterBucket"
    party = "The bucket"

    def __init__(self, parties: Parties, known: Known) -> None:
        super().__init__(parties, known)
        self.objects = Objects(parties, "firehose/")

    def look(self) -> None:
        """New objects, and whose photos are in them."""
        bucket, stream = self.physical_id, self.known.hops["DeliveryStream"]
        new = list(self.objects.new(bucket))
        for number, found in enumerate(new, start=1):
            moment = iso(found["LastModified"])
            self.box.arrived(moment)
            if len(new) - number > KEPT_POSTS:  # from before our start: their posts are not kept
                stream.arrived(moment)
                continue
            body = self.parties.read(bucket, found["Key"]).decode(errors="replace")
            keys = re.findall(r'"media_key": ?"([\w-]+)"', body)
            stream.arrived(moment, len(keys))
            for key in keys:
                self.known.posts.reach(key, "delivered", moment, object=found["Key"])

    def content(self) -> Content:
        """The listing."""
        bucket = self.physical_id
        text = listing(self.objects.newest(bucket))
        about = f"{self.box.count} objects. The newest first:"
        return Content(
            about, [entry(f"s3://{bucket}", text)], f"aws s3 ls s3://{bucket} --recursive"
        )


class DeliveryStream(LookInside):
    """Firehose, whose objects TwitterBucket counts."""

    hop = "DeliveryStream"
    party = "The delivery stream"
    pause = 2.0

    def __init__(self, parties: Parties, known: Known, bucket: TwitterBucket) -> None:
        super().__init__(parties, known)
        self.bucket = bucket

    def look(self) -> None:
        """Whether it is there: an error says so."""
        self.client("firehose").describe_delivery_stream(DeliveryStreamName=self.physical_id)

    def content(self) -> Content:
        """The newest objects, with what is in them."""
        bucket = self.bucket.physical_id
        entries = []
        for found in self.bucket.objects.newest(bucket)[:5]:
            text = self.parties.read(bucket, found["Key"], MAX_TEXT).decode(errors="replace")
            lines = [pretty_line(line) for line in text.splitlines()[:20]]
            entries.append(entry(found["Key"], "\n".join(lines), iso(found["LastModified"])))
        if not entries:
            return Content("Nothing is delivered yet.", [])
        about = "One line of JSON for each photo. The newest objects that it has delivered:"
        return Content(about, entries, f"aws s3 cp s3://{bucket}/{entries[0]['heading']} -")
