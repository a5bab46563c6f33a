"""Where the code comes from, and code that is not even tried."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kit import running
from kit.commands.check.code import code_of_workshop, load_error
from kit.commands.check.command import check
from kit.commands.check.harness import ENTRY, FUNCTION, Harness
from kit.commands.check.time_budget import TimeBudget
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.keys import new_keys
from kit.processes import free_port
from support.terminal import running_workshop


def run(file: Path | str = "") -> tuple[int, str]:
    answer = CliRunner().invoke(check, [str(file)] if file else [])
    return answer.exit_code, " ".join(answer.output.split())


@pytest.mark.unit
@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (b"import os\nprint('x'\n", "cannot read it: line 2: '(' was never closed."),
        (b"def handler(event, context): pass", "It has no lambda_handler(event, context)"),
        (b"async def lambda_handler(event, context): pass", "does not await it"),
        (b"import os\nimport requests\n", "Line 2 imports requests, which Lambda does not have"),
        (b"def lambda_handler(event, context):\n    import PIL.Image", "Line 2 imports PIL, which"),
    ],
)
def test_code_that_cannot_be_loaded_is_not_even_tried(
    tmp_path: Path, code: bytes, hint: str
) -> None:
    file = tmp_path / "function.py"
    file.write_bytes(code)
    status, output = run(file)
    assert status == 1
    assert hint in load_error(code)
    assert "✗ failed" in output


@pytest.mark.unit
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xd8\xff\xe0 a photo", "is not text in UTF-8"),
        (b"print('caf\xe9')", "is not text in UTF-8"),
        (b"# -*- coding: nonsense -*-", "is not text in UTF-8"),
        (b"x = 1\0", "is not text in UTF-8"),
        (b"#" * 3_000_000, "has 3 MB"),
    ],
)
def test_a_file_without_code_is_wrong_input(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "function.py"
    file.write_bytes(content)
    status, output = run(file)
    assert status == 2
    assert f"function.py {message}" in output


@pytest.mark.unit
@pytest.mark.parametrize("name", ["gone.py", "", "/dev/null"])
def test_a_file_that_is_none_is_wrong_input(tmp_path: Path, name: str) -> None:
    status, output = run(tmp_path / name)
    assert status == 2
    assert "Traceback" not in output


@pytest.mark.unit
def test_without_a_running_workshop_a_file_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FILE", tmp_path / "running.json")
    status, output = run()
    assert status == 2
    assert "No offline workshop is running: start it with “workshop.py start”, or" in output


@pytest.mark.unit
def test_a_workshop_that_has_ended_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = running.Running("eu-west-1", f"http://127.0.0.1:{free_port()}", "", "", "", new_keys())
    monkeypatch.setattr(running, "load", lambda: gone)
    status, output = run()
    assert status == 2
    assert "The offline workshop does not answer" in output


def test_the_deployed_code_is_found(system: OfflineSystem, harnesses: list[Harness]) -> None:
    workshop = running_workshop(system)
    harnesses[-1].stack.replace_code(FUNCTION, "print('deployed')")
    with pytest.raises(WorkshopError, match=r"has no lambda_entry\.py"):
        code_of_workshop(workshop)
    harnesses[-1].deploy(b"print('deployed')", TimeBudget())
    code, source = code_of_workshop(workshop)
    assert code == ENTRY.read_bytes()
    assert source == f"RekognitionLambdaFunction of the stack {harnesses[-1].stack.name}"
