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
from kit.commands.check.harness import Harness
from kit.commands.check.hints import CrashError, WrongError
from kit.commands.check.photos import make_pictures
from kit.commands.check.time_budget import GaveUpError, TimeBudget
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError

LANES = 2  # cases at once, each in a stack of its own


@dataclass
class Result:
    """What came of a case.

    Attributes:
        case: its name.
        title: what it demands.
        hint: empty if it passed.
        tried: whether it was tried to its end.
        error: with which the function failed; the same for the same error in other cases.
    """

    case: str
    title: str
    hint: str = ""
    tried: bool = True
    error: str = ""


def check_offline(
    code: bytes, ready: Callable[[], None], report: Callable[[Result], None]
) -> list[Result]:
    """Try a function on all cases, in an offline system of its own.

    Args:
        code: of the function.
        ready: is called when the system is ready and the first case begins.
        report: is called with the result of each case, as soon as it is there.

    Raises:
        WorkshopError: the emulated AWS failed, not the function.
    """
    with OfflineSystem() as system:
        pictures = make_pictures()
        system.aws.wait_until_ready()
        with ThreadPoolExecutor(LANES) as pool:  # while the models that compare faces are loaded
            harnesses = list(pool.map(lambda _: Harness(system, pictures), range(LANES)))
        system.wait_until_ready()
        ready()
        return check_code(harnesses, code, report)


def check_code(
    harnesses: list[Harness],
    code: bytes,
    report: Callable[[Result], None] = lambda result: None,
    cases: Sequence[Case] = CASES,
) -> list[Result]:
    """Try a function on cases, as many at once as there are harnesses.

    Args:
        harnesses: where; they can be used again afterwards.
        code: of the function.
        report: is called with the result of each case as it is done; two do not call it at once.
        cases: which ones.

    Raises:
        WorkshopError: the emulated AWS failed, not the function.
    """
    budget = TimeBudget()
    try:
        with ThreadPoolExecutor(len(harnesses)) as pool:
            list(pool.map(lambda harness: harness.deploy(code, budget), harnesses))
        results = run_cases(harnesses, cases, report, budget)
    except (BotoCoreError, ClientError, requests.RequestException) as error:
        raise WorkshopError(
            f"The check stopped because the emulated AWS failed: {error}"
        ) from error
    blame_first(results)
    return results


def run_cases(
    harnesses: list[Harness],
    cases: Sequence[Case],
    report: Callable[[Result], None],
    budget: TimeBudget,
) -> list[Result]:
    """Try cases and return the results in the same order.

    A quick case comes first, and one that must be alone comes last.
    """
    free: queue.SimpleQueue[Harness] = queue.SimpleQueue()
    for harness in harnesses:
        free.put(harness)
    lock = threading.Lock()

    def run(case: Case) -> Result:
        harness = free.get()
        try:
            result = try_case(harness, case)
        finally:
            free.put(harness)
        with lock:
            report(result)
        return result

    together = sorted((case for case in cases if not case.alone), key=lambda case: not case.quick)
    with ThreadPoolExecutor(len(harnesses)) as pool:
        try:
            results = {result.case: result for result in pool.map(run, together)}
        except BaseException:
            budget.stop("the check was stopped")  # so that the other threads end, too
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    results |= {case.name: run(case) for case in cases if case.alone}
    return [results[case.name] for case in cases]


def try_case(harness: Harness, case: Case) -> Result:
    """Try one case."""
    try:
        harness.prepare()
        case.run(harness)
    except WrongError as error:
        crash = error.error if isinstance(error, CrashError) else ""
        return Result(case.name, case.title, " ".join(str(error).split()), error=crash)
    except GaveUpError as error:
        return Result(case.name, case.title, str(error), tried=False)
    return Result(case.name, case.title)


def blame_first(results: list[Result]) -> None:
    """Replace the hint of each case that fails with the first one's error: it is one mistake."""
    first, *others = results
    for result in others:
        if result.error and result.error == first.error:
            result.hint = "The same error as in the first case: fix that one first."
