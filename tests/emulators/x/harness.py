"""A running emulated X, and what its tests share."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from kit.x_client import XClient
from support import wait_until
from support.emulator import Emulator

KEYS = {
    "TWITTER_CONSUMER_KEY": "ck-1b2f",
    "TWITTER_CONSUMER_SECRET": "cs-93aa/+=",
    "TWITTER_TOKEN": "ut-77c0",
    "TWITTER_TOKEN_SECRET": "us-4e21",
}
RULES = "/2/tweets/search/stream/rules"
EXPAND = {"expansions": "attachments.media_keys,author_id", "media.fields": "url,type"}
LARGE = {"format": "jpg", "name": "large"}


class Server(Emulator):
    """A running emulated X and what the tests want from it."""

    def __init__(self, folder: Path, keep_alive: float) -> None:
        options = (f"--keep-alive={keep_alive}", f"--photos={folder / 'photos'}")
        super().__init__("x", folder, *options, "--search-delay=1", environment=KEYS)
        self.client = XClient(self.url, KEYS["TWITTER_CONSUMER_KEY"], KEYS["TWITTER_TOKEN"])
        self.app = requests.Session()
        self.app.trust_env = False
        answer = self.app.post(
            self.url + "/oauth2/token",
            auth=(KEYS["TWITTER_CONSUMER_KEY"], "cs-93aa%2F%2B%3D"),
            data={"grant_type": "client_credentials"},
        )
        assert answer.json()["token_type"] == "bearer"
        self.bearer = answer.json()["access_token"]
        self.app.headers["Authorization"] = f"Bearer {self.bearer}"

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return self.app.get(self.url + path, timeout=60, **arguments)

    def rules(self, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.post(self.url + RULES, json=body).json()
        return answer

    def fault(self, **fault: Any) -> None:
        self.admin.post("faults", fault)

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self.admin.get("stats")
        return stats

    def reset(self) -> None:
        """No rules, no faults, nobody connected."""
        self.fault(kind="reset")
        self.fault(kind="disconnect")
        rules = self.get(RULES).json().get("data", [])
        self.rules(delete={"ids": [rule["id"] for rule in rules]})
        wait_until(lambda: not self.stats()["connected"])

    def photo_url(self, data: bytes) -> str:
        """Post a photo and return where it can be downloaded."""
        self.client.post("a photo", [self.client.upload(data)])
        url: str = self.admin.get("posts")[0]["media"][0]["url"]
        return url


def next_post(lines: Iterator[bytes]) -> dict[str, Any]:
    post: dict[str, Any] = json.loads(next(line for line in lines if line))
    return post


def picture(kind: str, size: tuple[int, int], orientation: int = 1) -> bytes:
    """A picture, red above and blue below."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0], size[1] // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    image.save(data, kind, exif=exif)
    return data.getvalue()
