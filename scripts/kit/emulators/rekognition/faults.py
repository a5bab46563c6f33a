"""Errors on purpose: a test asks for them, and the next calls get them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kit.emulators.rekognition.errors import MESSAGES, ServiceError


@dataclass
class Fault:
    """An error that the next `times` calls get, of one operation or of all.

    With `per_second`, so many calls a second pass, as with the service's quota.
    """

    code: str
    times: int
    operation: str | None
    per_second: int = 0
    second: int = 0  # the one that is counted
    passed: int = 0  # calls in it

    def lets_pass(self) -> bool:
        """Count a call; return whether it is within the quota."""
        if (now := int(time.monotonic())) != self.second:
            self.second, self.passed = now, 0
        self.passed += 1
        return self.passed <= self.per_second


class Faults:
    """The faults that are active."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def fail(self, operation: str) -> None:
        """Fail this call if a test asked for it.

        Raises:
            ServiceError: the error that the test named.
        """
        for fault in self.active:
            if fault.operation in (None, operation) and not fault.lets_pass():
                fault.times -= 1
                if fault.times <= 0:
                    self.active.remove(fault)
                status = 500 if fault.code == "InternalServerError" else 400
                raise ServiceError(fault.code, MESSAGES.get(fault.code, "Injected fault"), status)
