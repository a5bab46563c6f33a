"""Starts the emulated AWS as a child process: ministack with the plug-ins of this folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from kit.aws_client import REGION, Aws
from kit.processes import ManagedProcess, minimal_environment

RETRY_SECONDS = 1.0  # stands for the minute that Lambda waits before it tries again


class EmulatedAws(Aws):
    """The emulated AWS as a child process, and clients of it.

    Args:
        folder: for its log, its temporary files and its state.
        environment: the keys of its account, the workshop's token, and where the functions find
            Rekognition, AWS_ENDPOINT_URL_REKOGNITION.
        port: of its own address.
        region: the region that it plays.
        persistent: whether to save its state in the folder, for the next start.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        port: int,
        region: str = REGION,
        persistent: bool = False,
    ) -> None:
        super().__init__(f"http://127.0.0.1:{port}", region, environment)
        variables = minimal_environment(folder) | {
            **environment,
            "AUTH": "true",  # the roles' policies count
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(RETRY_SECONDS),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent.sock",
            "LOG_LEVEL": "WARNING",
            "PERSIST_STATE": str(int(persistent)),
            "S3_PERSIST": str(int(persistent)),
            "STATE_DIR": str(folder / "aws"),
            "S3_DATA_DIR": str(folder / "s3"),
        }
        command = [sys.executable, "-m", "kit.emulators.aws"]
        self.process = ManagedProcess("offline AWS", command, variables, folder / "aws.log")

    def wait_until_ready(self) -> None:
        """Wait until it answers."""
        self.process.wait_until_ready(f"{self.url}/_ministack/ready")
