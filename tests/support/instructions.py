"""Instructions.md as its tests see it: headings, blocks of code and their output, tables."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from support import REPOSITORY

TEXT = (REPOSITORY / "Instructions.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"(?m)^(#+) (.+)$", re.sub(r"(?ms)^```.*?^```$", "", TEXT))
SECOND_TERMINAL = "terminal-2"  # where a block goes that does not say so
AGAIN = "again"  # goes there, too, and only looks, so it may be typed until its output is right


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        section: the heading of the second level above it.
        heading: the nearest heading above it.
        language: shell, text (the output to expect), or python.
        place: the terminal of a shell's block; AGAIN, on-aws or no-run.
        path: with-x or without-x, if only those with or without an X account type it.
        text: its lines.
    """

    section: str
    heading: str
    language: str
    place: str
    path: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def blocks() -> list[Block]:
    """All blocks, from the top to the end."""
    found, section, heading = [], "", ""
    pattern = r"(?ms)^(#+) ([^\n]+)$|^( *)```(\w+) ?([\w-]*) ?([\w-]*)\n(.*?)^ *```$"
    for match in re.finditer(pattern, TEXT):
        level, title, _, language, place, path, code = match.groups()
        if level:
            heading = title
            section = title if len(level) == 2 else section
        else:
            place = place or (SECOND_TERMINAL if language == "shell" else "")
            found.append(Block(section, heading, language, place, path, textwrap.dedent(code)))
    return found


def anchor(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def table(head: str) -> list[list[str]]:
    """The rows of the table whose first line begins so, without the two lines of its head."""
    after = TEXT[TEXT.index(f"| {head}") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" *") for cell in line.strip("|").split(" | ")] for line in after]
