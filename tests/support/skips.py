"""What some tests need and a computer may lack: said at the end of the run, with the remedy.

In CI nothing may be lacking that `.ci/run` installs: there such a test fails.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

import draw


@dataclass(frozen=True)
class Need:
    """Something that the tests with a marker need.

    Attributes:
        there: whether this computer has it.
        lack: what it is when it is not there: "no Chromium".
        untested: what is not tested then.
        remedy: how to have it tested.
        in_ci: whether CI must have it.
    """

    there: Callable[[], bool]
    lack: str
    untested: str
    remedy: str
    in_ci: bool = True


def has_chromium() -> bool:
    """Whether there is a browser that draws the page and the pictures."""
    try:
        return bool(draw.find_browser())
    except draw.DrawingError:
        return False


def has_another_user() -> bool:
    """Whether the tests may become another user of this computer."""
    if not hasattr(os, "geteuid") or os.geteuid():
        return False
    try:
        return bool(pwd.getpwnam(ANOTHER_USER))
    except KeyError:
        return False


def has_proc() -> bool:
    """Whether the processes of this computer can be looked into."""
    return Path("/proc/self/environ").exists()


ANOTHER_USER = "nobody"
NEEDS = {  # by marker
    "another_user": Need(
        has_another_user,
        "no other user that the tests could become",
        "what another user of the computer can do to a workshop",
        "run the tests as root, in a container for example",
        in_ci=False,
    ),
    "browser": Need(
        has_chromium,
        "no Chromium",
        "the page in a browser, and the pictures",
        "apt-get install chromium fonts-liberation",
    ),
    "linux": Need(
        has_proc,
        "no /proc",
        "what the processes leave behind, hold open and show to others",
        "run the tests on Linux, in a container for example",
        in_ci=sys.platform == "linux",
    ),
}


def mark(items: list[pytest.Item]) -> None:
    """Mark the tests that use the browser; those that start one of their own do so themselves."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def check(item: pytest.Item) -> None:
    """Skip a test that needs what is not there."""
    for marker, need in NEEDS.items():
        if item.get_closest_marker(marker) and not need.there():
            skip(need)


def skip(need: Need, more: str = "") -> NoReturn:
    """Skip this test for lack of something; in CI let it fail."""
    if need.in_ci and os.environ.get("CI"):
        pytest.fail(f"There is {need.lack} here, and CI must test it: {need.remedy}. {more}")
    pytest.skip(f"{need.lack}. {more}")


def sentences(reasons: list[str]) -> list[str]:
    """What was not tested, in words, and how to have it tested.

    Args:
        reasons: with which tests were skipped, one for each test.
    """
    known = {f"{need.lack}.": need for need in NEEDS.values()}
    counts = Counter(next((lack for lack in known if lack in reason), reason) for reason in reasons)
    said = []
    for reason, count in counts.items():
        number = f"{count} test{'s' if count > 1 else ''}"
        if need := known.get(reason):
            said.append(
                f"Not tested, because there is {need.lack} here: {need.untested} ({number}). "
                f"To test it: {need.remedy}."
            )
        else:
            said.append(f"Not tested ({number}): {reason}")
    return said
