"""The runs of a function, as its log tells them, and which of them failed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from kit.commands.doctor.stack_context import StackContext
from kit.jsonl import Json

# What the log says of an event that is not from S3, such as that of the button Test in the Lambda
# console: the template's functions and the solution say the latter two, code that expects Records
# of S3 fails.
NOT_FROM_S3 = r"KeyError: '(Records|s3)'|No photo in this event|Photos of this event: none"
HOURS = (1, 24, 7 * 24)  # how far to look back until runs are found; logs are kept for 7 days


@dataclass(frozen=True)
class Run:
    """One run of a function: when it ended, and what it printed."""

    ended: datetime
    lines: tuple[str, ...]

    @property
    def error(self) -> str:
        """The first error in its log, in one line; empty if there is none."""
        for number, line in enumerate(self.lines):
            if line.startswith("Traceback "):  # the error is the next line without indent
                return next((text for text in self.lines[number:][1:] if text[:1].strip()), line)
            if line.startswith("[ERROR]"):
                return line.removeprefix("[ERROR]").strip()
            if failed := re.search(r"(?i)\b(?:failed|error): (.+)", line):
                return failed[1]
            if re.search(r"Task timed out|Runtime exited|An error occurred \(", line):
                return line
        return ""

    @property
    def is_test(self) -> bool:
        """Whether its event was not from S3: then it says nothing about photos."""
        return any(re.search(NOT_FROM_S3, line) for line in self.lines)


def runs_of(events: Iterable[Json]) -> list[Run]:
    """Split a log into runs: in each stream one run follows the other, and REPORT ends it."""
    streams: dict[str, list[str]] = defaultdict(list)
    runs = []
    for event in events:
        stream, message = event["logStreamName"], event["message"]
        if not re.match("(START|END|REPORT) RequestId|INIT_", message):
            streams[stream] += message.rstrip().splitlines()
        if message.startswith("REPORT RequestId"):
            ended = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            runs.append(Run(ended, tuple(streams.pop(stream, ()))))
    return sorted(runs, key=lambda run: run.ended)


def begun(events: Iterable[Json]) -> list[datetime]:
    """When the runs began of which the log does not tell the end."""
    running: dict[str, datetime] = {}  # by stream, of which each has one at a time
    for event in events:
        if re.match("START RequestId", event["message"]):
            running[event["logStreamName"]] = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        elif re.match("(END|REPORT) RequestId", event["message"]):
            running.pop(event["logStreamName"], None)
    return list(running.values())


def running_since(context: StackContext, function: str) -> datetime | None:
    """When the oldest run began that goes on, or None; Lambda ends each after the timeout."""
    seconds = context.configuration(function)["Timeout"]
    group = function.replace("Function", "Logs")
    start = int((datetime.now(UTC) - timedelta(seconds=seconds)).timestamp() * 1000)
    events = context.paginate(group, "filter_log_events", "events", startTime=start)
    return min(begun(events), default=None)


def recent_runs(context: StackContext, function: str) -> list[Run]:
    """The runs for objects in S3 since the function's last change: see `all_runs`."""
    return [run for run in all_runs(context, function) if not run.is_test]


@cache
def all_runs(context: StackContext, function: str) -> list[Run]:
    """The runs since the last change, as far back as is needed to find one that is no test."""
    changed = datetime.fromisoformat(context.configuration(function)["LastModified"])
    group = function.replace("Function", "Logs")  # its name in the template
    for hours in HOURS:
        since = max(changed, datetime.now(UTC) - timedelta(hours=hours))
        start = int(since.timestamp() * 1000)
        runs = runs_of(context.paginate(group, "filter_log_events", "events", startTime=start))
        if not all(run.is_test for run in runs) or since == changed:
            break
    return runs
