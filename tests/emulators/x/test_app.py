"""The process of the emulated X."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulators.x.harness import KEYS, RULES, Server
from support import end_of


@pytest.mark.parametrize("way", ["SIGTERM", "the parent is gone"])
def test_it_ends_at_once_with_a_stream_open(tmp_path: Path, way: str) -> None:
    server = Server(tmp_path, keep_alive=3600)
    server.rules(add=[{"value": "cat"}])
    with server.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 200
        if way == "SIGTERM":
            server.process.terminate()
        else:
            assert server.process.stdin
            server.process.stdin.close()
        end_of(server.process)  # and not with the next keep-alive
    assert server.log.read_text() == ""


def test_no_key_is_ever_in_the_output(x: Server) -> None:
    x.app.post(x.url + RULES, data="no json")
    output = x.log.read_text()
    assert [name for name, key in KEYS.items() if key in output] == []
    assert x.bearer not in output
    assert "Traceback" not in output
