"""dlib's detector is kept unpacked, and finds the same faces as dlib's own."""

from __future__ import annotations

from pathlib import Path

import dlib
import pytest

from kit import samples
from kit.emulators.rekognition import faces

pytestmark = pytest.mark.unit


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, in a folder of its own."""
    monkeypatch.setattr(samples, "folder", lambda: tmp_path / "cache" / "samples")
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache" / f"face-detector-{dlib.__version__}.svm"


def test_the_kept_one_is_the_same(kept: Path, pictures: dict[str, Path]) -> None:
    faces.face_detector()
    assert [file.name for file in kept.parent.iterdir()] == [kept.name]
    pixels, _ = faces.decode(pictures["obama.jpg"].read_bytes(), 640)
    own, ours = dlib.get_frontal_face_detector(), faces.face_detector()
    rectangles, scores, _ = own.run(pixels, 0, -0.5)
    assert rectangles
    assert ours.run(pixels, 0, -0.5)[:2] == (rectangles, scores)


@pytest.mark.parametrize("size", [0, 1_000, 155_004])
def test_a_damaged_one_is_replaced(kept: Path, size: int) -> None:
    faces.face_detector()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:size])
    faces.face_detector()
    assert kept.read_bytes() == whole


def test_without_a_place_to_keep_it(kept: Path) -> None:
    kept.parent.rmdir()
    assert isinstance(faces.face_detector(), dlib.fhog_object_detector)
