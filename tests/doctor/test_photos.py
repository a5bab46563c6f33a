"""Photos, and what was compared: by what the buckets, the log and the table hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from doctor.checked_workshop import fake_context
from kit.commands.doctor import delivery
from kit.commands.doctor import finding as at
from kit.commands.doctor.finding import OK, UNKNOWN, WRONG
from kit.commands.doctor.function_runs import Run
from kit.commands.doctor.matches import check_comparison

pytestmark = pytest.mark.unit


def written(key: str, seconds: float = 0.0) -> dict[str, Any]:
    """An object in a bucket, written so many seconds ago."""
    return {"Key": key, "LastModified": datetime.now(UTC) - timedelta(seconds=seconds)}


def run_of(*lines: str) -> Run:
    return Run(datetime.now(UTC), lines)


OLD, NEW = ("firehose/1", 120.0), ("firehose/2", 20.0)  # keys, and how many seconds ago
STORED, EARLIER = ("images/3_2.jpg", 0.0), ("images/3_1.jpg", 3600.0)
URL = "Photo 3_1 rejected: its URL is of another host"
METADATA = "Photo a.jpg rejected: not the metadata of a post"


@pytest.mark.parametrize(
    ("metadata", "photos", "lines", "status", "told", "consequence"),
    [
        ([], [], [], UNKNOWN, "none yet in x/images/", ()),
        ([NEW], [], [], UNKNOWN, "none yet in x/images/", ()),
        ([OLD, NEW], [], [], UNKNOWN, "none yet in x/images/", ()),  # the newest counts
        (
            [OLD],
            [],
            [],
            WRONG,
            "though metadata arrived at",
            (at.STREAM, at.OBJECTS, at.TRIGGERS, at.TWITTER),
        ),
        ([OLD], [], [URL], WRONG, "all were rejected", (at.TWITTER,)),
        ([OLD], [], [METADATA], WRONG, "all were rejected", (at.TWITTER, at.REFERENCE)),
        ([OLD], [STORED], [], OK, "1 photo, the latest at", ()),
        ([OLD], [STORED, EARLIER], [URL], OK, "the last run rejected one: its URL is of", ()),
    ],
)
def test_photos(
    monkeypatch: pytest.MonkeyPatch,
    metadata: list[tuple[str, float]],
    photos: list[tuple[str, float]],
    lines: list[str],
    status: str,
    told: str,
    consequence: tuple[str, ...],
) -> None:
    monkeypatch.setattr(delivery, "recent_runs", lambda *_: [run_of(line) for line in lines])
    context = fake_context()
    held = {("TwitterBucket", ""): metadata, ("RekognitionBucket", "images/"): photos}

    def objects(bucket: str, prefix: str = "") -> list[dict[str, Any]]:
        return [written(*entry) for entry in held[bucket, prefix]]

    monkeypatch.setattr(context, "objects", objects)
    found = delivery.check_photos(context)
    assert (found.status, found.consequence_of) == (status, consequence)
    assert told in found.message


def item(outcome: str = "", similarity: str = "", created_at: str = "") -> dict[str, Any]:
    values = {"outcome": outcome, "created_at": created_at}
    found: dict[str, Any] = {name: {"S": value} for name, value in values.items() if value}
    return found | ({"similarity": {"N": similarity}} if similarity else {})


@pytest.mark.parametrize(
    ("items", "status", "told"),
    [
        ([], UNKNOWN, "no photo yet"),
        ([item(), item()], UNKNOWN, "no photo has an outcome yet; photos: 2 not compared"),
        (
            [
                item("other person"),
                item("other person", created_at="2026-11-27T09:00:00Z"),
                item("match", "99.5", "2026-11-27T10:00:00Z"),
                item(),
            ],
            OK,
            "match, 99.5 % similar, posted at 2026-11-27T10:00:00Z; photos: "
            "2 other person, 1 match, 1 not compared",
        ),
        ([item("match")], OK, "match, posted at an unknown time; photos: 1 match"),
    ],
)
def test_what_was_compared(items: list[dict[str, Any]], status: str, told: str) -> None:
    found = check_comparison(fake_context(scan={"Items": items}))
    assert (found.status, found.message) == (status, told)
