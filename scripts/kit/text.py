"""Short texts for the learner's screen."""

from __future__ import annotations


def shorten(text: object, length: int = 300) -> str:
    """A text as one line of at most `length` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 photo", "2 photos"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
