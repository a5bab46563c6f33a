"""What the page takes from a function's log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kit.page.pollers.functions import RekognitionFunction
from kit.page.state import State

pytestmark = pytest.mark.unit

TRACEBACK = "Traceback (most recent call last):"


def poll(*messages: str) -> State:
    """What the page knows after it has read a log of these messages."""
    events = [
        {"logStreamName": "1", "timestamp": number, "message": message}
        for number, message in enumerate(messages, start=1_795_395_575_918)
    ]
    logs = SimpleNamespace(
        get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [{"events": events}])
    )
    services: Any = SimpleNamespace(client=lambda _: logs)
    state = State()
    state.ids = {"RekognitionLambdaLogs": "log"}
    RekognitionFunction(services, state).poll()
    return state


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([TRACEBACK, "KeyError: 'oh'"], "KeyError: 'oh'"),
        ([TRACEBACK, "KeyError: 'Records'"], None),  # of the button Test: no photo has failed
        ([TRACEBACK, "KeyError: 'Records'", TRACEBACK, "OSError: disk"], "OSError: disk"),
        (["celebrity.jpg is not there yet: upload a photo"], "celebrity.jpg is not there yet: "),
    ],
)
def test_the_error_of_a_function(messages: list[str], error: str | None) -> None:
    found = poll("START RequestId: 1 Version: $LATEST", *messages)
    shown = found.stages["RekognitionLambdaFunction"].error
    assert (shown or "").startswith(error or "")
    assert bool(shown) == bool(error)
