"""How the modules of scripts/ may import each other: down, and never in a circle.

workshop.py, inline_code.py → commands → page, emulators, stack → the ground floor (kit/*.py)
"""

from __future__ import annotations

import ast
import functools
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from click.testing import CliRunner

import workshop
from support import REPOSITORY

pytestmark = pytest.mark.unit

SCRIPTS = REPOSITORY / "scripts"
FLOORS = ("workshop inline_code", "kit.commands", "kit.page kit.emulators kit.stack", "kit")
TEACHING = {  # the files that learners open, and what each may import of ours
    "twitter_streaming": {"firehose_producer"},
    "firehose_producer": set[str](),
    "compareFaces": set[str](),
}


def name_of(path: Path) -> str:
    """What a file of scripts/ is called as a module."""
    parts = path.relative_to(SCRIPTS).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in sorted(SCRIPTS.rglob("*.py"))}


@functools.cache
def parsed(name: str) -> ast.Module:
    """The code of a module."""
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name: str) -> set[str]:
    """The modules of scripts/ that a module imports; a package stands for its __init__."""
    found = set()
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & MODULES.keys()) or {node.module}
    return (found & MODULES.keys()) - {name}


def floor(name: str) -> int:
    """0 is the top; a module is on the floor of the longest name that it begins with."""
    return max(
        (
            (len(room), number)
            for number, rooms in enumerate(FLOORS)
            for room in rooms.split()
            if f"{name}.".startswith(f"{room}.")
        ),
    )[1]


def test_imports_go_in_no_circle() -> None:
    try:
        TopologicalSorter({name: imports(name) for name in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' → '.join(error.args[1])}")


@pytest.mark.parametrize("name", [name for name in MODULES if name not in TEACHING])
def test_imports_go_down(name: str) -> None:
    assert [other for other in imports(name) if floor(other) < floor(name)] == []


@pytest.mark.parametrize("name", workshop.COMMANDS)
def test_each_command_is_there(name: str) -> None:
    done = CliRunner().invoke(workshop.main, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"Usage: main {name} ")


@pytest.mark.parametrize("name", TEACHING)
def test_the_files_that_learners_open_import_each_other_at_most(name: str) -> None:
    assert imports(name) == TEACHING[name]


def test_emulators_do_not_import_each_other() -> None:
    for name in MODULES:
        room = name.split(".")[:3]
        if (
            room[:2] == ["kit", "emulators"]
            and len(room) == 3
            and room[2] in ("aws", "x", "rekognition")
        ):
            others = [other for other in imports(name) if other.split(".")[:2] == room[:2]]
            assert [other for other in others if other.split(".")[:3] != room] == []
