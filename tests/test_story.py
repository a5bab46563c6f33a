"""Instructions.md, typed from its beginning to its end: with X, and without an account there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import instructions
from support.story import Story, begin, typed

pytestmark = pytest.mark.slow

SECTIONS = list(dict.fromkeys(block.section for block in instructions.blocks()))
# Instructors do their part before they clean up.
IN_ORDER = [*(name for name in SECTIONS if name != "Clean up"), "Clean up"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with begin(tmp_path_factory.mktemp("story")) as story:
        yield story


@pytest.mark.parametrize("section", IN_ORDER)
def test_what_the_text_says_is_what_comes(story: Story, section: str) -> None:
    if section == "Clean up":
        story.terminals["terminal-3"].interrupt()
    for block in typed(section, "with-x"):
        story.run(block)


def test_ctrl_c_ends_the_workshop(story: Story) -> None:
    story.terminals["terminal-1"].interrupt()
    assert "Stopped. Start again to go on" in story.terminals["terminal-1"].output.read_text()


def test_the_same_without_an_x_account(tmp_path: Path) -> None:
    """The stack has no keys; steps 1 and 2 are not needed, and of step 10 the solution is."""
    with begin(tmp_path) as story:
        for section in IN_ORDER:
            if section.startswith(("1.", "2.")) or section == "For instructors":
                continue
            if section == "Clean up":
                story.terminals["terminal-3"].interrupt()
            for block in typed(section, "without-x"):
                if not section.startswith("10.") or block.heading == "The solution":
                    story.run(block)
