"""The two functions: their runs, errors and photos, by their logs; and the exercise's code."""

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from urllib.parse import unquote_plus

from kit.jsonl import Json
from kit.page.formatting import Content, entry, iso, tag_of
from kit.page.pollers.poller import ContentPoller, Poller, SeenNames
from kit.page.services import Services
from kit.page.state import State
from kit.stack.code import deployed_code
from kit.stack.template import code_of

MAX_LINES = 200  # of a log
NO_RECORDS = "KeyError: 'Records'"  # the event was not from S3: the console's button Test sends it
LATE = 2000  # milliseconds that a line may come after one that is newer


class Function(ContentPoller):
    """A function, by its log."""

    group: ClassVar[str]  # the log group's logical id
    service = "The function"

    def __init__(self, services: Services, state: State) -> None:
        super().__init__(services, state)
        self.lines: deque[Json] = deque(maxlen=MAX_LINES)
        self.seen = SeenNames()
        self.newest = 0

    def new_lines(self) -> Iterator[Json]:
        """Yield the new lines of the log."""
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=self.state.ids[self.group], startTime=max(0, self.newest - LATE))
        )
        number: dict[tuple[str, int], int] = {}
        for page in pages:
            for event in page["events"]:
                place = event["logStreamName"], event["timestamp"]
                number[place] = number.get(place, 0) + 1
                if self.seen.add((*place, number[place])):
                    text = event["message"].rstrip()[:2000]
                    stream = event["logStreamName"].rpartition("]")[2][:8]
                    line = {"at": iso(event["timestamp"] / 1000), "text": text, "stream": stream}
                    self.newest = max(self.newest, event["timestamp"])
                    self.lines.append(line)
                    yield line

    def poll(self) -> None:
        """Count its runs and note its errors."""
        trace = False
        for line in self.new_lines():
            text, moment = line["text"], line["at"]
            if text.startswith("START RequestId"):
                self.status.arrived(moment)
                trace = False
            elif text.startswith("Traceback"):
                trace = True
            elif trace and re.match(r"[\w.]+(Error|Exception|Interrupt|Exit)?\b.*:", text):
                if text != NO_RECORDS:
                    self.status.failed(text[:300], moment)  # the last line of a traceback
                trace = False
            elif "Task timed out" in text or text.startswith("[ERROR]"):
                self.status.failed(text[:300], moment)
            self.note(text, moment)

    def note(self, text: str, moment: str) -> None:
        """Note what a line of the log tells of a photo."""
        raise NotImplementedError

    def content(self) -> Content:
        """The end of its log."""
        if not self.lines:
            return Content("It has not run yet.", [])
        log = self.state.ids[self.group]
        text = "\n".join(f"{line['at']}  {line['text']}" for line in list(self.lines))
        return Content("The end of its log:", [entry(log, text)], command_for(log))


def command_for(group: str) -> str:
    """Shows a log; `aws logs tail` is only in version 2 of the CLI."""
    return (
        f"aws logs filter-log-events --log-group-name {group} \\\n"
        '  --query "events[].message" --output text'
    )


class TwitterFunction(Function):
    """TwitterLambdaFunction: each photo is stored, rejected, or failed for now."""

    stage = "TwitterLambdaFunction"
    group = "TwitterLambdaLogs"

    def note(self, text: str, moment: str) -> None:
        """Note a photo that is not stored."""
        found = re.match(r"Photo (\S+) (rejected|failed)(: .*)?", text)
        if found:
            key, problem = found[1], f"{found[2]}{found[3] or ''}"[:300]
            message = f"A photo was {problem}" if found[2] == "rejected" else problem
            self.status.failed(message, moment)
            if not self.state.posts.known(key).get("stored"):
                self.state.posts.change(key, problem=problem)


class RekognitionFunction(Function):
    """RekognitionLambdaFunction, the exercise."""

    stage = "RekognitionLambdaFunction"
    group = "RekognitionLambdaLogs"

    def new_lines(self) -> Iterator[Json]:
        """Yield the new lines of the log, and keep them for the page's own log."""
        state = self.state
        for line in super().new_lines():
            state.log_number += 1
            state.log.append(line | {"n": state.log_number})
            yield line

    def note(self, text: str, moment: str) -> None:
        """Note a photo that has arrived, as the starter logs it, and a reference that is missing.

        What runs is known more exactly, see `Invocations`, but not after a restart.
        """
        for key in re.findall(r"images/([\w-]+)\.jpg", text):
            self.state.posts.reach(key, "arrived", moment)
        if f"{self.state.reference['name']} " in text and "upload" in text:
            self.status.failed(text[:300], moment)


class Invocations(Poller):
    """The exercise's function at work: with which photo it runs, and with which it failed.

    The offline AWS tells that; CloudWatch and Lambda do not.
    """

    stage = "RekognitionLambdaFunction"
    service = "The function"

    def __init__(self, services: Services, state: State) -> None:
        super().__init__(services, state)
        self.change = 0

    def poll(self) -> None:
        """Invocations that have begun or ended."""
        answer = self.services.admin("aws", f"invocations?after={self.change}")
        name, running = self.state.ids[self.stage], self.state.running
        for one in answer["invocations"]:
            if one["function"] != name:
                continue
            begun = iso(one["started"])
            if one["ended"]:
                running.pop(one["id"], None)
            else:
                running[one["id"]] = begun
            for place in one["objects"]:
                self.note(unquote_plus(place), begun, one)
        if answer["change"] < self.change:  # AWS was started anew
            running.clear()
        self.change = answer["change"]

    def note(self, place: str, begun: str, invocation: Json) -> None:
        """Note how an invocation stands with one of its photos; a later one counts more."""
        key = place.rpartition("images/")[2].rpartition(".")[0]
        photo = self.state.posts.known(key)
        if (photo.get("tried") or "") > begun:
            return
        self.state.posts.change(
            key,
            arrived=photo.get("arrived") or begun,
            tried=begun,
            running=not invocation["ended"],
            failed=invocation["error"] or None,
        )


class ExerciseFile(Poller):
    """Whether the learner has a file for the exercise."""

    stage = "RekognitionLambdaFunction"
    service = "The disk"

    def __init__(self, services: Services, state: State) -> None:
        super().__init__(services, state)
        self.seen: tuple[int, int] | None = None  # when it was changed, and its size

    def poll(self) -> None:
        """Look for it, and read it if it has changed."""
        try:
            found = self.services.exercise.stat()
        except FileNotFoundError:
            self.seen, self.state.exercise = None, ""
            return
        if (found.st_mtime_ns, found.st_size) != self.seen:
            with self.services.exercise.open(
                encoding="utf-8", errors="replace", newline=""
            ) as file:
                self.state.exercise = tag_of(file.read())
            self.seen = found.st_mtime_ns, found.st_size


class ExerciseCode(Poller):
    """RekognitionLambdaFunction's code: is it the starter, and has the learner's own compared?"""

    stage = "RekognitionLambdaFunction"
    service = "The function"
    pause = 2.0

    def poll(self) -> None:
        """Another code, or another name of the reference photo."""
        state, name = self.state, self.state.ids[self.stage]
        config = self.client("lambda").get_function_configuration(FunctionName=name)
        variables = config.get("Environment", {}).get("Variables", {})
        reference = variables.get("REFERENCE_PHOTO", state.reference["name"])
        if reference != state.reference["name"]:
            state.reference = {"name": reference, "etag": None}
        if config["CodeSha256"] == state.code["sha"]:
            return
        code = deployed_code(self.client("lambda").get_function(FunctionName=name)).decode()
        is_starter = code.strip() == starter_code().strip()
        state.code = {
            "sha": config["CodeSha256"],
            "starter": is_starter,
            "modified": iso(datetime.fromisoformat(config["LastModified"])),
            # Rekognition forgets its comparisons when it is started again, the table does not.
            "compared": not is_starter and self.has_outcomes(),
            "tag": tag_of(code),
        }
        self.status.note = "the starter's code" if is_starter else "your code"

    def has_outcomes(self) -> bool:
        """Whether the table has the outcome of a comparison."""
        found = self.client("dynamodb").scan(
            TableName=self.state.ids["PostsTable"],
            FilterExpression="attribute_exists(outcome)",
            Select="COUNT",
        )
        return bool(found["Count"])


@functools.cache
def starter_code() -> str:
    """The code that RekognitionLambdaFunction is launched with."""
    return code_of(ExerciseCode.stage)
