"""A client of the emulated AWS."""

from __future__ import annotations

from typing import Any

import boto3
import requests
from botocore.config import Config

REGION = "eu-west-1"


class Aws:
    """A client of the emulated AWS at a known URL."""

    def __init__(self, url: str, region: str) -> None:
        self.url = url
        self.region = region
        self._clients: dict[str, Any] = {}  # making one takes longer than most calls

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client of the account's owner; the same for each caller without a `config`."""
        if config is None and service in self._clients:
            return self._clients[service]
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )
        if config is None:
            self._clients[service] = client
        return client

    def outbox(self) -> list[dict[str, str]]:
        """The e-mails sent so far: to, subject, body, sent; confirmations also topic and token."""
        mails: list[dict[str, str]] = requests.get(
            f"{self.url}/_workshop/outbox", timeout=10
        ).json()
        return mails
