"""inline_code.py: the template's format, its size in a request, and the code that it holds."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import inline_code
from kit.limits import TEMPLATE_BODY_BYTES
from kit.stack.template import BODY_IN_SHELL, TEMPLATE, compact_body, load_template
from support import REPOSITORY

pytestmark = pytest.mark.unit

TEXT = TEMPLATE.read_text()
CODE = [
    "TwitterLambdaFunction",
    "RekognitionLambdaFunction",
    "BucketEmptierFunction",
    "twitter_streaming.py",
    "firehose_producer.py",
]
ROOM = 1_500  # bytes that the next change may need


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template, which the commands work on."""
    path = tmp_path / "template.json"
    path.write_text(TEXT)
    monkeypatch.setattr(inline_code, "TEMPLATE", path)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(inline_code.main, arguments)


def test_the_template_has_the_house_format() -> None:
    assert inline_code.format_template(load_template()) == TEXT, (
        "python scripts/inline_code.py format"
    )


REGION = '{"Ref": "AWS::Region"}'
NO_ECHO = '      "Type": "String",\n      "NoEcho": true,\n'
IMPORTS = '            "import json",\n            "import os",\n'
SIZES = '["t3.micro", "t3.small"]'
CODE_BEGINS, CODE_ENDS = '{"Fn::Join": ["\\n", [\n', "\n          ]]}"


@pytest.mark.parametrize(
    ("formatted", "deviation"),
    [
        pytest.param('    "HasSSH"', '   "HasSSH"', id="indented by 3"),
        pytest.param('    "HasSSH"', '\t"HasSSH"', id="a tab"),
        pytest.param('    "HasSSH"', '\n    "HasSSH"', id="an empty line"),
        pytest.param(NO_ECHO, f"      {' '.join(NO_ECHO.split())}\n", id="two properties a line"),
        pytest.param(REGION, '{ "Ref": "AWS::Region" }', id="space in braces"),
        pytest.param(REGION, REGION.replace(": ", ":"), id="no space after the colon"),
        pytest.param(REGION, '{\n  "Ref": "AWS::Region"\n}', id="broken though it fits"),
        pytest.param(SIZES, SIZES.replace(", ", ",\n", 1), id="one part broken"),
        pytest.param(IMPORTS, f"{' '.join(IMPORTS.split())}\n", id="two lines of code a line"),
        pytest.param(IMPORTS, IMPORTS.replace("  ", ""), id="code at the left margin"),
        pytest.param(CODE_BEGINS, CODE_BEGINS.replace(" [", "\n["), id="code begins elsewhere"),
        pytest.param(CODE_ENDS, CODE_ENDS.strip(), id="code ends elsewhere"),
        pytest.param("celebrity", "\\u0063elebrity", id="a letter escaped"),
        pytest.param("  }\n}\n", "  }\n}", id="no last newline"),
        pytest.param("  }\n}\n", "  }\n}\n\n", id="two last newlines"),
    ],
)
def test_each_deviation_from_the_format_is_found_and_corrected(
    copy: Path, formatted: str, deviation: str
) -> None:
    assert formatted in TEXT
    assert run("format", "--check").exit_code == 0
    broken = TEXT.replace(formatted, deviation, 1)
    copy.write_text(broken)
    checked = run("format", "--check")
    assert checked.exit_code == 1
    assert "python scripts/inline_code.py format" in checked.output
    assert copy.read_text() == broken
    assert run("format").exit_code == 0
    assert copy.read_text() == TEXT


def test_a_line_may_have_100_columns() -> None:
    indent, key = "  ", '"Key": '
    for length, lines in ((100, 1), (101, 4)):
        text = "x" * (length - len(f'{indent}{key}["", 1],'))
        written = list(inline_code.layout([text, 1], indent, key, ","))
        assert len(written) == lines
        assert max(map(len, written)) <= 100


def test_only_single_strings_are_wider_than_100_columns() -> None:
    wide = [line.strip().rstrip(",") for line in TEXT.splitlines() if len(line) > 100]
    property_or_code = re.compile(r'(?:"[\w:]+": )?"(?:[^"\\]|\\.)*"')
    assert [line for line in wide if not property_or_code.fullmatch(line)] == []


def test_it_is_small_enough_to_be_sent_in_a_request() -> None:
    shell = ["bash", "-c", f"printf %s {BODY_IN_SHELL}"]
    sent = subprocess.run(shell, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert sent.stdout == compact_body(TEXT)
    assert json.loads(sent.stdout) == load_template()
    left = TEMPLATE_BODY_BYTES - len(sent.stdout.encode())
    print(f"{left} bytes are left of the {TEMPLATE_BODY_BYTES} that a request may have")
    assert left >= ROOM, f"{left} bytes are left, and {ROOM} should be"


def test_code_can_be_extracted_and_embedded(copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    for name in CODE:
        for command in ("extract", "embed"):
            result = run(command, name, str(file))
            assert result.exit_code == 0, result.output
    assert copy.read_text() == TEXT
    file.write_text('print("a \\"quoted\\" – line", [1]])\n')
    run("embed", "BucketEmptierFunction", str(file))
    assert inline_code.extract(copy.read_text(), "BucketEmptierFunction") == file.read_text()
    assert run("format", "--check").exit_code == 0


@pytest.mark.parametrize("name", ["NoSuchFunction", "TwitterBucket", "twitter_streaming.json"])
def test_code_that_is_not_there_is_one_sentence(copy: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "x.py"
    file.touch()
    for command in ("extract", "embed"):
        result = run(command, name, str(file))
        assert result.exit_code == 2
        assert f"The template has no code called {name}." in result.output
    assert copy.read_text() == TEXT


def test_a_file_that_is_not_there_is_one_sentence(copy: Path) -> None:
    result = run("embed", "TwitterLambdaFunction", "no-such-file.py")
    assert result.exit_code == 2
    assert "'no-such-file.py' does not exist." in result.output
    assert copy.read_text() == TEXT
