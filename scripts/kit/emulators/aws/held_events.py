"""Asynchronous events of Lambda that come late, in reverse order and twice, as the faults say."""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from kit.emulators.aws.faults import faults

held: list[Callable[[], None]] = []
held_lock = threading.Lock()


def hold_events(original: Callable[..., None], *arguments: Any) -> None:
    """Pass an event on to Lambda's queue; or, if there is such a fault, later and twice."""
    fault = next((fault for fault in faults if fault.strikes("events", "")), None)
    if fault is None:
        original(*arguments)
        return
    context = contextvars.copy_context()  # a timer's thread would not know the account
    with held_lock:
        if not held:
            timer = threading.Timer(fault.delay, release_events)
            timer.daemon = True
            timer.start()
        held.append(lambda: context.copy().run(original, *arguments))


def release_events() -> None:
    """Pass on what is held: the last event first, each one twice."""
    with held_lock:
        events = held[::-1]
        held.clear()
    for event in events:
        event()
        event()


def install() -> None:
    """Let every event pass through here on its way into Lambda's queue."""
    lambda_svc.invoke_async_with_retry = functools.partial(
        hold_events, lambda_svc.invoke_async_with_retry
    )
