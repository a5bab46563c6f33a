"""What the page takes from a function's log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kit.page.pollers.functions import Invocations, RekognitionFunction
from kit.page.state import State

pytestmark = pytest.mark.unit

FUNCTION = "RekognitionLambdaFunction"
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


def invocation(number: int, *keys: str, ended: bool = True, error: str = "") -> dict[str, Any]:
    """As the offline AWS tells it; a later number began later."""
    return {
        "id": str(number),
        "function": "mine",
        "objects": [f"bucket/images%2F{key}.jpg" for key in keys],
        "started": 1_795_395_575.0 + number,
        "ended": 1_795_395_576.0 + number if ended else None,
        "error": error,
        "change": number,
    }


def state_with(*keys: str) -> State:
    """A state with a post of these photos."""
    state = State()
    state.ids = {FUNCTION: "mine"}
    media = [{"media_key": key, "type": "photo"} for key in keys]
    user = {"username": "learner"}
    state.posts.add(
        {"id": "1", "text": "", "user": user, "created_at": "2026-01-01", "media": media}
    )
    return state


def note(state: State, *invocations: dict[str, Any]) -> None:
    answer = {"change": 99, "invocations": list(invocations)}
    services: Any = SimpleNamespace(admin=lambda *_: answer)
    Invocations(services, state).poll()


def test_an_error_belongs_to_the_photo_of_the_run() -> None:
    state = state_with("3_1", "3_2")
    note(state, invocation(1, "3_1"), invocation(2, "3_2", error="KeyError: 'oh'"))
    assert [state.posts.photo(key)["failed"] for key in ("3_1", "3_2")] == [None, "KeyError: 'oh'"]
    note(state, invocation(1, "3_2"))  # an earlier run is told later
    assert state.posts.photo("3_2")["failed"] == "KeyError: 'oh'"
    note(state, invocation(3, "3_2"))
    assert state.posts.photo("3_2")["failed"] is None


def test_a_run_that_has_not_ended_is_shown() -> None:
    state = state_with("3_1")
    note(state, invocation(1, "3_1", ended=False))
    assert state.posts.photo("3_1")["running"]
    assert list(state.running) == ["1"]
    assert state.posts.photo("3_1")["arrived"]
    note(state, invocation(1, "3_1", error="[ERROR] Task timed out after 120.00 seconds"))
    assert (state.running, state.posts.photo("3_1")["running"]) == ({}, False)
