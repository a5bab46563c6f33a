"""The folders of the workshop: one owner at a time, repaired when damaged, deleted when dead."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import jsonl
from kit.emulators import folders
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from support import REPOSITORY, end_of

pytestmark = pytest.mark.unit

IDENTITY = [{"x": 20_001, "aws": 20_002}, {"TWITTER_TOKEN": "t"}]
STATE: dict[str, object] = {"services": {}, "events": [], "objects": {}}
DAMAGE = {"empty": b"", "cut off": b'{"services": {"s3', "no JSON": b"\0" * 64, "text": b"\xff\xfe"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which all is well."""
    home = tmp_path / "home"
    for folder in (home / "aws", home / "photos", home / "i-1"):
        folder.mkdir(parents=True)
    folders.save_identity(home, IDENTITY)
    for name in (folders.STATE, folders.PREVIOUS):
        (home / name).write_text(json.dumps(STATE | {"file": name}))
    for name in folders.JOURNALS:
        jsonl.append(home / name, ["one", 1])
        jsonl.append(home / name, ["two", 2])
    return home


def damaged(home: Path) -> list[bytes]:
    """What was kept of the damaged files."""
    return [path.read_bytes() for path in (home / "damaged").glob("*") if path.is_file()]


def test_a_home_in_which_all_is_well_stays_as_it_is(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert folders.repair(home) == []
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert folders.repair(home / "missing") == []


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_the_ports_and_keys_are_there_twice(home: Path, content: bytes) -> None:
    (home / "identity.json").write_bytes(content)
    (told,) = folders.repair(home)
    assert "identity.json cannot be read: its copy is used. It is kept as" in told
    assert json.loads((home / "identity.json").read_text()) == IDENTITY
    assert damaged(home) == [content]


@pytest.mark.parametrize("content", [*DAMAGE.values(), b"[]", b'[{"x": "y"}, {}]'])
def test_without_ports_and_keys_the_way_out_is_named(home: Path, content: bytes) -> None:
    for name in ("identity.json", "identity.copy.json"):
        (home / name).write_bytes(content)
    with pytest.raises(WorkshopError, match=r"start --fresh.*copy first what you need"):
        folders.repair(home)
    assert (home / "identity.json").read_bytes() == content  # nothing was touched


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_the_state_before_is_used_when_the_newest_is_damaged(home: Path, content: bytes) -> None:
    (home / folders.STATE).write_bytes(content)
    (told,) = folders.repair(home)
    assert "state.json cannot be read: the one before it is used" in told
    assert damaged(home) == [content]
    assert not (home / folders.STATE).exists()
    assert (home / folders.PREVIOUS).exists()
    assert (home / "i-1").exists()


def test_when_both_states_are_damaged_the_way_out_is_named(home: Path) -> None:
    for name in (folders.STATE, folders.PREVIOUS):
        (home / name).write_bytes(b"{")
    told = folders.repair(home)
    assert len(told) == 3
    assert "launch it again, which is step 3" in told[-1]
    assert damaged(home) == [b"{", b"{"]
    assert not (home / "i-1").exists()  # the instance is the lost stack's
    assert folders.repair(home) == []  # said once


@pytest.mark.parametrize("name", folders.JOURNALS)
@pytest.mark.parametrize(
    "garbage", [b'\n{"cut of', b"\n\0\0\0\0", b"\n\xff\xfe", b"\n" + b"[" * 99_999]
)
def test_a_damaged_line_costs_no_other(home: Path, name: str, garbage: bytes) -> None:
    with (home / name).open("ab") as file:
        file.write(b"\n" + garbage)
    jsonl.append(home / name, ["three", 3])
    whole = (home / name).read_bytes()
    (told,) = folders.repair(home)
    assert "cannot be read: the other" in told
    assert jsonl.changes(home / name) == [["one", 1], ["two", 2], ["three", 3]]
    assert damaged(home) == [whole]


def test_begun_anew_nothing_is_left(home: Path) -> None:
    (home.parent / "old-1").mkdir()  # left by one that was killed in the middle
    folders.empty(home)
    assert list(home.parent.iterdir()) == []


def test_a_lock_has_one_owner(tmp_path: Path) -> None:
    first = folders.try_to_lock(tmp_path / "lock")
    assert first
    assert folders.try_to_lock(tmp_path / "lock") is None
    first.close()
    second = folders.try_to_lock(tmp_path / "lock")
    assert second
    second.close()


# --- Temporary folders ----------------------------------------------------------------------------

LEFT = "kit.emulators.folders import make_temporary"
SCRIPT = f"""
import time
from {LEFT.partition(" import ")[0]} import make_temporary
folder, lock = make_temporary()
(folder / "me.jpg").write_text("my photo")
print(folder, flush=True)
time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path
    tempfile.tempdir = None


def begin(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A run in another process, and its temporary folder."""
    environment = {"PYTHONPATH": str(REPOSITORY / "scripts"), "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_the_next_run_deletes_what_a_killed_one_has_left(temporary: Path) -> None:
    living, its_folder = begin(temporary)
    killed, left = begin(temporary)
    assert stat.S_IMODE(left.stat().st_mode) == 0o700
    assert (left / "me.jpg").exists()
    killed.kill()
    end_of(killed)
    (temporary / "link").mkdir()
    (temporary / f"{folders.PREFIX}link").symlink_to(temporary / "link")
    (temporary / "serverless-bytes-run-of-somebody").mkdir()
    folder, lock = folders.make_temporary()
    assert not left.exists()
    assert (its_folder / "me.jpg").exists()
    assert (temporary / "link").exists()
    assert (temporary / "serverless-bytes-run-of-somebody").exists()
    assert folder.exists()
    lock.close()
    living.kill()
    end_of(living)


def test_half_a_deletion_is_finished(temporary: Path) -> None:
    left = temporary / f"{folders.PREFIX}half"
    left.mkdir()
    (left / "me.jpg").write_text("my photo")
    folders.remove_dead()
    assert not left.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_the_folder_of_another_user_is_not_touched(temporary: Path) -> None:
    left = temporary / f"{folders.PREFIX}other"
    left.mkdir()
    os.chown(left, 12_345, 12_345)
    folders.remove_dead()
    assert left.exists()


def test_a_system_deletes_its_folder(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OfflineSystem, "start", lambda *_: None)
    monkeypatch.setattr("kit.emulators.system.EmulatedAws", FakeAws)
    with OfflineSystem() as system:
        assert [path.name for path in temporary.iterdir()] == [system.folder.name]
    assert list(temporary.iterdir()) == []


class FakeAws:
    """An emulated AWS that does not run."""

    def __init__(self, *_: object) -> None:
        self.process = self

    def stop(self) -> None:
        """Nothing is to be stopped."""
