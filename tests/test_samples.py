"""The sample pictures are downloaded, checked and repaired."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from kit import samples
from kit.errors import WorkshopError

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in samples.ensure().items()}


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of samples, and pip with nothing but the folder that is returned."""
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setattr(samples, "folder", lambda: tmp_path / "samples")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    return packages


def archive_with(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"face_recognition-1.3.0/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.mark.usefixtures("no_network")
def test_a_failing_download_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert samples.main() == 1
    message = capsys.readouterr().err
    assert "could not be downloaded" in message
    assert "run this again" in message
    assert message.count("\n") == 1
    assert list(samples.folder().iterdir()) == []


def test_a_wrong_hash_is_refused_and_nothing_of_the_package_runs(
    no_network: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "ran"
    setup = f"open({str(trace)!r}, 'w'); from setuptools import setup; setup()"
    archive_with(no_network / "face_recognition-1.3.0.tar.gz", {"setup.py": setup.encode()})
    with pytest.raises(WorkshopError, match="sha256"):
        samples.ensure()
    assert not trace.exists()
    assert list(samples.folder().iterdir()) == []


def test_an_interrupted_set_up_is_repaired(
    no_network: Path,
    tmp_path: Path,
    photos: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = no_network / "face_recognition-1.3.0.tar.gz"
    test_images = {f"tests/test_images/{name}": photos[name] for name in samples.PHOTOS}
    archive_with(archive, test_images | {"setup.py": b"", "tests/test_images/other.png": b"x"})
    monkeypatch.setattr(samples, "SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    lines: list[str] = []
    first = samples.ensure(lines.append)
    first["obama2.jpg"].unlink()
    assert samples.ensure(lines.append) == first
    assert first["obama2.jpg"].read_bytes() == photos["obama2.jpg"]
    archive.unlink()
    assert samples.ensure(lines.append) == first  # complete: asks nobody
    assert len(lines) == 2
    assert {path.name for path in (tmp_path / "samples").iterdir()} == set(photos)
