"""Photos in the rekognition bucket, as TwitterLambdaFunction puts them there."""

from __future__ import annotations

import io
import json
import uuid

from PIL import Image

from kit.stack.stack import Stack
from support import s3_event, wait_until


class Photos:
    """The rekognition bucket with the function behind it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.bucket = stack.resource("RekognitionBucket")
        self.s3 = stack.aws.client("s3")
        self.table = stack.aws.client("dynamodb")
        self.table_name = stack.resource("PostsTable")

    def put_reference(self, photo: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key="celebrity.jpg", Body=photo)

    def put(self, photo: bytes, **post: str) -> str:
        """Store a photo and its post as TwitterLambdaFunction does; return the media key."""
        media_key = post.pop("media_key", f"3_{uuid.uuid4().int}")
        item = {"media_key": media_key, "username": "learner", "post_id": uuid.uuid4().hex, **post}
        self.table.put_item(
            TableName=self.table_name, Item={name: {"S": value} for name, value in item.items()}
        )
        self.s3.put_object(Bucket=self.bucket, Key=f"images/{media_key}.jpg", Body=photo)
        return media_key

    def forget(self, media_key: str) -> None:
        """Let a photo look as if it had never been compared."""
        self.table.put_item(TableName=self.table_name, Item={"media_key": {"S": media_key}})

    def item(self, media_key: str) -> dict[str, str]:
        key = {"media_key": {"S": media_key}}
        answer = self.table.get_item(TableName=self.table_name, Key=key, ConsistentRead=True)
        return {n: v.get("S", v.get("N")) for n, v in answer.get("Item", {}).items()}

    def outcome(self, media_key: str) -> str:
        return wait_until(lambda: self.item(media_key).get("outcome", ""))

    def mails(self, media_key: str) -> list[dict[str, str]]:
        post_id = self.item(media_key)["post_id"]
        return [mail for mail in self.stack.aws.outbox() if post_id in mail["body"]]

    def log(self) -> str:
        return "\n".join(self.stack.log_lines("RekognitionLambdaLogs"))

    def invoke(self, media_key: str, times: int) -> None:
        key = f"images/{media_key}.jpg"
        event = s3_event(self.bucket, key)
        etag = self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"].strip('"')
        event["Records"][0]["s3"]["object"]["eTag"] = etag
        name = self.stack.resource("RekognitionLambdaFunction")
        for _ in range(times):
            self.stack.aws.client("lambda").invoke(
                FunctionName=name, InvocationType="Event", Payload=json.dumps(event)
            )


def side_by_side(*photos: bytes) -> bytes:
    images = [Image.open(io.BytesIO(photo)).convert("RGB") for photo in photos]
    images = [image.resize((600, 600 * image.height // image.width)) for image in images]
    canvas = Image.new("RGB", (600 * len(images), max(image.height for image in images)))
    for number, image in enumerate(images):
        canvas.paste(image, (600 * number, 0))
    jpeg = io.BytesIO()
    canvas.save(jpeg, "JPEG", quality=92)
    return jpeg.getvalue()
