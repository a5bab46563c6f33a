"""Findings: what only follows from another one refers to it, and times are the learner's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from kit.commands.doctor.finding import local_time, ok, unknown, without_consequences, wrong

pytestmark = pytest.mark.unit


def test_what_follows_from_another_fault_refers_to_it() -> None:
    findings = {
        "cause": wrong("it is gone", "why", "how"),
        "follows": wrong("nothing came", "why", "how", "well", "follows", "cause"),
        "alone": wrong("it is throttled", "why", "how", "well", "alone"),
        "well": ok("active"),
    }
    assert without_consequences(findings) == findings | {
        "follows": unknown("nothing came: see cause")
    }


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_times_are_local_with_the_date_unless_it_is_today() -> None:
    winter = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert local_time(winter) == "2026-01-01 22:04:05"
    now = datetime.now(UTC)
    assert local_time(now) == now.astimezone().strftime("%H:%M:%S")
    before = now - timedelta(days=1)
    assert local_time(before) == before.astimezone().strftime("%Y-%m-%d %H:%M:%S")
