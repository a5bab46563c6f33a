"""What bandit and ruff's security rules say of the scripts and of the template's inline code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kit.stack.template import code_of, load_template
from support import REPOSITORY

pytestmark = pytest.mark.unit

TOOLS = Path(sys.executable).parent
SETTINGS = REPOSITORY / "pyproject.toml"
TEMPLATE = load_template()
FUNCTIONS = [
    name for name, r in TEMPLATE["Resources"].items() if r["Type"] == "AWS::Lambda::Function"
]


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the inline code of all functions."""
    folder = tmp_path_factory.mktemp("inline")
    for name in FUNCTIONS:
        code = code_of(name)
        (folder / name).mkdir()
        (folder / name / "index.py").write_text(code)  # as Lambda calls it
    return folder


def run(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    return done.returncode, done.stdout + done.stderr


def test_bandit_finds_nothing(inline: Path) -> None:
    code, said = run(TOOLS / "bandit", "-q", "-c", SETTINGS, "-r", "scripts", "media", inline)
    assert code == 0, said


def test_ruff_s_security_rules_find_nothing(inline: Path) -> None:
    ruff: list[str | Path] = [TOOLS / "ruff", "check", f"--config={SETTINGS}"]
    code, said = run(*ruff, "scripts", "media", inline)
    assert code == 0, said


def test_both_would_find_something(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("import subprocess\nsubprocess.call(input(), shell=True)\n")
    assert run(TOOLS / "bandit", "-q", "-c", SETTINGS, file)[0] == 1
    assert "S602" in run(TOOLS / "ruff", "check", f"--config={SETTINGS}", file)[1]


def test_no_finding_is_silenced_in_the_code() -> None:
    """What is accepted stands in pyproject.toml and .checkov.yaml, with its reason."""
    for path in (REPOSITORY / "scripts").rglob("*.py"):
        assert not re.search(r"#\s*nosec|noqa: *S\d", path.read_text()), path


def test_what_checkov_is_told_to_skip_has_a_reason() -> None:
    lines = (REPOSITORY / ".checkov.yaml").read_text().splitlines()
    skipped = [line for line in lines if line.strip().startswith("- CKV")]
    assert skipped
    assert [line for line in skipped if not re.search(r"CKV_AWS_\d+ +# \w.{15}", line)] == []


def test_what_checkov_does_not_see() -> None:
    """Its check for queues knows only keys of KMS; that all resources are named is our own test."""
    queue = TEMPLATE["Resources"]["FailureQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
