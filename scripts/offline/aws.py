"""Offline AWS: starts ministack with our plug-ins, and gives out clients for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import boto3
import requests

from offline.processes import Child, clean_environment, free_port

REGION = "eu-west-1"
RETRY_SECONDS = 1.0  # stands for the minute that Lambda waits before it tries again


class OfflineAws:
    """The emulated AWS as a child process.

    Args:
        folder: for its log and its temporary files.
        rekognition_url: where the functions find Rekognition.
        region: the region that it plays.
    """

    def __init__(self, folder: Path, rekognition_url: str, region: str = REGION) -> None:
        self.region = region
        self.rekognition_url = rekognition_url
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = clean_environment(folder) | {
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
        }
        command = [sys.executable, "-m", "offline.aws_plugins"]
        self.process = Child("offline AWS", command, environment, folder / "aws.log")

    def wait_until_ready(self) -> None:
        """Wait until it answers."""
        self.process.wait_until_ready(f"{self.url}/_ministack/ready")

    def client(self, service: str) -> Any:
        """A boto3 client of the account's owner."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def outbox(self) -> list[dict[str, str]]:
        """The e-mails sent so far: to, subject, body, sent; confirmations also topic and token."""
        mails: list[dict[str, str]] = requests.get(
            f"{self.url}/_workshop/outbox", timeout=10
        ).json()
        return mails
