"""Asks the emulators of a running workshop, as anybody could: with boto3 and HTTP."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import requests
from botocore.config import Config

from kit.admin_client import AdminClient
from kit.aws_client import Aws
from kit.keys import TOKEN
from kit.limits import S3_IMAGE_BYTES
from kit.running import EXERCISE, SHIELD, Running
from kit.x_client import XClient

READ_SECONDS = 10
# The page asks again soon, so it neither waits for long nor tries twice.
CONFIG = Config(
    connect_timeout=2,
    retries={"total_max_attempts": 1},
    proxies={},
    s3={"addressing_style": "path"},
)


class Services:
    """The emulated AWS, X and Rekognition."""

    def __init__(self, workshop: Running, exercise: Path = EXERCISE) -> None:
        self.exercise = exercise  # the learner's file
        self.urls = {
            "aws": workshop.aws_url,
            "x": workshop.x_url,
            "rekognition": workshop.rekognition_url,
        }
        self.region = workshop.region
        self.aws = workshop.aws()
        self.environment = workshop.environment() | SHIELD  # of a command of the workshop
        self.keys = workshop.keys
        token = self.keys.get(TOKEN, "")
        self.admins = {name: AdminClient(url, token, 10) for name, url in self.urls.items()}
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy between here and 127.0.0.1
        self.clients: dict[tuple[str, float], Any] = {}
        self.lock = threading.Lock()  # boto3 makes clients one at a time

    def client(self, service: str, seconds: float = READ_SECONDS) -> Any:
        """A boto3 client of the learner's account, which waits so long for an answer."""
        with self.lock:
            if (service, seconds) not in self.clients:
                url = self.urls.get(service, self.urls["aws"])
                config = CONFIG.merge(Config(read_timeout=seconds))
                client = Aws(url, self.region, self.keys).client(service, config)
                self.clients[service, seconds] = client
            return self.clients[service, seconds]

    def admin(self, emulator: str, path: str) -> Any:
        """The JSON of an emulator's own API for the workshop, such as "stats" of "x"."""
        return self.admins[emulator].get(path)

    def read(self, bucket: str, key: str, limit: int = S3_IMAGE_BYTES) -> bytes:
        """The beginning of an object of S3, at most `limit` bytes."""
        answer = self.client("s3").get_object(Bucket=bucket, Key=key)
        with contextlib.closing(answer["Body"]) as body:
            data: bytes = body.read(limit)
            return data

    def download(self, url: str) -> bytes:
        """The content of an address of X's photo host."""
        answer = self.session.get(url, timeout=20)
        answer.raise_for_status()
        return answer.content

    def x_client(self) -> XClient:
        """A client of X with the learner's keys."""
        keys = self.keys
        return XClient(self.urls["x"], keys["TWITTER_CONSUMER_KEY"], keys["TWITTER_TOKEN"])
