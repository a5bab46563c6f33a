"""One emulated X for all its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulators.x.harness import EXPAND, Server
from support import evidence


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("x")
    server = Server(folder, keep_alive=0.3)
    with evidence.watch(folder):
        yield server
    server.stop()


@pytest.fixture
def x(running: Server) -> Server:
    running.reset()
    return running


@pytest.fixture
def stream(x: Server) -> Iterator[Iterator[bytes]]:
    """The lines of a stream with the rule from:learner; keep-alives are empty lines."""
    x.rules(add=[{"value": "from:learner", "tag": "mine"}])
    with x.get("/2/tweets/search/stream", params=EXPAND, stream=True) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines(chunk_size=1)
