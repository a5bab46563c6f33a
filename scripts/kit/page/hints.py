"""The exercise's parts and hints, as Instructions.md has them: there is no second text."""

from __future__ import annotations

import functools
import re

from kit.jsonl import Json
from kit.running import REPOSITORY

PART = re.compile(r"^### Exercise, part (\d): (.+)$", re.MULTILINE)
HINT = re.compile(r"<details>\s*<summary>.*?</summary>(.*?)</details>", re.DOTALL)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


@functools.cache
def parts() -> list[Json]:
    """The parts of the exercise: number, title, goal, and of its hint the text and the code."""
    text = (REPOSITORY / "Instructions.md").read_text(encoding="utf-8")
    text = text.partition("\n## 10. ")[2].partition("\n### Is it right?")[0]
    headings = list(PART.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    found = []
    for heading, end in zip(headings, ends, strict=True):
        section = text[heading.end() : end]
        hint = HINT.search(section)
        assert hint, f"part {heading[1]} of the exercise has no hint"
        code = CODE.search(hint[1])
        found.append(
            {
                "number": int(heading[1]),
                "title": heading[2],
                "goal": section[: hint.start()].strip(),
                "hint": CODE.sub("", hint[1]).strip(),
                "code": code[1].strip() + "\n" if code else "",
            }
        )
    return found
