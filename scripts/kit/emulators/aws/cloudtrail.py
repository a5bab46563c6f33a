"""CloudTrail: counts the calls of each operation, and records denied calls.

LookupEvents gives at most 50 events, on AWS as in ministack; a test of thousands of photos needs
counts. AWS writes an event with an errorCode for a denied call, ministack writes none.

AWS: CloudTrail API Reference, "LookupEvents"; User Guide, "CloudTrail record contents".
"""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from ministack import app as ministack
from ministack.core import iam_evaluator
from ministack.services import cloudtrail

MAX_DENIALS = 1000

call_counts: Counter[str] = Counter()  # by operation, while recording is switched on
denials: deque[dict[str, str]] = deque(maxlen=MAX_DENIALS)  # who, action, resource; oldest first


def record_denial(principal_arn: str, action: str, resource: str) -> None:
    """Record a denied call."""
    denials.append({"who": principal_arn, "action": action, "resource": resource})


def count_call(original: Callable[..., None], **event: Any) -> None:
    """Count a call, and write it into the log."""
    call_counts[event["event_name"]] += 1
    original(**event)


def record(on: bool) -> None:
    """Switch the recording of calls on or off; at first it is off."""
    ministack._get_module("cloudtrail")._recording_enabled = on  # it counts once it is asked for


def enforce(
    original: Callable[..., Any], key: str, action: str, *arguments: Any, **more: Any
) -> Any:
    """Let ministack check a request, and record its denial."""
    answer = original(key, action, *arguments, **more)
    if isinstance(answer, iam_evaluator.EvalResult):
        record_denial(answer.principal_arn, action, more.get("resource_arn", "*"))
    return answer


def install() -> None:
    """Let CloudTrail see every call and every denial."""
    cloudtrail.record_event = functools.partial(count_call, cloudtrail.record_event)
    iam_evaluator.enforce = functools.partial(enforce, iam_evaluator.enforce)
