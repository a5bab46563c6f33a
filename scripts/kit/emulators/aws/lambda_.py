"""Lambda: the queue of asynchronous events, from which only so many are worked off at once.

A function that fails gets its event again; after the last try, the event goes to the destination
for failures. ministack itself would start a process for every event that is waiting.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from typing import Any

from ministack.services import lambda_svc

from kit.emulators.aws.auth import role_may

logger = logging.getLogger("workshop")

Waiting = tuple[str, Any, int]  # the function's ARN, the event, how often it has failed

INVOCATIONS_AT_ONCE = 2  # per function; more make the laptop slower, not the workshop faster

queues: dict[str, queue.Queue[Waiting]] = {}
queues_lock = threading.Lock()
unfinished: dict[int, Waiting] = {}  # what waits, runs, or is to be tried again


def invoke_later(function: dict[str, Any], event: Any, attempt: int = 0) -> None:
    """Queue an event for a function; start the function's workers with the first one."""
    waiting = (function["config"]["FunctionArn"], event, attempt)
    unfinished[id(waiting)] = waiting
    enqueue(waiting)


def enqueue(waiting: Waiting) -> None:
    """Queue an event that is noted as unfinished."""
    arn = waiting[0]
    with queues_lock:
        if arn not in queues:
            queues[arn] = queue.Queue()
            for _ in range(INVOCATIONS_AT_ONCE):
                context = contextvars.copy_context()
                arguments = (work_off, queues[arn])
                threading.Thread(target=context.run, args=arguments, daemon=True).start()
    queues[arn].put(waiting)


def work_off(events: queue.Queue[Waiting]) -> None:
    """Invoke a function for one event after the other, with the code that it has by then."""
    while True:
        waiting = events.get()
        try:
            work_on(*waiting)
        except Exception:  # of ministack; the other events have nothing to do with it
            logger.exception("An event could not be processed")
        del unfinished[id(waiting)]


def work_on(arn: str, event: Any, attempt: int) -> None:
    """Invoke a function; if it fails, try again later, or report it after the last try."""
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function:
        return  # deleted in the meantime, and its events with it
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function(record, event)
    if not result.get("error"):
        return
    invoke = function.get("event_invoke_config") or (
        function.get("event_invoke_configs") or {}
    ).get("$LATEST", {})
    if attempt < int(invoke.get("MaximumRetryAttempts", 2)):
        again = (arn, event, attempt + 1)
        unfinished[id(again)] = again
        # AWS waits one minute, then two; here it is the same with a shorter minute.
        pause = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * (attempt + 1)
        timer = threading.Timer(pause, contextvars.copy_context().run, (enqueue, again))
        timer.daemon = True
        timer.start()
        return
    target = invoke.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if target and role_may(config["Role"], "sqs:SendMessage", target):
        lambda_svc._route_async_failure(target, name, event, result)


def install() -> None:
    """Let Lambda queue its asynchronous events."""
    lambda_svc.invoke_async_with_retry = invoke_later
