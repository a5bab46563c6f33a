"""Which tests a worker runs together, and what comes first.

Tests that share a fixture of their file or folder, such as a stack, belong together: else each
worker would launch that stack. All others are on their own, and fill the gaps. The groups of whole
folders and what is marked as slow come first, so that no worker is left with them in the end.

pytest-xdist's own groups (--dist loadgroup) do not work with this version of pytest: the group is
to become a part of a test's ID, and the ID no longer changes.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import cached_property
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

BROWSER_TESTS = 15  # in a row in one worker; each takes seconds
SHARING = ("package", "module")  # scopes of fixtures; those of the session are cheap to have twice


def groups_file() -> Path:
    """In which the workers tell the process that schedules them what belongs together."""
    return Path(os.environ["TMPDIR"]) / "groups.json"


def arrange(items: list[pytest.Item]) -> None:
    """Sort tests: slow groups, slow tests, other groups, other tests; units come last."""
    groups = in_parts({item.nodeid: group_of(item) for item in items}, items)
    marked = {groups[item.nodeid] for item in items if item.get_closest_marker("slow")}
    folders = {group for group in groups.values() if not group.endswith(".py")}
    slow = (marked | folders) - {""}

    def rank(item: pytest.Item) -> int:
        group = groups[item.nodeid]
        if group in slow:
            return 0
        if item.get_closest_marker("slow"):
            return 1
        return 2 if group else 4 if item.get_closest_marker("unit") else 3

    items.sort(key=rank)
    file = groups_file()
    part = file.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({nodeid: group for nodeid, group in groups.items() if group}))
    part.replace(file)  # all workers write the same


def in_parts(groups: dict[str, str], items: list[pytest.Item]) -> dict[str, str]:
    """The groups, of which those with many tests in a browser are split, but no file is."""
    weights = Counter[str]()  # of the groups so far
    part: dict[str, int] = {}  # by file
    for item in items:
        group, file = groups[item.nodeid], item.nodeid.partition("::")[0]
        if group.endswith(".py") or not group:
            continue
        if file not in part:
            part[file] = weights[group] // BROWSER_TESTS
        weights[group] += item.get_closest_marker("browser") is not None
        groups[item.nodeid] = f"{group} {part[file] + 1}"
    return groups


def group_of(item: pytest.Item) -> str:
    """The name of a test's group; empty if it is on its own."""
    scopes = {}
    for definitions in item._fixtureinfo.name2fixturedefs.values():  # type: ignore[attr-defined]
        scopes[definitions[-1].scope] = str(definitions[-1].baseid)
    return scopes.get("package") or ("module" in scopes and item.nodeid.partition("::")[0]) or ""


class GroupScheduling(LoadScopeScheduling):
    """Gives a worker one group, or one test, after the other, in the order of `arrange`."""

    @cached_property
    def groups(self) -> dict[str, str]:
        """The group of each test that has one."""
        found: dict[str, str] = json.loads(groups_file().read_text())
        return found

    def _split_scope(self, nodeid: str) -> str:
        return self.groups.get(nodeid, nodeid)
