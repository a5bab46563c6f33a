"""Runs inside the function: Lambda calls this file, and it calls the learner's index.py.

It is deployed beside index.py, hence a file of its own that imports nothing of this package.
"""

import importlib
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.client
import botocore.endpoint
from botocore.retries.adaptive import ClientRateLimiter

RETRY_SECONDS = 0.05
# A busy computer starts the second process later; see kit/waiting.py.
BARRIER_SECONDS = 2.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
LOG_CHARACTERS = 100_000


class ShortLog:
    """Where the function prints: what a loop without end prints is cut off."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.left = LOG_CHARACTERS

    def write(self, text: str) -> int:
        """Print text as long as there is room."""
        self.stream.write(text[: self.left])
        self.left = max(0, self.left - len(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def shorten_retry_pauses() -> None:
    """Make boto3's pauses between retries short, and leave their number as it is.

    It pauses for up to half a minute, and in the adaptive mode it also limits its own rate: a
    check that throttles Rekognition would take minutes.
    """
    botocore.endpoint.time = SimpleNamespace(
        sleep=lambda seconds: time.sleep(min(seconds, RETRY_SECONDS))
    )
    ClientRateLimiter.on_sending_request = lambda *_, **__: None


def meet_after_reading() -> None:
    """Let two invocations of one event both read the item before either of them goes on.

    Without that, one would nearly always write before the other reads, and a function that reads
    and writes later would pass. Both meet at the directory CHECK_BARRIER, if it is set.
    """
    call = botocore.client.BaseClient._make_api_call

    def call_and_meet(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        answer = call(client, operation, parameters)
        if operation == "GetItem" and os.environ.get("CHECK_BARRIER"):
            barrier = Path(os.environ["CHECK_BARRIER"])
            (barrier / str(os.getpid())).touch()
            deadline = time.monotonic() + BARRIER_SECONDS
            while len(list(barrier.iterdir())) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
        return answer

    botocore.client.BaseClient._make_api_call = call_and_meet


def cut_off_log() -> None:
    """Let the function print into a log that ends."""
    sys.stdout = sys.stderr = ShortLog(sys.stderr)


shorten_retry_pauses()
meet_after_reading()
cut_off_log()


def lambda_handler(event: Any, context: Any) -> Any:
    """Load the code here, so that an error while it is loaded is logged as well."""
    return importlib.import_module("index").lambda_handler(event, context)
