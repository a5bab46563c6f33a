"""An account: the caller's own on AWS, or the emulated one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from kit.admin_client import AdminClient
from kit.keys import TOKEN

REGION = "eu-west-1"
one_at_a_time = threading.Lock()  # boto3's default session is not made for several threads


class Account(ABC):
    """An account, and clients of its services.

    Attributes:
        region: the region in which everything happens; empty if none is set.
        slowness: how many times longer than in the emulated AWS everything takes.
    """

    region: str
    slowness = 1

    @abstractmethod
    def client(self, service: str) -> Any:
        """A boto3 client, the same for each caller."""

    def outbox(self) -> list[dict[str, str]]:
        """The e-mails that can be seen from here: only the address itself sees those of AWS."""
        return []


class CallersAccount(Account):
    """The caller's account, as boto3 finds it in the environment and in ~/.aws.

    Args:
        slowness: as above.
    """

    def __init__(self, slowness: int) -> None:
        self.session = boto3.Session()
        self.region = self.session.region_name or ""
        self.slowness = slowness
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A boto3 client that tries again when AWS throttles it, or is not reached for a while."""
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "total_max_attempts": 8})
            self._clients[service] = self.session.client(service, config=config)
        return self._clients[service]


class Aws(Account):
    """The emulated AWS at a known URL, as the owner of its account.

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
        with one_at_a_time:
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
