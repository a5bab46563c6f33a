"""Lambda: the queue of asynchronous events, and a function's log.

The queue: a function works on at most two events at once. If it fails, it gets the event again;
after the last try, the event goes to the on-failure destination. ministack has no queue: it starts
a thread, and with it a process, for every event. 60 photos at once took 4.9 GiB.

The log also tells when the code cannot be loaded, takes too long or ends its process, of which
ministack writes nothing. See also `lambda_invocations` and `lambda_processes`.

A running invocation ends with the code with which it began, as on Lambda; ministack kills it when
the function's code or configuration changes. Events that wait go with the function: another one
with its name does not get them.

AWS: Lambda Developer Guide, "Invoking a Lambda function asynchronously", "Sending Lambda function
logs to CloudWatch Logs" and "Understanding the Lambda execution environment lifecycle", where
"Failures during the invoke phase" has the message about a process that has ended.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import queue
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from kit.emulators.aws import cloudformation
from kit.emulators.aws.auth import role_may
from kit.emulators.aws.lambda_limits import check_response
from kit.emulators.aws.lambda_processes import ForkedProcess

logger = logging.getLogger("workshop")

INVOCATIONS_AT_ONCE = 2  # of a function; more make the laptop slower, not the workshop faster
DEFAULT_RETRIES = 2
POLL_SECONDS = 0.1
UPDATE_SECONDS = 0.1  # until a function that was changed is in use
# What Lambda says of a process that has ended itself, and what to do.
EXITED = (
    "Runtime exited without providing a reason, as after sys.exit: leave lambda_handler with return"
)
# What ministack says, and what is said here.
MESSAGES = (
    (re.compile("^Worker init failed"), "the code cannot be loaded"),
    (re.compile("^Worker process (died|exited immediately).*", re.DOTALL), EXITED),
)


class Event(NamedTuple):
    """An asynchronous event of a function."""

    function_arn: str
    payload: Any
    failures: int = 0  # how often the function has failed with it
    deletions: int = 0  # how often a function of this name was deleted before


queues: dict[str, queue.Queue[Event]] = {}  # by the function's ARN
queues_lock = threading.Lock()
unfinished: dict[int, Event] = {}  # what waits, runs, or is to be tried again; by id()
deletions: Counter[str] = Counter()  # of functions, by the ARN


# --- The queue ---------------------------------------------------------------------------------


def invoke_later(function: dict[str, Any], payload: Any) -> None:
    """Queue an event for a function."""
    arn = function["config"]["FunctionArn"]
    enqueue(Event(arn, payload, deletions=deletions[arn]))


def enqueue(event: Event, seconds: float = 0.0) -> None:
    """Queue an event, at once or after some seconds; note it as unfinished from now on."""
    unfinished[id(event)] = event
    if seconds:
        # A timer's thread would not know the account.
        in_context = contextvars.copy_context().run
        timer = threading.Timer(seconds, in_context, (queue_of(event.function_arn).put, event))
        timer.daemon = True
        timer.start()
    else:
        queue_of(event.function_arn).put(event)


def queue_of(function_arn: str) -> queue.Queue[Event]:
    """The queue of a function; its workers start with it."""
    with queues_lock:
        if function_arn not in queues:
            queues[function_arn] = queue.Queue()
            for _ in range(INVOCATIONS_AT_ONCE):
                context = contextvars.copy_context()
                arguments = (work_off, queues[function_arn])
                threading.Thread(target=context.run, args=arguments, daemon=True).start()
        return queues[function_arn]


def work_off(events: queue.Queue[Event]) -> None:
    """Invoke a function for one event after the other, with the code that it has by then."""
    while True:
        event = events.get()
        try:
            process(event)
        except Exception:  # of ministack; the other events have nothing to do with it
            logger.exception("An event could not be processed")
        del unfinished[id(event)]


def process(event: Event) -> None:
    """Invoke a function; if it fails, try again later, or report it after the last try."""
    function, config, name = lambda_svc._get_func_record_for_ref(event.function_arn)
    if not function or event.deletions != deletions[event.function_arn]:
        return  # deleted in the meantime, and its events with it
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function(record, event.payload)
    if not result.get("error") or result.get("stopped"):
        return
    options = function.get("event_invoke_config") or (
        function.get("event_invoke_configs") or {}
    ).get("$LATEST", {})
    if event.failures < int(options.get("MaximumRetryAttempts", DEFAULT_RETRIES)):
        failed = event._replace(failures=event.failures + 1)
        # AWS waits one minute, then two; here it is the same with a shorter minute.
        enqueue(failed, lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * failed.failures)
        return
    destination = options.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination and role_may(config["Role"], "sqs:SendMessage", destination):
        lambda_svc._route_async_failure(destination, name, event.payload, result)


def delete(original: Callable[..., Any], name: str, *arguments: Any) -> Any:
    """Delete a function, and the events that wait for it."""
    deletions[lambda_svc._func_arn(name)] += 1
    return original(name, *arguments)


# --- The log -----------------------------------------------------------------------------------


def run_warm(original: Callable[..., Any], *arguments: Any, **more: Any) -> dict[str, Any]:
    """Log the ends that a function does not log itself: broken code, and its timeout."""
    result: dict[str, Any] = check_response(original(*arguments, **more))
    body, log = result.get("body"), result.get("log") or ""
    told = body.get("errorMessage", "") if isinstance(body, dict) else ""
    message = told
    for pattern, instead in MESSAGES:
        message = pattern.sub(instead, message)
    if result.get("error") and (message != told or "Traceback" not in log):
        # Else the function itself raised an error, and its traceback tells it.
        result["log"] = f"{log.removesuffix(told)}\n[ERROR] {message}".lstrip()
    if isinstance(body, dict) and message != told:
        kind = "Runtime.ExitError" if message == EXITED else body["errorType"]
        result["body"] = {"errorMessage": message, "errorType": kind}
    return result


# --- Code that changes while it runs -----------------------------------------------------------


class Changing(threading.local):
    """Whether this thread is changing or deleting a function."""

    now = False


changing = Changing()


def invalidate(original: Callable[..., None], *arguments: Any, **more: Any) -> None:
    """Take a function's workers out of use; the next invocation starts one with the new code."""
    changing.now = True
    try:
        original(*arguments, **more)
    finally:
        changing.now = False


def kill_workers(original: Callable[..., None], workers: list[Any]) -> None:
    """End workers: the idle ones now and, if their function changes, the others when they are."""
    busy = [worker for worker in workers if changing.now and worker.in_use]
    original([worker for worker in workers if worker not in busy])
    if busy:
        threading.Thread(target=kill_when_idle, args=(original, busy), daemon=True).start()


def kill_when_idle(original: Callable[..., None], busy: list[Any]) -> None:
    """End workers after the invocations that they work on."""
    while any(worker.in_use for worker in busy):
        time.sleep(POLL_SECONDS)
    original(busy)


# --- The processes -----------------------------------------------------------------------------


def start_process(command: list[str], cwd: str, env: dict[str, str], **options: Any) -> Any:
    """Fork the process of a Python function; start others as ministack does."""
    if command[0] == sys.executable:
        return ForkedProcess(command[1], cwd, env)
    return subprocess.Popen(command, cwd=cwd, env=env, **options)


def install() -> None:
    """Let Lambda queue its asynchronous events, write its logs and change code like this."""
    lambda_runtime.subprocess = SimpleNamespace(**vars(subprocess) | {"Popen": start_process})
    lambda_svc.invoke_async_with_retry = invoke_later
    lambda_svc._delete_function = functools.partial(delete, lambda_svc._delete_function)
    cloudformation.wrap("AWS::Lambda::Function", "delete", delete)
    lambda_svc._execute_function_warm = functools.partial(
        run_warm, lambda_svc._execute_function_warm
    )
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = UPDATE_SECONDS
    lambda_runtime.kill_workers = functools.partial(kill_workers, lambda_runtime.kill_workers)
    lambda_svc.invalidate_worker = functools.partial(invalidate, lambda_svc.invalidate_worker)
