"""Each typical mistake fails on its own case, with a hint that names it."""

from __future__ import annotations

import pytest

from check.mistakes import LONG, MISTAKES, SHORT, Mistake, failed
from kit.commands.check.cases import CASES, Case
from kit.commands.check.harness import Harness
from kit.commands.check.run import check_code


def cases_for(mistake: Mistake) -> list[Case]:
    """The cases that must fail, and a third of the others: each is tried with many mistakes."""
    wrong = mistake.cases.split()
    others = [case.name for case in CASES if case.name not in (*wrong, *LONG)]
    tried = {*wrong, *others[MISTAKES.index(mistake) % 3 :: 3]}
    return [case for case in CASES if case.name in tried]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_fails_on_its_own_case_only(harnesses: list[Harness], mistake: Mistake) -> None:
    assert SHORT.count(mistake.old) == 1
    code = SHORT.replace(mistake.old, mistake.new).encode()
    hints = failed(check_code(harnesses, code, cases=cases_for(mistake)))
    assert list(hints) == mistake.cases.split(), hints
    assert mistake.hint in next(iter(hints.values()))
