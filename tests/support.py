"""Small helpers of several tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).resolve().parent.parent
Found = TypeVar("Found")


def wait_for(what: Callable[[], Found | None], seconds: float = 60.0) -> Found:
    """Wait until `what` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"nothing came within {seconds:.0f} s"
        time.sleep(0.05)
    return found


def s3_event(bucket: str, *keys: str) -> dict[str, Any]:
    """The event that S3 sends for new objects; its keys are form-encoded already."""
    return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": k}}} for k in keys]}
