"""DeliveryStream and TwitterBucket: what Firehose has delivered."""

from __future__ import annotations

import re

from kit.jsonl import Json
from kit.page.formatting import Content, counted, entry, iso, pretty_line
from kit.page.pollers.objects import BucketPoller, listing
from kit.page.pollers.poller import ContentPoller
from kit.page.services import Services
from kit.page.state import MAX_POSTS, State

MAX_TEXT = 64 * 1024  # bytes of an object that are shown


class TwitterBucket(BucketPoller):
    """The objects with metadata."""

    stage = "TwitterBucket"
    prefix = "firehose/"

    def poll(self) -> None:
        """New objects, and whose photos are in them."""
        bucket, stream = self.physical_id, self.state.stages["DeliveryStream"]
        new = self.objects.new(bucket)
        for number, found in enumerate(new, start=1):
            moment = iso(found["LastModified"])
            if len(new) - number > MAX_POSTS:  # from before our start: their posts are not here
                stream.arrived(moment)
            else:
                body = self.services.read(bucket, found["Key"]).decode(errors="replace")
                keys = re.findall(r'"media_key": ?"([\w-]+)"', body)
                stream.arrived(moment, len(keys))
                for key in keys:
                    self.state.posts.reach(key, "delivered", moment, object=found["Key"])
            self.status.arrived(moment)
            self.objects.note(found)

    def content(self) -> Content:
        """The listing."""
        bucket = self.physical_id
        newest = self.objects.newest(bucket)
        about = f"{counted(self.status.count, 'objects')}. The listing, and the newest object:"
        entries = [entry(f"s3://{bucket}", listing(newest)), *self.opened(newest[:1])]
        return Content(about, entries, f"aws s3 ls s3://{bucket} --recursive")

    def opened(self, objects: list[Json]) -> list[Json]:
        """Objects with their lines."""
        entries = []
        for found in objects:
            body = self.services.read(self.physical_id, found["Key"], MAX_TEXT)
            lines = body.decode(errors="replace").splitlines()[:20]
            text = "\n".join(pretty_line(line) for line in lines)
            entries.append(entry(found["Key"], text, iso(found["LastModified"])))
        return entries


class DeliveryStream(ContentPoller):
    """Firehose, whose objects TwitterBucket counts."""

    stage = "DeliveryStream"
    service = "The delivery stream"
    pause = 2.0

    def __init__(self, services: Services, state: State, bucket: TwitterBucket) -> None:
        super().__init__(services, state)
        self.bucket = bucket

    def poll(self) -> None:
        """Check that it is there: otherwise this raises."""
        self.client("firehose").describe_delivery_stream(DeliveryStreamName=self.physical_id)

    def content(self) -> Content:
        """The newest objects, with their lines."""
        bucket = self.bucket.physical_id
        entries = self.bucket.opened(self.bucket.objects.newest(bucket)[:5])
        if not entries:
            return Content("Nothing is delivered yet.", [])
        about = "One line of JSON for each photo. The newest objects that it has delivered:"
        return Content(about, entries, f"aws s3 cp s3://{bucket}/{entries[0]['heading']} -")
