"""Take code out of the template into a file, and put a file back into the template.

    python scripts/inline_code.py take TwitterLambdaFunction TwitterLambdaFunction.py
    python scripts/inline_code.py put TwitterLambdaFunction TwitterLambdaFunction.py
    python scripts/inline_code.py put twitter_streaming.py scripts/twitter_streaming.py

The template holds code as one string per line. These stand at the left margin: so they read like
the file, and the template stays below the 51,200 bytes that the AWS CLI can send directly.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

TEMPLATE = Path(__file__).resolve().parent.parent / "RekognitionWorkshopCFN.json"


def find(template: str, name: str) -> re.Match[str]:
    """Find the lines of the code whose function or file is called `name`; group 2 holds them."""
    pattern = (
        rf'(?s)("[^"\n]*{re.escape(name)}": \{{.*?\{{"Fn::Join": \["\\n", \[\n)(.*?)(\n *\]\])'
    )
    if not (match := re.search(pattern, template)):
        raise click.UsageError(f"The template has no code called {name}.")
    return match


def take(template: str, name: str) -> str:
    """Return the code called `name`, as the text of a file."""
    lines: list[str] = json.loads(f"[{find(template, name)[2]}]")
    return "\n".join(lines)


def put(template: str, name: str, code: str) -> str:
    """Return the template with the code called `name` replaced."""
    match = find(template, name)
    lines = ",\n".join(json.dumps(line, ensure_ascii=False) for line in code.split("\n"))
    return f"{template[: match.start(2)]}{lines}{template[match.end(2) :]}"


@click.command(help=__doc__)
@click.argument("direction", type=click.Choice(["take", "put"]))
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def main(direction: str, name: str, file: Path) -> None:
    """Move code between the template and a file."""
    template = TEMPLATE.read_text()
    if direction == "take":
        file.write_text(take(template, name))
    elif file.is_file():
        TEMPLATE.write_text(put(template, name, file.read_text()))
    else:
        raise click.UsageError(f"There is no file {file}.")


if __name__ == "__main__":
    main()
