"""Which tests a worker runs together, and what comes first.

pytest-xdist gives a worker a group of tests at a time. Tests that share a fixture of their file or
folder, such as a stack, belong together: else each worker would launch that stack. All others are
on their own, and fill the gaps. The longest groups come first, so that no worker is left with one
in the end.
"""

from __future__ import annotations

import pytest

SHARING = ("module", "package")  # scopes of fixtures; those of the session are cheap to have twice


def arrange(items: list[pytest.Item]) -> None:
    """Put tests into groups; sort them: slow groups, other groups, single tests, units."""
    groups = [group_of(item) for item in items]
    for item, group in zip(items, groups, strict=True):
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
    slow = {g for g, item in zip(groups, items, strict=True) if item.get_closest_marker("slow")}

    def rank(item: pytest.Item, group: str) -> int:
        if item.get_closest_marker("slow") or (group and group in slow):
            return 0 if group else 1
        return 2 if group else 4 if item.get_closest_marker("unit") else 3

    ranks = {id(i): rank(i, g) for i, g in zip(items, groups, strict=True)}
    items.sort(key=lambda item: ranks[id(item)])


def group_of(item: pytest.Item) -> str:
    """The name of a test's group; empty if it is on its own."""
    if marker := item.get_closest_marker("xdist_group"):
        return str(marker.kwargs.get("name") or marker.args[0])
    widest = ""
    for definitions in item._fixtureinfo.name2fixturedefs.values():  # type: ignore[attr-defined]
        for definition in definitions[-1:]:
            if definition.scope == "package":
                return str(definition.baseid)
            if definition.scope == "module":
                widest = item.nodeid.partition("::")[0]
    return widest
