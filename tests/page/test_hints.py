"""The parts of the exercise, as the page takes them from Instructions.md."""

from __future__ import annotations

import ast

import pytest

from kit.page.hints import parts

pytestmark = pytest.mark.unit


def test_the_four_parts_have_a_goal_and_a_hint() -> None:
    found = parts()
    assert [part["number"] for part in found] == [1, 2, 3, 4]
    for part in found:
        assert len(part["goal"]) > 50
        assert len(part["hint"]) > 50
        assert "```" not in part["hint"] + part["code"]
        ast.parse(part["code"])
    assert "def lambda_handler" in found[3]["code"]
