"""Copies of the repository, each with a process that tries mutants in it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from mutants.making import Mutant
from mutants.subjects import Subject
from mutants.trial import MEASURED, OUTPUT
from mutants.verdicts import KILLED, SURVIVED, TIMEOUT
from support import REPOSITORY

PARTS = ("scripts", "tests", "media", "pyproject.toml", "RekognitionWorkshopCFN.json")
CLEAN_SECONDS = 900.0  # for all tests of a subject
Measurement = dict[str, tuple[float, frozenset[int]]]  # test → seconds, lines; "": outside of them


class Worker:
    """A copy of the repository, and a process that tries mutants in it, one after the other.

    Args:
        folder: for the copy.
        environment: more variables for the tests.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "*.png")
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=ignored)
            else:
                shutil.copy(source, folder / part)
        (folder / ".cache").symlink_to(REPOSITORY / ".cache")
        paths = os.pathsep.join(str(folder / part) for part in ("scripts", "tests"))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mutants.trial"],
            cwd=folder,
            env=os.environ | environment | {"PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.wait()

    def measure(self, subject: Subject) -> tuple[Measurement, float]:
        """Run all tests of a subject as it is; return also how many seconds that takes.

        Raises:
            RuntimeError: one failed.
        """
        started = time.monotonic()
        if self._run(subject, None, CLEAN_SECONDS, measure=subject.traced_file) != 0:
            output = (self.folder / OUTPUT).read_text()
            raise RuntimeError(f"The tests of {subject.name} fail without any mutation:\n{output}")
        seconds = time.monotonic() - started
        measured = json.loads((self.folder / MEASURED).read_text())
        return {test: (its, frozenset(lines)) for test, (its, lines) in measured.items()}, seconds

    def verdict(
        self, subject: Subject, mutant: Mutant, tests: dict[str, float], seconds: float
    ) -> str:
        """Run tests with a mutant; return KILLED, TIMEOUT or SURVIVED.

        Args:
            subject: of the mutant.
            mutant: is written into the copy, and taken out again.
            tests: in their order; how many seconds each may take.
            seconds: that all of them may take.
        """
        if not tests:
            return SURVIVED
        path = subject.write(mutant.code, self.folder)
        # Python would take the bytecode of a file of the same size and second for this one's.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
        try:
            code = self._run(subject, tests, seconds)
        finally:
            subject.write(subject.code, self.folder)
        if code is None:
            return TIMEOUT
        return KILLED if code else SURVIVED

    def _run(
        self, subject: Subject, tests: dict[str, float] | None, seconds: float, measure: str = ""
    ) -> int | None:
        job: dict[str, Any] = {
            "paths": subject.tests,
            "tests": tests,
            "seconds": seconds,
            "measure": measure,
        }
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The process that tries mutants has ended: {self.process.wait()}")
        code: int | None = json.loads(answer)
        return code
