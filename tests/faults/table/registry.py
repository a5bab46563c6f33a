"""Where the faults of one kind are registered by their names."""

from __future__ import annotations

from collections.abc import Callable

from faults.harness import Harness

Fault = Callable[[Harness, int], None]  # the number: how many photos, or about so many


class Faults(dict[str, Fault]):
    """The faults of one kind, by name.

    Attributes:
        long: the names of those that take too long for the normal test run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.long: set[str] = set()

    def __call__(self, name: str, long: bool = False) -> Callable[[Fault], Fault]:
        """Register a function."""

        def register(function: Fault) -> Fault:
            self[name] = function
            if long:
                self.long.add(name)
            return function

        return register
