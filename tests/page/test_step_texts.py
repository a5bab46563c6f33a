"""The text of the steps, as the page takes it from Instructions.md."""

from __future__ import annotations

import pytest

from kit.page.instructions import blocks, texts
from kit.page.steps import STEPS

pytestmark = pytest.mark.unit


def test_each_step_has_a_text_and_its_commands() -> None:
    found = texts()
    for step in STEPS:
        assert found[step.id], step.id
        assert "On AWS" not in str(found[step.id][0])
        assert found[step.id][0]["parts"][0]["text"][0].isupper()
    commands = {
        step: [one["parts"][0]["text"] for one in found[step] if one["kind"] == "command"]
        for step in found
    }
    assert any("create-stack" in command for command in commands["launch"])
    assert any("delete-stack" in command for command in commands["clean-up"])
    assert any("update-function-code" in command for command in commands["exercise"])


def test_the_text_is_no_html() -> None:
    text = "A <b>tag</b> & **bold** `code` [far](https://a.example) [near](x.md) ![x](y.png)\n"
    (block,) = blocks(text)
    assert "".join(part["text"] for part in block["parts"]).startswith("A <b>tag</b> & bold code")
    assert [part.get("href") for part in block["parts"] if part["kind"] == "link"] == [
        "https://a.example"
    ]
    assert list(blocks("```shell\nls\n```\n")) == [
        {"kind": "command", "parts": [{"kind": "", "text": "ls"}]}
    ]
