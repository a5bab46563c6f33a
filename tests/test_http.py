"""A server by its other names: localhost, ::1, another port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from kit.processes import free_port
from support import REPOSITORY, wait_until

pytestmark = pytest.mark.unit

SCRIPT = """
import sys
from starlette.responses import PlainTextResponse
from kit.http import Guard, serve
port = int(sys.argv[1])
serve(Guard(PlainTextResponse("the page"), 1000, port), port, with_ipv6=True)
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a page."""
    number = free_port()
    environment = {"PYTHONPATH": str(REPOSITORY / "scripts"), "PATH": os.environ["PATH"]}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(number)], env=environment)
    wait_until(lambda: answers(number))
    yield number
    process.kill()
    process.wait()


def has_ipv6() -> bool:
    """Whether this computer has ::1."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=60).text == "the page"
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_page_has_two_names(port: int, host: str) -> None:
    assert requests.get(f"http://{host}:{port}/", timeout=60).text == "the page"


@pytest.mark.parametrize("host", ["[::1]:{port}", "127.0.0.1:1", "localhost:1", "my-laptop:{port}"])
def test_another_name_or_port_is_told_the_right_address(port: int, host: str) -> None:
    asked = f"http://{'[::1]' if has_ipv6() else '127.0.0.1'}:{port}/"
    answer = requests.get(asked, headers={"Host": host.format(port=port)}, timeout=60)
    assert answer.status_code == 421
    message = answer.json()["detail"]
    assert f"This page is at http://127.0.0.1:{port}," in message
    assert "the address that “workshop.py start” has printed" in message
