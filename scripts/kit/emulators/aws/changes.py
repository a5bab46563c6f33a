"""What has changed: numbers that differ from the last ones when something may have happened.

Who watches the workshop asks for them often, and for all the rest only when they differ. Counted
are calls that are no reads, by the names of their actions, and what the account does by itself:
invocations, and events of stacks.

AWS: Service Authorization Reference, "Actions, resources, and condition keys for AWS services": the
column Access level says of each action whether it is List or Read.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import cloudformation

from kit.emulators.aws.lambda_invocations import invocations

READ = re.compile(r"\w+:(Get|BatchGet|List|Describe|Head|Filter|Lookup|Query|Scan|Validate)")

writes = 0  # calls that are no reads


def count(original: Callable[..., Any], key: str, action: str, *arguments: Any, **more: Any) -> Any:
    """Let ministack check a request, and count it if it may change something."""
    global writes  # noqa: PLW0603 - one number for the whole process
    if not READ.match(action):
        writes += 1
    return original(key, action, *arguments, **more)


def so_far() -> list[int]:
    """The numbers: of calls, of changes of invocations, and of events of stacks."""
    events = sum(map(len, cloudformation._stack_events._data.values()))
    return [writes, invocations.changes, events]


def install() -> None:
    """Count from now on."""
    iam_evaluator.enforce = functools.partial(count, iam_evaluator.enforce)
