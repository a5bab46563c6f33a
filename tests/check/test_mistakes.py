"""Each typical mistake fails on its own case, with a hint that names it."""

from __future__ import annotations

import pytest

from check.mistakes import LONG, MISTAKES, SHORT, Mistake, failed
from kit.commands.check.cases import CASES
from kit.commands.check.harness import Harness
from kit.commands.check.run import check_code


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_fails_on_its_own_case_only(harnesses: list[Harness], mistake: Mistake) -> None:
    assert SHORT.count(mistake.old) == 1
    code = SHORT.replace(mistake.old, mistake.new).encode()
    wrong = mistake.cases.split()
    tried = [case for case in CASES if case.name in wrong or case.name not in LONG]
    hints = failed(check_code(harnesses, code, cases=tried))
    assert list(hints) == wrong, hints
    assert mistake.hint in hints[wrong[0]]
