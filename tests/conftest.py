"""What the tests share: the offline systems of the run, and a stack of its own for each file."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import isolation  # noqa: F401 - first: the kit reads the environment when it is imported
from kit import samples
from kit.keys import ACCOUNT, select
from kit.stack.stack import EMAIL, Stack
from lambdas import loading
from support import evidence, order, skips
from support.systems import Address, BorrowedSystem, Pool, Systems, connect, serve
from support.terminal import running_workshop

POOL = pytest.StashKey[Pool]()
ADDRESS = pytest.StashKey[Address]()
SYSTEMS = pytest.StashKey[Systems]()


# --- The run --------------------------------------------------------------------------------------


def is_worker(config: pytest.Config) -> bool:
    """Whether pytest-xdist has started this process."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Make the pool of systems; a worker finds that of the process which began the run."""
    found = getattr(config, "workerinput", {}).get("pool")
    pool = connect(found) if found else Pool()
    config.stash[POOL] = pool
    config.stash[SYSTEMS] = Systems(pool)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a new worker where the pool is."""
    stash = node.config.stash
    if ADDRESS not in stash:
        stash[ADDRESS] = serve(stash[POOL])
    node.workerinput["pool"] = stash[ADDRESS]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> order.GroupScheduling:
    config.option.loadscopereorder = False  # the order is ours
    return order.GroupScheduling(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the systems."""
    if not is_worker(config):
        config.stash[POOL].close()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without garbage collection, a third of the time; all that is found stays anyway."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skips.mark(items)
    order.arrange(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    skips.check(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the logs of a test that failed, and say where they are."""
    report = yield
    if report.failed:
        place = evidence.keep(item, call.start, item.config.stash[SYSTEMS].in_use)
        report.sections.append(("Logs", f"The logs of all that took part: {place}"))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in words what was not tested."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr[2]) for report in skipped]
    for sentence in skips.sentences(reasons):
        terminalreporter.write_line(sentence, yellow=True, bold=True)


# --- Fixtures -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def pictures() -> dict[str, Path]:
    """The sample pictures by name."""
    return samples.ensure()


@pytest.fixture(scope="session")
def systems(request: pytest.FixtureRequest) -> Systems:
    """The offline systems of the run."""
    return request.config.stash[SYSTEMS]


@pytest.fixture(scope="session")
def system(systems: Systems) -> BorrowedSystem:
    """AWS, X and Rekognition, emulated: the one system that all tests share.

    So a test must expect other stacks, posts and e-mails in it, make no fault in it that others
    could meet, and connect no streamer. A test that cannot takes `own_system`.
    """
    return systems.shared()


@pytest.fixture(scope="module")
def own_system(request: pytest.FixtureRequest, systems: Systems) -> Iterator[BorrowedSystem]:
    """A system that only the tests of this file use meanwhile; earlier ones may have used it."""
    with systems.alone(request.session) as borrowed:
        yield borrowed


@pytest.fixture(scope="module")
def stack(system: BorrowedSystem) -> Iterator[Stack]:
    """The template, launched; its e-mail subscription confirmed."""
    launched = Stack.launch(system.aws, system.parameters(EMAIL))
    launched.confirm_subscription()
    yield launched
    launched.delete()


@pytest.fixture
def terminal(system: BorrowedSystem) -> Iterator[None]:
    """The learner's terminal: the environment of the offline workshop, and no other."""
    ours = running_workshop(system).environment()
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with mock.patch.dict(os.environ, others | ours, clear=True):
        yield


@pytest.fixture(scope="module")
def load(system: BorrowedSystem, stack: Stack) -> Callable[..., dict[str, Any]]:
    """Load a function's code into this process, as Lambda does, and return its names."""

    def load_code(code: str, logical_id: str, **environment: str) -> dict[str, Any]:
        config = system.aws.client("lambda").get_function_configuration(
            FunctionName=stack.resource(logical_id)
        )
        return loading.load_code(
            code,
            logical_id,
            **config["Environment"]["Variables"]
            | {
                "AWS_ENDPOINT_URL": system.aws.url,
                "AWS_ENDPOINT_URL_REKOGNITION": system.rekognition_url,
                **select(system.keys, ACCOUNT),
            }
            | environment,
        )

    return load_code
