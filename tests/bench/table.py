"""The table of what was measured: in the terminal, in results.json, and in README.md beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import plots

RESULTS = Path(__file__).resolve().parent / "results.json"
README = Path(__file__).with_name("README.md")


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: is measured.
        v2, v1: the two versions' figures, as they are printed; v1's may be empty.
        ratio: of the two figures, as it is printed.
        goal: the limit, as it is printed.
        met: whether v2 is within it.
        why: what is to be known about it, or why the goal is not reached and what was tried.
    """

    what: str
    v2: str
    v1: str
    ratio: str
    goal: str
    met: bool
    why: str = ""


def save(machine: str, lines: list[Line], more: dict[str, Any]) -> dict[str, Any]:
    """Write results.json; return what is in it."""
    results = {"machine": machine, "lines": [asdict(line) for line in lines], **more}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return results


def load() -> dict[str, Any]:
    """What the last run found."""
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return results


def lines_of(results: dict[str, Any]) -> list[Line]:
    """The lines of the table."""
    return [Line(**line) for line in results["lines"]]


def show(console: Console, results: dict[str, Any]) -> None:
    """Print the table, and below it what is to be known about its lines."""
    table = Table(title=f"Measured on {results['machine']}", show_lines=True)
    for head in ("", "v2", "v1 (2018)", "Ratio", "Goal", ""):
        table.add_column(head)
    for line in lines_of(results):
        met = "[green]yes[/green]" if line.met else "[red]no[/red]"
        table.add_row(line.what, line.v2, line.v1 or "–", line.ratio or "–", line.goal, met)
    console.print(table)
    for line in lines_of(results):
        if line.why:
            console.print(f"{line.what}: {line.why}", highlight=False)


def markdown(results: dict[str, Any]) -> str:
    """The same for README.md."""
    rows = [
        f"Measured on {results['machine']}.",
        "",
        "| | v2 | v1 (2018) | Ratio | Goal | Reached |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    notes: list[str] = []
    for line in lines_of(results):
        mark = ""
        if line.why:
            notes.append(f"{len(notes) + 1}. {line.why}")
            mark = f" ({len(notes)})"
        reached = "yes" if line.met else "**no**"
        v1, ratio = line.v1 or "–", line.ratio or "–"
        rows.append(f"| {line.what}{mark} | {line.v2} | {v1} | {ratio} | {line.goal} | {reached} |")
    return "\n".join([*rows, "", *notes])


def scale_markdown(results: dict[str, Any]) -> str:
    """The table of the simulation, for README.md."""
    rows = [
        "| Account and region | Bottleneck | Photos/s | All compared after | Waiting at most "
        "| Failure queue | Lost |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in results["scale"]:
        rows.append(
            f"| {row['scenario']} | {row['bottleneck']} | {row['rate']:.0f} "
            f"| {row['minutes']:.0f} min | {row['waiting']:,} | {row['failed']:,} | {row['lost']} |"
        )
    return "\n".join(rows)


def parts(results: dict[str, Any]) -> dict[str, str]:
    """The parts of README.md that the bench writes, by the name in their markers."""
    picture = f"![{plots.alt_text(results['growth'])}](../../media/growth.png)"
    return {"bench": markdown(results), "growth": picture, "scale": scale_markdown(results)}


def written(text: str, results: dict[str, Any]) -> str:
    """README.md with the tables of these results between its markers."""
    for name, part in parts(results).items():
        before, begin, rest = text.partition(f"<!-- {name}: begin -->\n")
        _, end, after = rest.partition(f"<!-- {name}: end -->")
        assert end, f"README.md has no markers for {name}"
        text = f"{before}{begin}{part}\n{end}{after}"
    return text


def write_readme(results: dict[str, Any]) -> None:
    """Put the tables into README.md."""
    README.write_text(written(README.read_text(encoding="utf-8"), results), encoding="utf-8")
