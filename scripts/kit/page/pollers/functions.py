"""The two functions: their logs say how often they ran, what failed, and what became of a photo."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import ClassVar

from kit.page.documents import Content, Doc, entry, iso
from kit.page.known import Known
from kit.page.parties import Parties
from kit.page.pollers.look import LookInside, Names

KEPT_LINES = 200  # of a log
LATE = 2000  # milliseconds that a line may come after one that is newer


class Function(LookInside):
    """A function, by its log."""

    group: ClassVar[str]  # the log group's logical id
    party = "The function"

    def __init__(self, parties: Parties, known: Known) -> None:
        super().__init__(parties, known)
        self.lines: deque[Doc] = deque(maxlen=KEPT_LINES)
        self.seen = Names()
        self.newest = 0

    def new_lines(self) -> Iterator[Doc]:
        """Yield the new lines of the log."""
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=self.known.ids[self.group], startTime=max(0, self.newest - LATE))
        )
        number: dict[tuple[str, int], int] = {}
        for page in pages:
            for event in page["events"]:
                place = event["logStreamName"], event["timestamp"]
                number[place] = number.get(place, 0) + 1
                if self.seen.new((*place, number[place])):
                    text = event["message"].rstrip()[:2000]
                    line = {"at": iso(event["timestamp"] / 1000), "text": text}
                    self.newest = max(self.newest, event["timestamp"])
                    self.lines.append(line)
                    yield line

    def look(self) -> None:
        """Count its runs and note its errors."""
        trace = False
        for line in self.new_lines():
            text, moment = line["text"], line["at"]
            if text.startswith("START RequestId"):
                self.box.arrived(moment)
                trace = False
            elif text.startswith("Traceback"):
                trace = True
            elif trace and re.match(r"[\w.]+(Error|Exception|Interrupt|Exit)?\b.*:", text):
                self.box.failed(text[:300], moment)  # the last line of a traceback says what
                trace = False
            elif "Task timed out" in text or text.startswith("[ERROR]"):
                self.box.failed(text[:300], moment)
            self.understand(text, moment)

    def understand(self, text: str, moment: str) -> None:
        """What a line of the log says of a photo."""
        raise NotImplementedError

    def content(self) -> Content:
        """The end of its log."""
        if not self.lines:
            return Content("It has not run yet.", [])
        log = self.known.ids[self.group]
        text = "\n".join(f"{line['at'][11:23]}  {line['text']}" for line in list(self.lines))
        about = "The end of its log; times are in UTC."
        return Content(about, [entry(log, text)], f"aws logs tail {log}")


class TwitterFunction(Function):
    """TwitterLambdaFunction: each photo is stored, rejected, or failed for now."""

    hop = "TwitterLambdaFunction"
    group = "TwitterLambdaLogs"

    def understand(self, text: str, moment: str) -> None:
        """A photo that is not stored."""
        found = re.match(r"Photo (\S+) (rejected|failed)(: .*)?", text)
        if found:
            key, what = found[1], f"{found[2]}{found[3] or ''}"[:300]
            self.box.failed(f"A photo was {what}" if found[2] == "rejected" else what, moment)
            if not self.known.posts.photo(key).get("stored"):
                self.known.posts.change(key, problem=what)


class RekognitionFunction(Function):
    """RekognitionLambdaFunction, the exercise: which photos arrived, and which it failed with."""

    hop = "RekognitionLambdaFunction"
    group = "RekognitionLambdaLogs"

    def look(self) -> None:
        """As of any function; and give its error to the photos that it may have been about."""
        before = self.box.error_at
        super().look()
        failed_at = self.box.error_at
        if failed_at and failed_at != before:  # its log does not name the photo
            for photo in self.known.posts.newest_photos()[:20]:
                if photo["stored"] and photo["stored"] <= failed_at and not photo["arrived"]:
                    self.known.posts.change(photo["key"], failed=self.box.error)

    def understand(self, text: str, moment: str) -> None:
        """A photo that it has looked at, or why it cannot."""
        for key in re.findall(r"images/([\w-]+)\.jpg", text):
            self.known.posts.reach(key, "arrived", moment)
        if f"{self.known.reference['name']} " in text and "upload" in text:
            self.box.failed(text[:300], moment)
