"""Offline AWS: gives out clients for it, and starts it: ministack with our plug-ins."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

from kit.processes import ManagedProcess, minimal_environment

REGION = "eu-west-1"
RETRY_SECONDS = 1.0  # stands for the minute that Lambda waits before it tries again


class Aws:
    """The emulated AWS, for who knows its address."""

    def __init__(self, url: str, region: str) -> None:
        self.url = url
        self.region = region

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client of the account's owner."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )

    def outbox(self) -> list[dict[str, str]]:
        """The e-mails sent so far: to, subject, body, sent; confirmations also topic and token."""
        mails: list[dict[str, str]] = requests.get(
            f"{self.url}/_workshop/outbox", timeout=10
        ).json()
        return mails


class OfflineAws(Aws):
    """The emulated AWS as a child process.

    Args:
        folder: for its log and its temporary files.
        rekognition_url: where the functions find Rekognition.
        port: of its own address.
        region: the region that it plays.
        lasting: whether to keep its state in the folder, for the next start.
    """

    def __init__(
        self,
        folder: Path,
        rekognition_url: str,
        port: int,
        region: str = REGION,
        lasting: bool = False,
    ) -> None:
        super().__init__(f"http://127.0.0.1:{port}", region)
        self.rekognition_url = rekognition_url
        environment = minimal_environment(folder) | {
            "AUTH": "true",  # the roles' policies count
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL_REKOGNITION": rekognition_url,
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(RETRY_SECONDS),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent.sock",
            "LOG_LEVEL": "WARNING",
            "PERSIST_STATE": str(int(lasting)),
            "S3_PERSIST": str(int(lasting)),
            "STATE_DIR": str(folder / "aws"),
            "S3_DATA_DIR": str(folder / "s3"),
        }
        command = [sys.executable, "-m", "kit.emulators.aws"]
        self.process = ManagedProcess("offline AWS", command, environment, folder / "aws.log")

    def wait_until_ready(self) -> None:
        """Wait until it answers."""
        self.process.wait_until_ready(f"{self.url}/_ministack/ready")
