"""The check as the page reads it: a line of JSON for news."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kit.commands.check.cases import CASES
from kit.commands.check.rows import EASY, PARTS, row
from kit.commands.check.run import Result
from kit.processes import SCRIPTS

pytestmark = pytest.mark.unit


def test_the_parts_are_of_cases_that_there_are() -> None:
    names = {case.name for case in CASES}
    assert set(PARTS) <= names
    assert set(EASY) <= names
    assert {row(Result(name, ""))["part"] for name in names} == {1, 2, 3, 4}


def test_a_result_becomes_a_verdict() -> None:
    assert row(Result("match", "title"), done=False)["verdict"] == ""
    assert row(Result("match", "title"))["verdict"] == "passed"
    assert row(Result("match", "title", "a hint"))["verdict"] == "failed"
    assert row(Result("match", "title", "gave up", tried=False))["verdict"] == "not tried"


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [("import pandas\n", 1, "imports pandas"), ("", 2, "is empty"), ("x = (\n", 1, "cannot read")],
)
def test_code_that_cannot_be_loaded_is_told_at_once(
    tmp_path: Path, code: str, status: int, told: str
) -> None:
    file = tmp_path / "index.py"
    file.write_text(code)
    command = [sys.executable, "-m", "kit.commands.check.rows", str(file)]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")
    assert told in str([json.loads(line) for line in done.stdout.splitlines()])
