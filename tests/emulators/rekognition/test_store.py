"""The comparisons that are kept from one start to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.emulators.rekognition.store import MAX_COMPARISONS, Comparisons

pytestmark = pytest.mark.unit


def test_comparisons_that_have_ended_are_there_after_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "comparisons.jsonl"
    first = Comparisons(journal)
    note = first.begin("reference", "photo")
    assert first.changes == 1
    first.begin("reference", "another, which never ends")
    note["similarity"] = 99.5
    first.end(note)
    assert first.changes == 3
    assert journal.stat().st_mode & 0o077 == 0
    second = Comparisons(journal)
    assert list(second.recent) == [note]
    for number in range(MAX_COMPARISONS):
        second.end(second.begin("reference", str(number)))
    targets = [one["target"] for one in Comparisons(journal).recent]
    assert targets == [str(number) for number in range(MAX_COMPARISONS)]


def test_a_journal_that_is_damaged_costs_only_its_damaged_lines(tmp_path: Path) -> None:
    journal = tmp_path / "comparisons.jsonl"
    journal.write_bytes(b'{"at": 1, "target": "a"}\n{"at": 2, "tar\n\xff\n[]\n3')
    assert [one["target"] for one in Comparisons(journal).recent] == ["a"]
    assert list(Comparisons(tmp_path).recent) == []
