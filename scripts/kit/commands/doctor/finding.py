"""The stages, as the output names them, and what doctor finds at one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

OK, WRONG, UNKNOWN = "✓", "✗", "–"

# The stages. The two functions have the names that the template gives them.
CREDENTIALS, WORKSHOP, STACK = "credentials and region", "workshop", "stack"
SUBSCRIPTION = "subscription"
KEYS, INSTANCE, STREAMER, STREAM = "X keys", "instance", "streamer", "delivery stream"
OBJECTS, TRIGGERS, PHOTOS, TABLE = "delivered records", "triggers", "photos", "metadata table"
TWITTER, REKOGNITION = "TwitterLambdaFunction", "RekognitionLambdaFunction"
QUEUE, REFERENCE = "failure queue", "reference photo"
EXERCISE, COMPARISON = "exercise", "last comparison"


@dataclass(frozen=True)
class Finding:
    """What doctor found at a stage.

    Attributes:
        status: OK, WRONG or UNKNOWN, which is: no data yet, or it cannot be seen from here.
        message: what is the case.
        cause: with WRONG, why that happened or why it is a problem.
        fix: with WRONG, the command or the click that fixes it.
        next_step: with UNKNOWN, the step that would tell more.
        consequence_of: with WRONG, other stages; if one of them is wrong, this only follows.
    """

    status: str
    message: str
    cause: str = ""
    fix: str = ""
    next_step: str = ""
    consequence_of: tuple[str, ...] = ()


def ok(message: str) -> Finding:
    """All is well."""
    return Finding(OK, message)


def unknown(message: str, next_step: str = "") -> Finding:
    """Neither good nor bad."""
    return Finding(UNKNOWN, message, next_step=next_step)


def wrong(message: str, cause: str, fix: str, *consequence_of: str) -> Finding:
    """Something is broken at this stage, unless another stage explains it."""
    return Finding(WRONG, message, cause, fix, consequence_of=consequence_of)


def without_consequences(findings: dict[str, Finding]) -> dict[str, Finding]:
    """Keep the causes as wrong; what only follows from them refers to them."""
    wrong_stages = [name for name, finding in findings.items() if finding.status == WRONG]
    result = dict(findings)
    for name in wrong_stages:
        finding = findings[name]
        causes = [
            other for other in wrong_stages if other in finding.consequence_of and other != name
        ]
        if causes:
            result[name] = unknown(f"{finding.message}: see {causes[0]}")
    return result


def local_time(moment: datetime) -> str:
    """A time in the learner's own time zone; with the date unless it is today's."""
    local = moment.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"
