"""A client of the emulated X, to post with."""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Iterable
from typing import Any

import requests


def error_message(error: requests.RequestException) -> str:
    """The message of a request that X refused: in X's words, if it answered."""
    try:
        return str(error.response.json()["detail"])  # type: ignore[union-attr]
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(error)


class XClient:
    """Posts to the emulated X, as the learner's phone does to X.

    Args:
        base_url: of the emulated X, such as http://127.0.0.1:4570.
        consumer_key: the server's TWITTER_CONSUMER_KEY; anything if it has none.
        token: the same for TWITTER_TOKEN.
    """

    def __init__(self, base_url: str, consumer_key: str = "any", token: str = "any") -> None:
        """Prepare a session; nothing is sent yet."""
        self.base_url = base_url
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy between here and 127.0.0.1
        quote = functools.partial(urllib.parse.quote, safe="")
        self.session.headers["Authorization"] = (
            f'OAuth oauth_consumer_key="{quote(consumer_key)}", oauth_token="{quote(token)}"'
        )

    def upload(self, data: bytes) -> str:
        """Upload a photo of at most 32 MiB and return its media id."""
        return self._send("/2/media/upload", files={"media": data})

    def post(self, text: str, media_ids: Iterable[str] = (), **emulator: str | bool) -> str:
        """Post a text with up to four photos and return the id of the post.

        Args:
            text: of the post.
            media_ids: of photos uploaded before.
            emulator: any of username, created_at, lang, retweet, reply, protected, video.
        """
        body = {"text": text, "media": {"media_ids": list(media_ids)}, "emulator": emulator}
        return self._send("/2/tweets", json=body)

    def _send(self, path: str, **content: Any) -> str:
        answer = self.session.post(self.base_url + path, timeout=30, **content)
        answer.raise_for_status()
        identity: str = answer.json()["data"]["id"]
        return identity
