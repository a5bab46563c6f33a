"""What the functions work with, and no more: two buckets, a table and a topic, without a stack."""

from __future__ import annotations

import uuid
from typing import Any

from kit.aws_client import Aws
from kit.keys import ACCOUNT, select
from lambdas.loading import load_code


class Account:
    """Resources of their own in the emulated AWS, and the functions' code loaded beside them.

    Attributes:
        bucket: of photos and posts; for these tests they need not be two.
        table, topic: the table's name, the topic's ARN.
    """

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.s3 = aws.client("s3")
        self.dynamodb = aws.client("dynamodb")
        name = f"lambdas-{uuid.uuid4().hex}"
        self.bucket = self.table = name
        self.topic = f"arn:aws:sns:{aws.region}:000000000000:{name}"
        self.s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region}
        )
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "media_key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "media_key", "KeyType": "HASH"}],
        )

    def load(self, code: str, name: str, **environment: str) -> dict[str, Any]:
        """Run a function's code as Lambda does when it starts, and return the names it defines."""
        ours = {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_DEFAULT_REGION": self.aws.region,
            **select(self.aws.keys, ACCOUNT),
            "REKOGNITION_BUCKET": self.bucket,
            "TABLE_NAME": self.table,
            "TOPIC_ARN": self.topic,
        }
        return load_code(code, name, **ours | environment)

    def put(self, key: str, body: bytes) -> None:
        """Store an object."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def body(self, key: str) -> bytes | None:
        """The content of an object, or None."""
        try:
            return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except self.s3.exceptions.NoSuchKey:
            return None

    def put_item(self, media_key: str, **attributes: str | int) -> None:
        """Write an item: its numbers are numbers, and the rest is text."""
        item: dict[str, dict[str, str]] = {"media_key": {"S": media_key}}
        for name, value in attributes.items():
            item[name] = {"S" if isinstance(value, str) else "N": str(value)}
        self.dynamodb.put_item(TableName=self.table, Item=item)

    def item(self, media_key: str) -> dict[str, str] | None:
        """An item; its numbers as DynamoDB writes them."""
        key = {"media_key": {"S": media_key}}
        answer = self.dynamodb.get_item(TableName=self.table, Key=key)
        if "Item" not in answer:
            return None
        return {name: next(iter(value.values())) for name, value in answer["Item"].items()}


def prefixes_asked_for(s3: Any) -> list[str]:
    """The prefixes of the listings for which a client asks from now on."""
    asked: list[str] = []

    def note(params: dict[str, str], **_: Any) -> None:
        asked.append(params.get("Prefix", ""))

    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", note)
    return asked
