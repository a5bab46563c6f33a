"""What a hop is called, and what is to be said of it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Any

OK, WRONG, NOTHING = "✓", "✗", "–"

# The hops, as the output names them. The two functions are called as in the template.
CREDENTIALS, STACK, SUBSCRIPTION = "credentials and region", "stack", "subscription"
KEYS, INSTANCE, STREAMER, STREAM = "keys of X", "instance", "streamer", "delivery stream"
OBJECTS, TRIGGERS, PHOTOS, TABLE = "delivered records", "triggers", "photos", "metadata table"
TWITTER, REKOGNITION = "TwitterLambdaFunction", "RekognitionLambdaFunction"
QUEUE, REFERENCE = "failure queue", "reference photo"
EXERCISE, COMPARISON = "exercise", "last comparison"


@dataclass(frozen=True)
class Finding:
    """What is to be said of a hop.

    Attributes:
        mark: OK, WRONG or NOTHING (no data yet, or it cannot be seen from here).
        text: what is the case.
        why: why that is a problem, or how it comes.
        mend: the command or the click that mends it; with NOTHING, what comes next.
        unless: hops; if one of these is wrong, this is only a consequence.
    """

    mark: str
    text: str
    why: str = ""
    mend: str = ""
    unless: tuple[str, ...] = ()


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(OK, text)


def nothing(text: str, following: str = "") -> Finding:
    """Neither good nor bad; `following` is the step that would tell more."""
    return Finding(NOTHING, text, mend=following)


def wrong(text: str, why: str, mend: str, *unless: str) -> Finding:
    """Something is broken here, unless another hop explains it."""
    return Finding(WRONG, text, why, mend, unless)


def without_consequences(findings: dict[str, Finding]) -> dict[str, Finding]:
    """Leave as wrong what is the cause, and not what only follows from it."""
    faulty = [name for name, finding in findings.items() if finding.mark == WRONG]
    result = dict(findings)
    for name in faulty:
        finding = findings[name]
        causes = [other for other in faulty if other in finding.unless and other != name]
        if causes:
            result[name] = nothing(f"{finding.text}: see {causes[0]}")
    return result


def when(moment: datetime) -> str:
    """A time in the learner's own time zone; with the date unless it is today's."""
    local = moment.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"


def shorten(text: object) -> str:
    """One line that fits into a report."""
    line = " ".join(str(text).split())
    return line if len(line) <= 300 else f"{line[:299]}…"


def count(number: int, what: str) -> str:
    """Say how many there are."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def quoted(value: dict[str, Any]) -> str:
    """JSON as one argument of a command."""
    return shlex.quote(json.dumps(value, separators=(",", ":")))
