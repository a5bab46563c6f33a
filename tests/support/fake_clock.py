"""A clock that only the test moves."""

from __future__ import annotations

from typing import Any

import pytest


class FakeClock:
    """Stands for the module `time` in the code that is tested.

    Attributes:
        now: the time, in seconds; a sleep moves it.
        pauses: how long each sleep was.
    """

    @classmethod
    def in_place_of_time(cls, monkeypatch: pytest.MonkeyPatch, module: Any) -> FakeClock:
        """Give a module a clock of its own instead of the module `time`."""
        clock = cls()
        monkeypatch.setattr(module, "time", clock)
        return clock

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now
        self.pauses: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - 1_000_000_000

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
