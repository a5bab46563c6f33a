"""Move code between the template and files, and format the template.

    python scripts/inline_code.py extract TwitterLambdaFunction TwitterLambdaFunction.py
    python scripts/inline_code.py embed TwitterLambdaFunction TwitterLambdaFunction.py
    python scripts/inline_code.py embed twitter_streaming.py scripts/twitter_streaming.py
    python scripts/inline_code.py format

The house format: 2 spaces; a value stays on its line while the line has at most 100 columns, else
it has one property a line. Code always has one string a line, for each line of the source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from kit.stack.template import TEMPLATE, code_lines

WIDTH = 100  # columns
CODE = '{"Fn::Join": ["\\n", ['  # how code begins; its lines follow


def layout(value: Any, indent: str = "", key: str = "", comma: str = "") -> Iterator[str]:
    """Yield the lines of a value in the house format, with its key before and its comma behind."""
    line = f"{indent}{key}{json.dumps(value, ensure_ascii=False)}{comma}"
    is_atom = not value or not isinstance(value, dict | list)
    if is_atom or (len(line) <= WIDTH and CODE not in line):
        yield line
        return
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if line.startswith(indent + key + CODE):
        opening, value, closing = CODE, value["Fn::Join"][1], "]]}"
    if isinstance(value, dict):
        entries = [(f"{json.dumps(name)}: ", entry) for name, entry in value.items()]
    else:
        entries = [("", entry) for entry in value]
    yield indent + key + opening
    for left, (name, entry) in zip(range(len(entries))[::-1], entries, strict=True):
        yield from layout(entry, indent + "  ", name, "," if left else "")
    yield indent + closing + comma


def format_template(template: dict[str, Any]) -> str:
    """Return the text of a template in the house format; keys stay in their order."""
    return "\n".join(layout(template)) + "\n"


def extract(text: str, name: str) -> str:
    """Return the code called `name`, as the text of a file.

    Raises:
        KeyError: the template has no code of that name.
    """
    return "\n".join(code_lines(json.loads(text), name))


def embed(text: str, name: str, code: str) -> str:
    """Return the text of the template, formatted, with the code called `name` replaced.

    Raises:
        KeyError: the template has no code of that name.
    """
    template = json.loads(text)
    code_lines(template, name)[:] = code.split("\n")
    return format_template(template)


@click.group(help=__doc__)
def main() -> None:
    """Register the commands."""


@main.command("extract")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def extract_command(name: str, file: Path) -> None:
    """Write the code of a function, or of a file of the instance, into FILE."""
    try:
        file.write_text(extract(TEMPLATE.read_text(), name))
    except KeyError:
        raise click.UsageError(f"The template has no code called {name}.") from None


@main.command("embed")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def embed_command(name: str, file: Path) -> None:
    """Replace the code of a function, or of a file of the instance, by FILE."""
    try:
        TEMPLATE.write_text(embed(TEMPLATE.read_text(), name, file.read_text()))
    except KeyError:
        raise click.UsageError(f"The template has no code called {name}.") from None


@main.command("format")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if it is not formatted.")
def format_command(check: bool) -> None:
    """Format the template."""
    text = TEMPLATE.read_text()
    formatted = format_template(json.loads(text))
    if not check:
        TEMPLATE.write_text(formatted)
    elif text != formatted:
        message = "The template is not formatted. Run: python scripts/inline_code.py format"
        raise click.ClickException(message)


if __name__ == "__main__":
    main()
