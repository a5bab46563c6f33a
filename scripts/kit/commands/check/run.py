"""Tries a function on the cases, several at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
from botocore.exceptions import BotoCoreError, ClientError

from kit.commands.check.cases import CASES, Case
from kit.commands.check.harness import Bench
from kit.commands.check.hints import CrashError, WrongError
from kit.commands.check.time_budget import GaveUpError, Patience
from kit.errors import WorkshopError


@dataclass
class Result:
    """What came of a case; `hint` is empty when it passed."""

    case: str
    title: str
    hint: str = ""
    tried: bool = True
    error: str = ""  # with which the function failed


def try_case(bench: Bench, one: Case) -> Result:
    """Try one case."""
    try:
        bench.prepare()
        one.run(bench)
    except WrongError as error:
        crash = error.error if isinstance(error, CrashError) else ""
        return Result(one.name, one.title, " ".join(str(error).split()), error=crash)
    except GaveUpError as error:
        return Result(one.name, one.title, str(error), tried=False)
    return Result(one.name, one.title)


def check_code(
    benches: list[Bench],
    code: bytes,
    report: Callable[[int], None] = lambda done: None,
    cases: Sequence[Case] = CASES,
) -> list[Result]:
    """Try a function on all cases, as many at once as there are benches.

    Args:
        benches: where; they can be used again afterwards.
        code: of the function.
        report: is called with the number of cases that are done.
        cases: which ones.

    Raises:
        WorkshopError: the emulated AWS failed, not the function.
    """
    patience = Patience()
    free: queue.SimpleQueue[Bench] = queue.SimpleQueue()
    for bench in benches:
        bench.deploy(code, patience)
        free.put(bench)
    results: dict[str, Result] = {}
    lock = threading.Lock()

    def work(one: Case) -> None:
        bench = free.get()
        try:
            result = try_case(bench, one)
        finally:
            free.put(bench)
        with lock:
            results[one.name] = result
            report(len(results))

    try:
        with ThreadPoolExecutor(len(benches)) as pool:
            try:
                list(pool.map(work, [one for one in cases if not one.alone]))
            except BaseException:
                patience.reason = "the check was stopped"  # so that the other thread ends, too
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for one in cases:
            if one.alone:
                work(one)
    except (BotoCoreError, ClientError, requests.RequestException) as error:
        raise WorkshopError(f"The check broke off, because offline AWS failed: {error}") from error
    first, *others = (results[one.name] for one in cases)
    for result in others:
        if result.error and result.error == first.error:
            result.hint = "The same error as in the first case: mend that first."
    return [first, *others]
