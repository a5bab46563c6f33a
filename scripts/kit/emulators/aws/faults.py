"""Faults of the emulated AWS, made on purpose: throttling, errors, late answers, events twice.

    POST   /_workshop/faults   {"service": "dynamodb", "action": "PutItem", "code":
                               "ThrottlingException", "status": 400, "times": 5}
    DELETE /_workshop/faults   ends all faults

They meet only who works with a role's credentials, that is the functions and the instance; who
watches with the account's own ones is let through. Besides service and action a fault may have:

- times: so many requests get it (default: all, until DELETE), or seconds: so long;
- delay: seconds before the answer;
- after: true does what was asked, and fails then, as when the answer gets lost on its way;
- share: of PutRecordBatch, that share of the records of each request fails, with HTTP 200.

The service "events" has no actions: for `delay` seconds, asynchronous events of Lambda are held
back; then they come in reverse order, each one twice.

Here is what is to go wrong. It goes wrong in failing_requests.py and held_events.py.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """What goes wrong, and how often or how long."""

    service: str  # as signed for, such as firehose; or "events"
    action: str = ""  # such as PutRecordBatch; empty is any
    code: str = "ServiceUnavailable"
    status: int = 503
    times: int = 1 << 30
    seconds: float = 1e9
    delay: float = 0.0
    after: bool = False
    share: float = 1.0
    since: float = field(default_factory=time.monotonic)

    def strikes(self, service: str, action: str) -> bool:
        """Whether a request gets it; if so, that is counted."""
        now = time.monotonic()
        if (
            self.service != service
            or self.action not in ("", action)
            or self.times <= 0
            or now > self.since + self.seconds
        ):
            return False
        self.times -= 1
        return True


faults: list[Fault] = []


def change(method: str, body: bytes) -> tuple[int, Any]:
    """Answer /_workshop/faults: HTTP status and JSON."""
    if method == "DELETE":
        faults.clear()
    else:
        try:
            faults.append(Fault(**json.loads(body)))
        except (TypeError, ValueError) as error:
            return 400, {"error": str(error)}
    return 200, {"faults": len(faults)}
