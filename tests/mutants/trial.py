"""The process that tries mutants, in a copy of the repository: it forks for each of them.

It imports what is slow and not ours, once. It reads jobs from standard input, one JSON a line, and
answers each with the exit code of pytest, or with null if the time was up.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import coverage
import pytest

SLOW_IMPORTS = (
    *("boto3", "click", "PIL.Image", "requests", "rich.console", "starlette", "tweepy"),
    *("anyio.pytest_plugin", "hypothesis.strategies", "jinja2", "platformdirs", "pygments"),
)
MEASURED = Path("measured.json")
OUTPUT = Path("output.txt")


class Chosen:
    """Runs only the chosen tests, in their order.

    Args:
        tests: by their names; how many seconds each may take.
    """

    def __init__(self, tests: dict[str, float]) -> None:
        self.seconds = tests
        self.order = {test: number for number, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the others out."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order),
            key=lambda item: self.order[item.nodeid],
        )
        for item in items:
            item.add_marker(pytest.mark.timeout(self.seconds[item.nodeid]))


class Measured:
    """Measures which lines of a file each test runs, and how long it takes.

    Writes into MEASURED: test → [seconds, lines]; what runs between the tests has the name "".
    """

    def __init__(self, file: str) -> None:
        self.coverage = coverage.Coverage(data_file=None, config_file=False, include=[f"*/{file}"])
        self.seconds: dict[str, float] = {"": 0.0}

    def pytest_sessionstart(self) -> None:
        """Begin."""
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """Note what one test runs."""
        self.coverage.switch_context(item.nodeid)
        started = time.monotonic()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.monotonic() - started
            self.coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        """Write it."""
        self.coverage.stop()
        data = self.coverage.get_data()
        lines: dict[str, list[int]] = {test: [] for test in self.seconds}
        for file in data.measured_files():
            for line, tests in data.contexts_by_lineno(file).items():
                for test in tests:
                    lines[test].append(line)
        MEASURED.write_text(json.dumps({test: [self.seconds[test], lines[test]] for test in lines}))


def run_pytest(job: dict[str, Any]) -> int:
    """Run the job's tests in this process; return pytest's exit code."""
    without = ("cacheprovider", "unraisableexception", "xdist")  # they take time
    arguments = ["-x", "-q", *(f"-pno:{name}" for name in without), *job["paths"]]
    plugins: list[object] = []
    if job["tests"] is not None:
        plugins.append(Chosen(job["tests"]))
    if job["measure"]:
        plugins.append(Measured(job["measure"]))
    return int(pytest.main(arguments, plugins))


def run(job: dict[str, Any]) -> int | None:
    """Run the job in a child, and end all that it started; return the exit code.

    Returns:
        None: the time was up.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        nothing, output = (
            os.open(os.devnull, os.O_RDONLY),
            os.open(OUTPUT, os.O_CREAT | os.O_WRONLY),
        )
        os.ftruncate(output, 0)
        for target, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, target)
        code = 3
        try:
            code = run_pytest(job)
        finally:
            os._exit(code)
    time_is_up = threading.Event()

    def kill() -> None:
        time_is_up.set()
        kill_group(child)

    timer = threading.Timer(job["seconds"], kill)
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    kill_group(child)
    return None if time_is_up.is_set() else os.waitstatus_to_exitcode(status)


def kill_group(leader: int) -> None:
    """End a process and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def main() -> None:
    """Answer the jobs."""
    for name in SLOW_IMPORTS:
        importlib.import_module(name)
    gc.freeze()  # the children need not look through all that
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
