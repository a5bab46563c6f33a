"""The text of the steps, which is that of Instructions.md: its parts "Offline".

It goes to the browser as blocks of text, never as HTML: {"kind": "text", "parts": […]}, or
{"kind": "command" or "output", "parts": […]}; a part is {"kind": "", "strong", "code" or "link"}
with its text, and a link with its address.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from kit.jsonl import Json
from kit.page.steps import CLEAN_UP, STEPS
from kit.running import REPOSITORY

END = re.compile(r"^(\*If you don't see it\*|\*\*On AWS\*\*|#)", re.MULTILINE)
STYLES = {"strong_open": "strong", "em_open": "strong", "link_open": "link"}


@functools.cache
def texts() -> dict[str, list[Json]]:
    """The text of each step, by the step's id, as blocks."""
    whole = (REPOSITORY / "Instructions.md").read_text(encoding="utf-8")
    found = {}
    for number, step in enumerate(STEPS, start=1):
        title = step.title if step.id == CLEAN_UP else f"{number}. {step.title}"
        section = whole.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        found[step.id] = [block for part in offline_parts(section) for block in blocks(part)]
    return found


def offline_parts(section: str) -> Iterator[str]:
    """Yield the parts of a section that begin with "**Offline**"."""
    for part in section.split("\n**Offline**")[1:]:
        text = part.lstrip(":, ")
        end = END.search(text)
        yield text[0].upper() + text[1 : end.start() if end else None]


def blocks(text: str) -> Iterator[Json]:
    """Yield the blocks of a text in Markdown; of what is not known here, its text."""
    for token in MarkdownIt().parse(text):
        if token.type == "fence":
            kind = "command" if token.info.startswith("shell") else "output"
            yield {"kind": kind, "parts": [{"kind": "", "text": token.content.rstrip()}]}
        elif token.type == "inline":
            yield {"kind": "text", "parts": list(parts(token.children or []))}


def parts(tokens: list[Token]) -> Iterator[Json]:
    """Yield the parts of a line."""
    kind = href = ""
    for token in tokens:
        if token.type in STYLES:
            kind, href = STYLES[token.type], str(token.attrs.get("href", ""))
        elif token.type.endswith("_close"):
            kind = href = ""
        elif token.type == "code_inline":
            yield {"kind": "code", "text": token.content}
        elif token.type in ("softbreak", "hardbreak"):
            yield {"kind": "", "text": " "}
        elif token.content:
            is_far = href.startswith("https://")
            yield {"kind": kind if is_far or kind != "link" else "", "text": token.content} | (
                {"href": href} if is_far else {}
            )
