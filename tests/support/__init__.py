"""What the tests stand on: the offline systems of a run, workshops, stub servers, small helpers."""

from __future__ import annotations

import functools
import inspect
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kit import waiting
from kit.errors import WorkshopError
from kit.stack.stack import Stack

REPOSITORY = Path(__file__).resolve().parents[2]
# `make coverage` measures what a process with this in its environment runs, too.
MEASURED = {n: os.environ[n] for n in ("COVERAGE_PROCESS_CONFIG",) if n in os.environ}
PAUSE = 0.1  # seconds between two questions: one costs both cores up to 20 ms, and waits are many
Found = TypeVar("Found")


@functools.cache
def repository_files() -> list[Path]:
    """Every file that we write: not what `make` installs, nor what runs leave behind."""
    found = []
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = set(folders) - {
            ".git",
            ".venv",
            ".cache",
            ".workshop",
            ".reports",
            "node_modules",
        }
        found += [Path(folder, name) for name in names]
    return sorted(found)


def wait_until(
    condition: Callable[[], Found | None], seconds: float = 60.0, what: str = ""
) -> Found:
    """Wait until the condition gives something true, and return that.

    Args:
        condition: what is asked again and again.
        seconds: how long, on a computer with nothing else to do; see `kit.waiting.patience`.
        what: what is waited for. Default: the condition as it is written.
    """
    try:
        return waiting.wait_until(condition, seconds, what or source_of(condition), PAUSE)
    except WorkshopError as error:
        raise AssertionError(str(error)) from None


def end_of(process: subprocess.Popen[Any]) -> int:
    """Wait until a process has ended; return its exit code."""
    wait_until(lambda: process.poll() is not None, what=f"the end of {process.args!r}")
    return process.wait()


def source_of(function: Callable[..., Any]) -> str:
    """A function as it is written, in one line."""
    try:
        return " ".join(inspect.getsource(function).split())[:300]
    except (OSError, TypeError):
        return repr(function)


def s3_event(bucket: str, *keys: str) -> dict[str, Any]:
    """The event that S3 sends for new objects; its keys are form-encoded already."""
    return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": k}}} for k in keys]}


def remove_statement(stack: Stack, role: str, sid: str) -> None:
    """Take a statement out of the policy of a role."""
    iam, name = stack.aws.client("iam"), stack.resource(role)
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    others = [s for s in document["Statement"] if s["Sid"] != sid]
    assert len(others) == len(document["Statement"]) - 1
    changed = json.dumps(document | {"Statement": others})
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=changed)
