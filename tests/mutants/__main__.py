"""`make mutants`: break the code in one place after the other, and see whether a test notices."""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import click

from kit.emulators.aws.process import EmulatedAws
from kit.keys import ACCOUNT, new_keys, select
from kit.processes import free_port
from mutants.making import Mutant, make_mutants
from mutants.subjects import SUBJECTS, Subject
from mutants.verdicts import LEAST, SURVIVED, TIMEOUT, Cache, Result, write_table
from mutants.workers import Measurement, Worker


def tests_of(mutant: Mutant, measured: Measurement) -> list[str]:
    """The tests that reach a mutation, the fastest first; then those that run in other processes.

    Where the code runs outside of the tests, as constants do, all tests are meant.
    """
    fastest = sorted(filter(None, measured), key=lambda test: measured[test][0])
    if mutant.lines & measured[""][1]:
        return fastest
    reaching = [test for test in fastest if mutant.lines & measured[test][1]]
    return reaching + [test for test in fastest if not measured[test][1]]


def try_mutants(
    subject: Subject, mutants: list[Mutant], workers: list[Worker], cache: Cache
) -> None:
    """Try mutants, and keep the verdicts."""
    measured, seconds = workers[0].measure(subject)
    idle: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def try_one(mutant: Mutant) -> None:
        worker = idle.get()
        tests = {test: 5 + 3 * measured[test][0] for test in tests_of(mutant, measured)}
        verdict = worker.verdict(subject, mutant, tests, 10 + 3 * seconds)
        idle.put(worker)
        cache.put(mutant, verdict)

    with ThreadPoolExecutor(len(workers)) as pool:
        trials = [pool.submit(try_one, mutant) for mutant in mutants]
        try:
            for number, trial in enumerate(trials, 1):
                trial.result()
                if sys.stdout.isatty():
                    click.echo(f"\r\033[K{subject.name}: {number} of {len(trials)} ", nl=False)
        finally:
            pool.shutdown(cancel_futures=True)
            click.echo("\r\033[K" if sys.stdout.isatty() else "", nl=False)


@contextlib.contextmanager
def made_workers(number: int) -> Iterator[list[Worker]]:
    """Workers, and one emulated AWS for all of them."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-")))
        keys = select(new_keys(), ACCOUNT)
        nowhere = {"AWS_ENDPOINT_URL_REKOGNITION": "http://127.0.0.1:1"}
        aws = EmulatedAws(folder, keys | nowhere, free_port())
        stack.callback(aws.process.stop)
        aws.wait_until_ready()
        names = [str(name) for name in range(number)]
        environment = keys | {"MUTANTS_AWS_URL": aws.url}
        yield [stack.enter_context(Worker(folder / name, environment)) for name in names]


def show(mutants: list[Mutant]) -> None:
    """Print mutations."""
    for mutant in mutants:
        click.echo(f"\n  line {min(mutant.lines)}")
        for mark, text in (("-", mutant.old), ("+", mutant.new)):
            for line in text.splitlines():
                click.echo(f"  {mark} {line}")


@click.command(help=__doc__)
@click.option("--only", multiple=True, metavar="NAME", help="Only this code; can be repeated.")
@click.option("--survivors", is_flag=True, help="Only those that survived the last time.")
@click.option("--jobs", default=2, show_default=True, help="How many at once.")
@click.option("--sample", type=int, help="Only so many of them, drawn at random.")
@click.option("--file", type=Path, help="Another file of scripts/, with --tests.")
@click.option("--tests", multiple=True, help="The tests of --file; can be repeated.")
def main(
    only: tuple[str, ...],
    survivors: bool,
    jobs: int,
    sample: int | None,
    file: Path | None,
    tests: tuple[str, ...],
) -> None:
    """Try all mutants that have no verdict yet; exit with 1 if the result is not good."""
    subjects = [subject for subject in SUBJECTS if not only or subject.name in only]
    if file:
        subjects = [Subject(file.name, file, tests)]
    results = []
    with made_workers(jobs) as workers:
        for subject in subjects:
            cache = Cache(subject, keep_killed=survivors)
            mutants = list(make_mutants(subject.code))
            if sample and sample < len(mutants):
                mutants = random.sample(mutants, sample)
            if pending := [mutant for mutant in mutants if not cache.get(mutant)]:
                try_mutants(subject, pending, workers, cache)
            verdicts = [cache.get(mutant) for mutant in mutants]
            survived = [m for m, what in zip(mutants, verdicts, strict=True) if what == SURVIVED]
            result = Result(subject.name, len(mutants), verdicts.count(TIMEOUT), survived)
            results.append(result)
            report(result, complete=not sample)
    if not sample and not file:
        write_table(results)
    sys.exit(not all(result.is_good for result in results))


def report(result: Result, complete: bool) -> None:
    """Print a result, with all that is not good about it."""
    click.echo(
        f"{result.name}: {result.percent:.1f} % of {result.mutants} mutants killed"
        + (f"; it should be {LEAST} %" if result.percent < LEAST else "")
    )
    if result.unlisted:
        click.echo("These survive, and survivors.toml does not say why that does not matter:")
        show(result.unlisted)
    if complete and result.superfluous:
        click.echo("survivors.toml has these, and they do not survive:")
        for old, new in result.superfluous:
            click.echo(f"\n  - {old}\n  + {new}")


if __name__ == "__main__":
    main()
