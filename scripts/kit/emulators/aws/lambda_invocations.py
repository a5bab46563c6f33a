"""Lambda's invocations: which ones run, what they print meanwhile, and how to stop one.

A line is in the log as soon as the function prints it. ministack writes all of them at the end, so
that an endless loop says nothing until its time is up. Of a flood of lines the log holds the first
5,000, and of long ones 4 MB, because a laptop has less room than CloudWatch.

An invocation's log is complete, and nobody waits for lines that do not come: before it answers, the
function's process marks the end of what it has printed. ministack waits for a while, and loses
lines that come later (https://github.com/ministackorg/ministack/pull/449).

An invocation also tells which objects of S3 its event names. On AWS nobody tells that; the page
needs it to show an error at the photo with which the function failed.

AWS: Lambda Developer Guide, "Sending Lambda function logs to CloudWatch Logs"; CloudWatch Logs API
Reference, "InputLogEvent", which has at most 256 KB.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import re
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, lambda_svc

from kit.emulators.aws.auth import role_may
from kit.emulators.aws.lambda_processes import END_MARK
from kit.jsonl import Json

MAX_LINES = 5_000  # of an invocation
MAX_EVENT = 64 * 1024  # characters of a line, in UTF-8 at most 256 KB
MAX_CHARACTERS = 4 * 1024 * 1024  # of an invocation
FULL = "The offline log has no room for more lines of this invocation."
KEPT = 200  # invocations that have ended
CODE_FOLDER = "/var/task/"
END_SECONDS = 3.0  # to wait for the mark, which a program that the function started may keep away
# In a traceback: the frame of ministack's loop, of which Lambda shows none of its own.
WORKER_FRAME = re.compile(r'  File "[^"]*/_worker\.py", line \d+, in run\n(?:    .*\n)*')
STOPPED = "Stopped by hand: on AWS it would run until its timeout"


class Log:
    """The log stream of one invocation.

    Args:
        config: of the function; there is no stream without a group, and if its role may not write.
    """

    def __init__(self, config: Json) -> None:
        self.config = config
        self.lines = self.characters = 0
        self.stream = new_stream(config)

    def write(self, *messages: str) -> None:
        """Append lines, each with the time of this moment."""
        if self.stream is None:
            return
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": text, "ingestionTime": now} for text in messages]
        cloudwatch_logs._append_log_events(self.stream, events)

    def write_line(self, line: str) -> bool:
        """Append what the function has printed; return whether there was room for it."""
        full = self.is_full
        self.lines += 1
        self.characters += len(line)
        if not full:
            self.write(line)
            if self.is_full:
                self.write(FULL)
        return not full

    @property
    def is_full(self) -> bool:
        """Whether it takes no more lines of this invocation."""
        return self.lines >= MAX_LINES or self.characters >= MAX_CHARACTERS


def new_stream(config: Json) -> Any:
    """A new log stream of a function; None if there is no group, or its role may not write."""
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    group = group or f"/aws/lambda/{config['FunctionName']}"
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
    needed = ("logs:CreateLogStream", "logs:PutLogEvents")
    if group not in cloudwatch_logs._log_groups or not all(
        role_may(config["Role"], action, arn) for action in needed
    ):
        return None
    name = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
    stream = {
        "events": [],
        "uploadSequenceToken": "1",
        "creationTime": int(time.time() * 1000),
        "firstEventTimestamp": None,
        "lastEventTimestamp": None,
        "lastIngestionTime": None,
    }
    cloudwatch_logs._log_groups[group]["streams"][name] = stream
    return stream


@dataclass
class Invocation:
    """One invocation of a function.

    Attributes:
        function: its name.
        started, ended: in seconds since 1970.
        objects: of S3, which its event names, as bucket/key in form encoding.
        error: the last line of what went wrong; empty if nothing did.
        stopped: whether somebody stopped it.
        change: grows with each change of any invocation.
        printed: what ministack got of the function's lines, which are in the log already.
    """

    id: str
    function: str
    objects: list[str]
    log: Log
    started: float = field(default_factory=time.time)
    ended: float | None = None
    error: str = ""
    stopped: bool = False
    change: int = 0
    printed: str = ""
    worker: Any = None

    def as_json(self) -> Json:
        """For the page."""
        names = ("id", "function", "objects", "started", "ended", "error", "stopped", "change")
        return {name: getattr(self, name) for name in names}


class Invocations:
    """Those that run, and the last ones that have ended, oldest first."""

    def __init__(self) -> None:
        self.by_id: OrderedDict[str, Invocation] = OrderedDict()
        self.changes = 0
        self.lock = threading.Lock()

    def begin(self, invocation: Invocation) -> None:
        """Add one."""
        with self.lock:
            self.by_id[invocation.id] = invocation
            self.changes += 1
            invocation.change = self.changes
            if len(self.by_id) > KEPT:
                ended = (key for key, one in self.by_id.items() if one.ended)
                self.by_id.pop(next(ended, ""), None)

    def end(self, invocation: Invocation, error: str) -> None:
        """Note that one has ended."""
        with self.lock:
            invocation.ended, invocation.error = time.time(), error
            self.changes += 1
            invocation.change = self.changes

    def after(self, change: int) -> list[Json]:
        """Those that have changed since."""
        with self.lock:
            return [one.as_json() for one in self.by_id.values() if one.change > change]

    def stop(self, identity: str) -> bool:
        """End the process of one that runs; return whether it does."""
        invocation = self.by_id.get(identity)
        if invocation is None or invocation.ended or invocation.worker is None:
            return False
        process = invocation.worker._proc
        if process is None:  # it is just being started
            return False
        invocation.stopped = True
        process.kill()
        return True


invocations = Invocations()


def objects_of(event: Any) -> list[str]:
    """The objects of S3 that an event names; whatever the event is."""
    records = event.get("Records") if isinstance(event, dict) else None
    found = []
    for record in records if isinstance(records, list) else []:
        try:
            found.append(f"{record['s3']['bucket']['name']}/{record['s3']['object']['key']}")
        except (KeyError, TypeError):
            continue
    return found


# --- Around ministack's functions -----------------------------------------------------------------


def run(original: Callable[..., Json], function: Json, event: Any, request_id: str) -> Json:
    """Invoke a function, and note when it begins and how it ends."""
    config = function.get("config") or function
    log = Log(config)
    log.write(f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}")
    invocation = Invocation(request_id, config["FunctionName"], objects_of(event), log)
    invocations.begin(invocation)
    error = "It could not be run"
    try:
        result = original(function, event, request_id)
        if invocation.stopped:
            body = {"errorMessage": STOPPED, "errorType": "Sandbox.Stopped"}
            log_text = f"{invocation.printed}\n[ERROR] {STOPPED}"
            result |= {"body": body, "log": log_text, "error": True, "stopped": True}
        error = error_of(result)
        return result
    finally:
        invocations.end(invocation, error)


def error_of(result: Json) -> str:
    """What went wrong in an invocation, in one line: its last one."""
    if not result.get("error"):
        return ""
    lines = [line for line in str(result.get("log") or "").splitlines() if line.strip()]
    body = result.get("body")
    message = body.get("errorMessage") if isinstance(body, dict) else ""
    return (lines[-1] if lines else str(message or "It failed")).strip()[:500]


def invoke(
    worker: Any, original: Callable[..., Json], event: Any, request_id: str, **more: Any
) -> Json:
    """Let a worker run an invocation, of which its lines are from now on."""
    invocation = invocations.by_id[request_id]
    worker.invocation, invocation.worker = invocation, worker
    try:
        result = original(worker, event, request_id, **more)
    except RuntimeError as error:  # the code cannot be loaded, and the log has the traceback
        result = {"status": "error", "error": str(error), "log": worker._drain_stderr()}
    invocation.printed = result.get("log") or ""
    if "trace" in result:
        result["trace"] = WORKER_FRAME.sub("", as_on_lambda(result["trace"], worker))
    return result


def as_on_lambda(text: str, worker: Any) -> str:
    """A text with the place that the code has on Lambda instead of a folder on this computer."""
    return text.replace(f"{worker._tmpdir}/code/", CODE_FOLDER)


def read_lines(worker: Any) -> None:
    """Read what a worker's process prints: into the log, and for the end of the invocation.

    In the queue of the lines, None is the end of an invocation or of the process.
    """
    stream, lines = worker._proc.stderr, worker._stderr_queue
    try:
        while line := stream.readline(MAX_EVENT):
            if END_MARK[0] in line[-len(END_MARK) :] and not line.endswith("\n"):
                line += stream.readline(len(END_MARK))  # it was cut in the middle of the mark
            printed = line.removesuffix(END_MARK)
            text = as_on_lambda(printed.removesuffix("\n"), worker)
            if printed and worker.invocation.log.write_line(text):
                lines.put(text)
            if printed != line:
                lines.put(None)
    except ValueError:  # it was closed
        pass
    lines.put(None)


def take_lines(worker: Any, original: Callable[..., str], **seconds: float) -> str:
    """What was printed until the end of an invocation; of Python, which alone marks it."""
    if not worker.config.get("Runtime", "").startswith("python"):
        return original(worker, **seconds)
    lines = []
    with contextlib.suppress(queue.Empty):
        while (line := worker._stderr_queue.get(timeout=END_SECONDS)) is not None:
            lines.append(line)
    return "\n".join(lines)


def peak_memory(worker: Any) -> int:
    """The most that a worker's process has used, in MB; 0 if it has ended, or not on Linux."""
    try:
        status = Path(f"/proc/{worker._proc.pid}/status").read_text(encoding="ascii")
    except (OSError, AttributeError):
        return 0
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) // 1024 if peak else 0


def finish_log(
    _: Json, request_id: str, text: str, __: bool, milliseconds: int, **___: Any
) -> None:
    """Write the end of a log, and what the function did not print itself: a traceback."""
    invocation = invocations.by_id[request_id]
    rest = text.removeprefix(invocation.printed).lstrip("\n")
    size = invocation.log.config.get("MemorySize", 128)
    invocation.log.write(
        *rest.splitlines(),
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds} ms\t"
        f"Billed Duration: {milliseconds} ms\tMemory Size: {size} MB\t"
        f"Max Memory Used: {peak_memory(invocation.worker)} MB",
    )


def install() -> None:
    """Let Lambda note its invocations, and write their lines as they come."""
    worker = lambda_runtime.Worker
    worker._read_stderr = read_lines
    for name in ("_drain_stderr_bounded", "_drain_stderr"):
        setattr(worker, name, functools.partialmethod(take_lines, getattr(worker, name)))
    worker.invoke = functools.partialmethod(invoke, worker.invoke)
    lambda_svc._execute_function_warm = functools.partial(run, lambda_svc._execute_function_warm)
    lambda_svc._emit_lambda_logs = finish_log
