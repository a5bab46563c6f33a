"""v1's streamer: one PutRecord for each photo, with indented JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def records(line: bytes) -> list[bytes]:
    """The records of one line of X's stream, one for each photo."""
    if not line.strip():
        return []
    message = json.loads(line)
    post, includes = message["data"], message["includes"]
    users = {user["id"]: user["username"] for user in includes["users"]}
    return [
        json.dumps(
            {
                "media_key": media["media_key"],
                "image_url": media["url"],
                "id_str": post["id"],
                "name": users[post["author_id"]],
                "text": post["text"],
                "created": post["created_at"],
            },
            indent=4,
        ).encode()
        for media in includes["media"]
        if media["type"] == "photo"
    ]


def listen(lines: Iterable[bytes], firehose: Any, stream: str) -> None:
    """Send the photos of a stream, as they come."""
    for line in lines:
        for record in records(line):
            firehose.put_record(DeliveryStreamName=stream, Record={"Data": record})
