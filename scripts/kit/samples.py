"""Sample pictures: four official photos of two people, and a landscape without a face.

No picture is committed. The photos are works of the US government and lie among the test files of
the source distribution of face_recognition 1.3.0. This module downloads that one archive, checks
its hash, extracts the four photos and throws the rest away; nothing of it is installed or run.
pip downloads it, because pip knows the learner's package index and proxy.

    PYTHONPATH=scripts python -m kit.samples
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from kit.errors import WorkshopError

PACKAGE = "face_recognition"
VERSION = "1.3.0"
SHA256 = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
REFERENCE = "obama.jpg"
MATCH = "obama2.jpg"  # the same person
ANOTHER_MATCH = "obama3.jpg"
OTHER_PERSON = "biden.jpg"
NO_FACE = "landscape.jpg"
PHOTOS = (REFERENCE, MATCH, ANOTHER_MATCH, OTHER_PERSON)
NAMES = (*PHOTOS, NO_FACE)
DOWNLOAD_SECONDS = 300

# pip asks each source distribution for its name and version by running its setup.py with
# setuptools. This stand-in for setuptools answers in its place: so no code of the package runs,
# and nothing else has to be downloaded (virtual environments since Python 3.12 lack setuptools).
# pip calls it by the name that PEP 517 gives for packages without a pyproject.toml.
STAND_IN = f'''
import pathlib

class __legacy__:
    @staticmethod
    def prepare_metadata_for_build_wheel(folder, config_settings=None):
        info = pathlib.Path(folder, "{PACKAGE}-{VERSION}.dist-info")
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\\nName: {PACKAGE}\\nVersion: {VERSION}\\n"
        )
        return info.name
'''


def folder() -> Path:
    """Where the pictures are: in the repository, ignored by git."""
    return Path(__file__).resolve().parents[2] / ".cache" / "samples"


def ensure(progress: Callable[[str], None] = lambda _: None) -> dict[str, Path]:
    """Get what is missing of the pictures; needs no network when they are all there.

    Args:
        progress: called with one line of text before something that takes time.

    Returns:
        File name to path, for the four photos and the landscape.

    Raises:
        WorkshopError: the download failed, or it is not the archive we know.
    """
    paths = {name: folder() / name for name in NAMES}
    missing = [name for name, path in paths.items() if not path.exists()]
    if not missing:
        return paths
    folder().mkdir(parents=True, exist_ok=True)
    # Each picture is finished in a folder beside its place and then renamed, which happens as a
    # whole or not at all: whatever stops us, the next run finds complete pictures or none.
    with tempfile.TemporaryDirectory(dir=folder(), prefix=".unfinished-") as name:
        work = Path(name)
        draw_landscape(work / NO_FACE)
        if set(missing) - {NO_FACE}:
            progress(f"downloading {PACKAGE} {VERSION} (3 MB) for its {len(PHOTOS)} photos")
            extract_photos(download(work), work)
        for picture in missing:
            os.replace(work / picture, paths[picture])
    return paths


def download(work: Path) -> Path:
    """Download the source distribution into the folder `work` and check its hash.

    Raises:
        WorkshopError: pip failed, or the hash differs.
    """
    stand_in = work / "stand-in"
    (stand_in / "setuptools").mkdir(parents=True)
    (stand_in / "setuptools" / "__init__.py").touch()
    (stand_in / "setuptools" / "build_meta.py").write_text(STAND_IN)
    command = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check"]
    command += ["download", "--quiet", "--no-cache-dir", "--no-deps", "--no-binary", ":all:"]
    command += ["--use-pep517", "--no-build-isolation", "--dest", str(work)]
    try:
        pip = subprocess.run(
            [*command, f"{PACKAGE}=={VERSION}"],
            env=os.environ | {"PYTHONPATH": str(stand_in)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise download_error(f"no answer within {DOWNLOAD_SECONDS} seconds") from None
    archive = work / f"{PACKAGE}-{VERSION}.tar.gz"
    if pip.returncode or not archive.exists():
        reasons = pip.stderr.strip().splitlines() or [f"exit code {pip.returncode}"]
        errors = [line for line in reasons if line.startswith("ERROR:")]
        raise download_error((errors or reasons)[-1].removeprefix("ERROR:").strip())
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise WorkshopError(
            f"The sample pictures were not unpacked, because the download of {PACKAGE} {VERSION} "
            f"has the sha256 {found} instead of {SHA256}. Check which package index pip uses "
            f"(pip config list), then run this again."
        )
    return archive


def download_error(reason: str) -> WorkshopError:
    """The error for a failed download, with what to do next."""
    return WorkshopError(
        f"The sample pictures could not be downloaded: pip says “{reason}”. Check the network "
        f"connection and pip's package index, then run this again."
    )


def extract_photos(archive: Path, work: Path) -> None:
    """Copy the four photos, and nothing else, from the archive into the folder `work`."""
    with tarfile.open(archive) as tar:
        for name in PHOTOS:
            member = tar.extractfile(f"{PACKAGE}-{VERSION}/tests/test_images/{name}")
            assert member is not None  # the hash says that it is a file
            (work / name).write_bytes(member.read())


def draw_landscape(path: Path) -> None:
    """Draw a picture in which no face is found: sky, sun, hills and a house; 1280 × 960 pixels."""
    width, height = 1280, 960
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for y in range(height):
        draw.line([(0, y), (width, y)], fill=(120 + y // 10, 175 + y // 16, 235))
    draw.ellipse([960, 90, 1110, 240], fill=(255, 221, 110))
    draw.ellipse([-300, 520, 760, 1500], fill=(88, 140, 84))
    draw.ellipse([480, 590, 1640, 1700], fill=(112, 165, 92))
    draw.rectangle([820, 560, 1000, 680], fill=(214, 190, 160))
    draw.polygon([(790, 560), (910, 470), (1030, 560)], fill=(150, 74, 60))
    draw.rectangle([890, 610, 930, 680], fill=(96, 66, 50))
    picture.save(path, format="JPEG", quality=90)


def main() -> int:
    """Get the pictures and say where they are; return the exit code."""
    try:
        pictures = ensure(lambda line: print(f"Sample pictures: {line} …", flush=True))
    except WorkshopError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Sample pictures: {len(pictures)} in {folder()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
