"""What the page's pollers keep when answers come late, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kit.page.pollers.comparisons import Rekognition
from kit.page.pollers.delivery import TwitterBucket
from kit.page.pollers.functions import Invocations
from kit.page.state import State

pytestmark = pytest.mark.unit

POST = {
    "id": "1",
    "text": "",
    "user": {"username": "learner"},
    "created_at": "2026-01-01",
    "media": [{"media_key": "3_1", "type": "photo"}],
}

SERVICES: Any = SimpleNamespace()  # nothing is asked


def services_that_read(*answers: bytes | Exception) -> Any:
    """The services of a bucket with one object, and what comes of each time that it is read."""
    left = list(answers)
    found = {"Key": "firehose/1", "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}
    pages = SimpleNamespace(paginate=lambda **_: [{"Contents": [found]}])

    def read(*_: object) -> bytes:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(
        client=lambda _: SimpleNamespace(get_paginator=lambda _: pages), read=read
    )


def test_an_object_that_cannot_be_read_is_read_later_and_counts_once() -> None:
    state = State()
    state.ids = {"TwitterBucket": "bucket"}
    state.posts.add(POST)
    bucket = TwitterBucket(services_that_read(TimeoutError(), b'{"media_key": "3_1"}'), state)
    bucket.poll_safely()
    assert bucket.current_error == "The bucket does not answer."
    assert not state.posts.photo("3_1")["delivered"]
    for _ in range(2):
        bucket.poll_safely()
        assert bucket.current_error == ""
        assert state.posts.photo("3_1")["delivered"] == "2026-01-01T00:00:00.000Z"
        assert (state.stages["TwitterBucket"].count, state.stages["DeliveryStream"].count) == (1, 1)


def test_what_is_known_before_the_post_is_read_is_kept() -> None:
    state = State()
    for moment in ("a moment", "a later one"):  # the first one counts
        state.posts.reach("3_1", "delivered", moment, object="firehose/1")
    state.posts.reach("3_1", "stored", "another")
    state.posts.add(POST)
    photo = state.posts.photo("3_1")
    assert (photo["delivered"], photo["stored"]) == ("a moment", "another")
    assert state.posts.early == {}


def test_a_comparison_and_a_run_before_the_post_is_read_are_kept() -> None:
    state = State()
    state.ids = {"RekognitionBucket": "bucket", "RekognitionLambdaFunction": "mine"}
    target, moment = "s3://bucket/images/3_1.jpg", "2026-01-01T00:00:00.000Z"
    Rekognition(SERVICES, state).note({"target": target, "similarity": 99.5}, moment)
    Invocations(SERVICES, state).note("bucket/images/3_1.jpg", moment, {"ended": 1, "error": "oh"})
    state.posts.add(POST)
    photo = state.posts.photo("3_1")
    assert (photo["compared"], photo["similarity"]) == (moment, 99.5)
    assert (photo["tried"], photo["failed"], photo["running"]) == (moment, "oh", False)
