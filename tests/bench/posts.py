"""Posts with one photo each, as X's filtered stream sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

NUMBER = "1234567890123456789"  # stands for the number of the post


def message(number: int | str, url: str, text: str = "") -> dict[str, Any]:
    """A post of the X API v2, with what the streamer asks for."""
    key = f"3_{number}"
    return {
        "data": {
            "id": str(number),
            "text": text or f"Look who is here, number {number}: on the way to the lake with ☕",
            "author_id": "2244994945",
            "created_at": "2026-11-23T09:00:00.000Z",
            "edit_history_tweet_ids": [str(number)],
            "attachments": {"media_keys": [key]},
        },
        "includes": {
            "media": [{"media_key": key, "type": "photo", "url": url}],
            "users": [{"id": "2244994945", "name": "Learner", "username": "learner"}],
        },
        "matching_rules": [{"id": "1166916266197536768", "tag": "serverless-bytes"}],
    }


def line(number: int, url: str) -> bytes:
    """One line of the stream."""
    return json.dumps(message(number, url)).encode() + b"\r\n"


def stream(count: int) -> Iterator[bytes]:
    """Yield the lines of so many posts, which takes next to no time."""
    before = json.dumps(message(NUMBER, f"https://pbs.twimg.com/media/{NUMBER}.jpg")).encode()
    pieces = before.split(NUMBER.encode())
    for number in range(10**18, 10**18 + count):
        yield (b"%d" % number).join(pieces) + b"\r\n"
