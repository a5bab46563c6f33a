"""The dependencies: pinned in pyproject.toml, locked with hashes in .lock/."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import REPOSITORY

pytestmark = pytest.mark.unit

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = {
    "build": PROJECT["dependency-groups"]["build"],
    "node": PROJECT["dependency-groups"]["node"],
    "demo": PROJECT["project"]["dependencies"],
    "workshop": PROJECT["project"]["dependencies"] + EXTRAS["workshop"],
    "test": PROJECT["project"]["dependencies"] + EXTRAS["workshop"] + EXTRAS["test"],
}


def locked(name: str) -> Iterator[tuple[str, str, int]]:
    """Yield the package, the version and the number of hashes of each entry of a lock."""
    text = (REPOSITORY / ".lock" / f"{name}.txt").read_text()
    for entry in re.split(r"(?m)^(?=\w)", text)[1:]:
        found = re.match(r"([\w.-]+)==(\S+)", entry)
        assert found, entry
        yield normalized(found[1]), found[2], entry.count("--hash=sha256:")


def normalized(package: str) -> str:
    """The name as PyPI compares it: "Names and normalization" of the packaging specifications."""
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize("name", WANTED)
def test_lock_has_the_pins_of_pyproject(name: str) -> None:
    versions = {package: version for package, version, _ in locked(name)}

    for requirement in WANTED[name]:
        if requirement.startswith("serverless-bytes"):
            continue
        package, _, version = requirement.partition("==")
        assert versions.get(normalized(package)) == version, f"make lock: {requirement}"


@pytest.mark.parametrize("name", WANTED)
def test_each_locked_package_has_a_hash(name: str) -> None:
    assert all(hashes for _, _, hashes in locked(name))


@pytest.mark.parametrize(
    ("smaller", "larger"), [("demo", "workshop"), ("workshop", "test")], ids=str
)
def test_the_larger_lock_changes_no_version_of_the_smaller(smaller: str, larger: str) -> None:
    assert set(locked(smaller)) <= set(locked(larger))


def test_what_npm_installs_is_locked_with_hashes() -> None:
    package, lock = (
        json.loads((REPOSITORY / ".lock" / name).read_text())
        for name in ("package.json", "package-lock.json")
    )
    own = lock["packages"].pop("")
    assert own["devDependencies"] == package["devDependencies"]
    for name, version in package["devDependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert all(entry["integrity"].startswith("sha512-") for entry in lock["packages"].values())


def test_the_aws_cli_runs_in_any_folder(tmp_path: Path) -> None:
    installed = Path(sys.executable).parent
    folder = tmp_path / "a folder ü"
    folder.mkdir()
    shutil.copy(installed / "aws", folder)
    (folder / "python").symlink_to(installed / "python")
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [folder / "aws", "--version"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("aws-cli/"), done.stderr
    # What pip writes would name the interpreter's path in its first line, space and all.
    assert (folder / "aws").read_text().startswith("#!/bin/sh\n")
