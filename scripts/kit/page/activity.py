"""Whether something happens in the workshop: three small questions instead of a dozen large ones.

All that a learner does, here or in a terminal, is a request to one of the three emulators, or a
change of the exercise's file.
"""

from __future__ import annotations

import math
import time
from typing import Any

import requests

from kit.page.services import Services
from kit.page.state import State

SETTLING_SECONDS = 5.0  # after a change: what follows from it comes by itself
QUIET_SECONDS = 10.0  # between two rounds in which nothing has changed


class Activity:
    """Tells the watcher when a round is due.

    Args:
        services: the emulators.
        state: of the workshop.
    """

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state
        self.seen: list[Any] = []
        self.settled_at = -math.inf
        self.next_round = -math.inf

    def expect(self) -> None:
        """Something is about to happen: the learner has clicked."""
        self.settled_at = time.monotonic() + SETTLING_SECONDS

    def is_due(self) -> bool:
        """Whether a round of all pollers is due."""
        if (seen := self.look()) != self.seen or not seen:
            self.seen = seen
            self.expect()
        now, stack = time.monotonic(), self.state.stack
        moves = bool(self.state.running) or bool(stack and "IN_PROGRESS" in stack["status"])
        if not moves and self.settled_at < now < self.next_round:
            return False
        self.next_round = now + QUIET_SECONDS
        return True

    def look(self) -> list[Any]:
        """What differs when something has happened; empty if somebody does not answer."""
        try:
            file = self.services.exercise.stat()
            written = [file.st_mtime_ns, file.st_size]
        except OSError:
            written = []
        admin = self.services.admin
        try:
            asked = [admin("aws", "changes"), admin("x", "stats"), admin("rekognition", "stats")]
        except requests.RequestException:
            return []
        return [*asked, written]
