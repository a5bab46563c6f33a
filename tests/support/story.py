"""Instructions.md as a story: its commands, typed one after the other in three terminals.

The output must be what the text promises. In a block of text, … stands for anything; a block
without it is the whole output.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from support import REPOSITORY, aws_cli, end_of, evidence, instructions, wait_until
from support.instructions import AGAIN, SECOND_TERMINAL, Block

NOT_COPIED = ("coverage", ".git", ".venv", ".workshop", ".reports", ".*_cache", "__pycache__")
FAILS_RIGHTLY = "workshop.py check"  # as long as the code is the starter


class Terminal:
    """A shell in the copy of the repository."""

    def __init__(self, folder: Path, name: str) -> None:
        self.output = folder.parent / f"{name}.txt"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        }
        environment |= {"SHELL": "/bin/bash", "COLUMNS": "200"}
        environment.pop("WORKSHOP_FOLDER", None)
        with self.output.open("w") as output:
            self.shell = subprocess.Popen(
                ["/bin/bash"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.typed = 0

    def type(self, line: str) -> None:
        assert self.shell.stdin
        self.shell.stdin.write(f"{line}\n")
        self.shell.stdin.flush()

    def run(self, line: str) -> str:
        """Type a line, wait until it has ended, and return what it printed."""
        before = len(self.output.read_text())
        self.typed += 1
        self.type(line)
        self.type(f'echo "@{self.typed} $?"')
        end = re.compile(rf"@{self.typed} (\d+)\n$")
        # What it prints is read while it is written: the last character may be half there.
        found = wait_until(lambda: end.search(self.output.read_text(errors="replace")), 120)
        printed = self.output.read_text()[before : found.start()]
        assert "Traceback" not in printed
        assert found[1] == "0" or FAILS_RIGHTLY in line, f"{line}\n{printed}"
        return printed

    def interrupt(self) -> None:
        """Ctrl-C, and close the terminal."""
        if self.shell.poll() is None:
            os.killpg(self.shell.pid, signal.SIGINT)
            assert self.shell.stdin
            self.shell.stdin.close()
            end_of(self.shell)


def copy_repository(folder: Path) -> None:
    """Make a clone with everything set up already, so that make has nothing to install.

    Its `aws` is the loaded one; that the installed one runs in any folder has a test of its own.
    """
    shutil.copytree(REPOSITORY, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    virtual = folder / ".venv"
    programs = virtual / "bin"
    programs.mkdir(parents=True)
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("installed") and path.name != "bin":
            (virtual / path.name).symlink_to(path)
    for path in Path(sys.prefix, "bin").iterdir():
        (programs / path.name).symlink_to(aws_cli.program() if path.name == "aws" else path)
    activate = Path(sys.prefix, "bin", "activate").read_text()
    (programs / "activate").unlink()
    here = re.sub("(?m)^VIRTUAL_ENV=.*$", f"VIRTUAL_ENV={virtual}", activate)
    (programs / "activate").write_text(here)
    for stamp in ("installed", "installed-workshop"):
        (virtual / stamp).touch()


def missing(block: Block, printed: str) -> str:
    """The part of the promised output that is not there; empty if all is there."""
    if "…" not in block.text:
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        return "" if lines == block.lines else block.text
    for line in block.lines:
        pattern = re.escape(line).replace("…", ".*").replace(r"\ ", r"\s+")
        if not re.search(pattern, printed, re.DOTALL):
            return line
    return ""


class Story:
    """Runs blocks, each in its terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.terminals: dict[str, Terminal] = {}
        self.last: Block  # of commands
        self.printed = ""  # by them

    def terminal(self, place: str) -> Terminal:
        name = SECOND_TERMINAL if place == AGAIN else place
        if name not in self.terminals:
            self.terminals[name] = Terminal(self.folder, name)
        return self.terminals[name]

    def type(self, block: Block) -> None:
        terminal = self.terminal(block.place)
        self.last = block
        if block.place in (SECOND_TERMINAL, AGAIN):
            self.printed = "".join(terminal.run(line) for line in block.lines)
        else:  # a program that runs there does not end by itself
            for line in block.lines:
                terminal.type(line)

    def look(self, block: Block) -> str:
        """Return the output that is missing, and type the commands again if they may be."""
        if self.last.place == SECOND_TERMINAL:
            return missing(block, self.printed)
        if self.last.place == AGAIN:
            if lacks := missing(block, self.printed):
                self.type(self.last)
            return lacks
        printed = self.terminal(self.last.place).output.read_text(errors="replace")
        return missing(block, printed)

    def run(self, block: Block) -> None:
        if block.language == "shell":
            self.type(block)
        elif self.last.place == SECOND_TERMINAL:
            assert self.look(block) == "", self.printed
        else:
            wait_until(lambda: not self.look(block), 60)

    def close(self) -> None:
        """Ctrl-C in all terminals, and close them."""
        for terminal in self.terminals.values():
            terminal.interrupt()


@contextlib.contextmanager
def begin(folder: Path) -> Iterator[Story]:
    """A story in a fresh copy of the repository below `folder`."""
    copy_repository(folder / "serverless-bytes")
    story = Story(folder / "serverless-bytes")
    with evidence.watch(folder):
        yield story
    story.close()


def typed(section: str, path: str) -> list[Block]:
    """The blocks of a section that belong to a path: "with-x" or "without-x"."""
    found, commands = [], None
    for block in instructions.blocks():
        commands = block if block.language == "shell" else commands
        if block.section != section or block.language not in ("shell", "text") or not commands:
            continue
        if commands.place not in ("on-aws", "no-run") and commands.path in ("", path):
            found.append(block)
    assert found
    return found
