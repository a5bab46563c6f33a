"""A client of the emulated AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from kit.admin_client import AdminClient
from kit.keys import TOKEN

REGION = "eu-west-1"


class Aws:
    """A client of the emulated AWS at a known URL.

    Args:
        url: its address.
        region: that it plays.
        keys: the workshop's; see `kit.keys`.
    """

    def __init__(self, url: str, region: str, keys: Mapping[str, str]) -> None:
        self.url = url
        self.region = region
        self.keys = keys
        self.admin = AdminClient(url, keys.get(TOKEN, ""))
        self._clients: dict[str, Any] = {}  # making one takes longer than most calls

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client of the account's owner; the same for each caller without a `config`."""
        if config is None and service in self._clients:
            return self._clients[service]
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
            config=config,
        )
        if config is None:
            self._clients[service] = client
        return client

    def outbox(self) -> list[dict[str, str]]:
        """The e-mails sent so far: to, subject, body, sent; confirmations also topic and token."""
        mails: list[dict[str, str]] = self.admin.get("outbox")
        return mails
