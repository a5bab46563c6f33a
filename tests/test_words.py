"""The words of the glossary in .github/CONTRIBUTING.md: the field's, everywhere."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from support import REPOSITORY, repository_files

pytestmark = pytest.mark.unit

# The other words of the glossary's right column have a use of their own, too.
REPLACED = {
    r"mend(s|ed|ing)?": "fix",
    r"part(y|ies)": "service, emulator",
    r"hops?": "stage",
    r"first edition('s)?": "v1 (2018), or the video",
    r"binds? first": "bottleneck",
    r"for want of": "for lack of",
    r"whoever|whosoever": "a subject with a name",
    r"reckon(s|ed|ing)?( with| up)?": "budget, calculate",
    r"mailing_until|mailer": "lease_expires, lease_owner",
    r"catch_up|REFUSALS|photos_of": "backfill, FATAL_STATUSES, extract_photos",
    r"MEETING_PLACE|Patient": "barrier, StackContext",
}
SUFFIXES = {".py", ".md", ".json", ".js", ".css", ".html", ".toml", ".yml", ".yaml", ".cfg"}


@functools.cache
def texts() -> dict[Path, str]:
    """Everything that we write, but the glossary itself."""
    return {
        path: path.read_text(encoding="utf-8")
        for path in repository_files()
        if path.suffix in SUFFIXES or path.name == "Makefile"
        if path.name not in {"CONTRIBUTING.md", "test_words.py", "package-lock.json"}
    }


@pytest.mark.parametrize("word", REPLACED)
def test_the_field_s_words_are_used(word: str) -> None:
    pattern = re.compile(rf"\b({word})\b", re.IGNORECASE if word.islower() else 0)
    found = [
        f"{place(path, text, m)}: {m[0]}"
        for path, text in texts().items()
        for m in pattern.finditer(text)
    ]
    assert not found, f"say {REPLACED[word]}"


def place(path: Path, text: str, match: re.Match[str]) -> str:
    """The file and the line of a match."""
    return f"{path.relative_to(REPOSITORY)}:{text.count(chr(10), 0, match.start()) + 1}"
