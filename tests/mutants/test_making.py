"""Mutants of small codes."""

from __future__ import annotations

import pytest

from mutants.making import make_mutants


@pytest.mark.parametrize(
    ("code", "mutants"),
    [
        ("LIMIT = 5", ["LIMIT = None", "LIMIT = 6"]),
        ("save(a)", ["pass", "save(None)"]),
        ("raise error", ["pass"]),
        ('"""Text."""', []),
        ("best = max(a)", ["best = None", "best = max(None)", "best = min(a)"]),
        ("if a: b = c", ["if not (a): b = c", "if a: b = None"]),
        ("while a < b: c", ["while a <= b: c", "while a < b: pass"]),
        ("def f():\n    return a", ["return None"]),
        ("@cached\ndef f():\n    return a", ["return None"]),
        (
            "try: a = b\nexcept E: c = d",
            ["try: a = None", "except (): c = d", "except E: c = None"],
        ),
        ("a = None  # a\nb = None  # b", ['a = ""  # a', 'b = ""  # b']),
    ],
)
def test_the_mutants_of_a_code(code: str, mutants: list[str]) -> None:
    made = list(make_mutants(code))
    assert [mutant.new for mutant in made] == mutants
    for mutant in made:
        assert mutant.code.splitlines() == [
            line if line.strip() != mutant.old else line.replace(mutant.old, mutant.new)
            for line in code.splitlines()
        ]


def test_the_lines_of_a_mutant_are_those_of_its_statement() -> None:
    code = "a = [\n    1,\n]\nif b:\n    c = 2\n"
    assert {(mutant.new, mutant.lines) for mutant in make_mutants(code)} >= {
        ("2,", frozenset({1, 2, 3})),
        ("if not (b):", frozenset({4})),
        ("c = 3", frozenset({5})),
    }
