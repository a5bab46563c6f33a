"""Right solutions pass; those that are not finished, crash or never end do not."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from check.mistakes import SOLUTIONS, failed
from kit.commands.check import harness as check_harness
from kit.commands.check.cases import CASES
from kit.commands.check.harness import FUNCTION, Harness
from kit.commands.check.run import Result, check_code, try_case
from kit.commands.check.time_budget import TIMEOUTS, TimeBudget
from kit.emulators.system import OfflineSystem
from kit.stack.template import code_of
from support import REPOSITORY


def test_compare_faces_passes_all() -> None:
    done = subprocess.run(
        [sys.executable, "workshop.py", "check", "compareFaces.py"],
        cwd=REPOSITORY / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("✓ passed") == len(CASES)
    assert f"{len(CASES)} of {len(CASES)} cases passed" in done.stdout


@pytest.mark.parametrize("name", ["short.py", "wordy.py"])
def test_another_right_solution_passes_as_well(harnesses: list[Harness], name: str) -> None:
    told: list[Result] = []
    assert not failed(check_code(harnesses, (SOLUTIONS / name).read_bytes(), told.append))
    assert sorted(result.case for result in told) == sorted(case.name for case in CASES)


def test_the_starter_fails_where_something_is_to_be_done(harnesses: list[Harness]) -> None:
    hints = failed(check_code(harnesses, code_of(FUNCTION).encode()))
    assert {case.name for case in CASES} - hints.keys() == {
        *("other_person", "no_face", "damaged", "test_event", "other_service")
    }
    assert hints["match"].startswith("No e-mail was sent: Rekognition was not asked about this")


def test_a_first_try_fails_on_all_but_the_simple_photos(harnesses: list[Harness]) -> None:
    hints = failed(check_code(harnesses, (SOLUTIONS / "first_try.py").read_bytes()))
    assert {case.name for case in CASES} - hints.keys() == {
        "match",
        "other_person",
        "throttling",
    }
    assert "InvalidParameterException" in hints["no_face"]
    assert "catch this error" in hints["no_face"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("raise KeyError('FOO')", "in line 1, “raise KeyError('FOO')”: KeyError: 'FOO'"),
        (
            "import sys; sys.exit()",
            "The function failed: Runtime exited without providing a reason",
        ),
        ("def lambda_handler(event):\n    pass", "takes 1 positional argument but 2 were given"),
        (
            "def lambda_handler(event, context):\n    return {1}",
            "Lambda turns the returned value into JSON",
        ),
        (
            "import boto3\ndef lambda_handler(event, context):\n"
            "    boto3.client('rekognition').detect_faces(Image={'Bytes': b'x'})",
            "The function's role allows CompareFaces",
        ),
    ],
)
def test_a_crash_is_shown_with_its_line(harnesses: list[Harness], code: str, hint: str) -> None:
    harnesses[0].deploy(code.encode(), TimeBudget())
    assert hint in try_case(harnesses[0], CASES[0]).hint


@pytest.mark.parametrize(
    "code",
    ["while True: pass", "import time\ndef lambda_handler(event, context):\n    time.sleep(60)"],
)
def test_a_function_without_end_ends_the_check(
    system: OfflineSystem, harnesses: list[Harness], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(check_harness, "FUNCTION_SECONDS", 1)
    impatient = [Harness(system, harnesses[0].pictures) for _ in range(2)]
    results = check_code(impatient, code.encode())
    told = [result.hint for result in results if result.tried]
    own = re.compile(r"The function did not end within \d+ s")
    assert own.search(told[0])
    # On a busy computer the others may have used the time up before the first case began.
    other = re.compile("same error as in the first case") if results[0].tried else own
    assert [hint for hint in told[1:] if not other.search(hint)] == []
    assert len(told) <= TIMEOUTS + 1
    assert "ran into its time limit too often" in failed(results)["settings"]
    for harness in impatient:
        harness.stack.delete()
