"""The page in a GitHub codespace: requests as its proxy makes them, and others."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator

import pytest
import requests

from kit.http import Server
from kit.keys import PAGE_TOKEN
from kit.page.app import Page
from kit.processes import free_port
from page.harness import PageWorkshop
from support import REPOSITORY, wait_until
from support.terminal import running_workshop

DOMAIN = "app.github.dev"
NAME = "fuzzy-space-train-q7v"


@pytest.fixture(scope="module")
def port(workshop: PageWorkshop) -> Iterator[int]:
    """Where the page of a workshop in a codespace listens."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODESPACES", "true")
        patch.setenv("CODESPACE_NAME", NAME)
        patch.setenv("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", DOMAIN)
        page = Page(running_workshop(workshop.system, f"http://127.0.0.1:{port}"), port)
        server = Server(page.app(), port)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        yield port
    server.should_exit = True
    thread.join()


def ask(workshop: PageWorkshop, port: int, method: str = "POST", **headers: str) -> int:
    """The status of a request with the learner's cookie, and these headers."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent["Cookie"] = f"workshop-{port}={workshop.system.keys[PAGE_TOKEN]}"
    url = f"http://127.0.0.1:{port}/steps/images/seen"
    if method == "GET":
        url = f"http://127.0.0.1:{port}/page.js"
    return requests.request(method, url, headers=sent, timeout=60).status_code


def test_the_owner_s_browser_is_let_in(workshop: PageWorkshop, port: int) -> None:
    public = f"{NAME}-{port}.{DOMAIN}"
    for host in (public, f"localhost:{port}"):
        for origin in (
            f"https://{public}",
            f"https://localhost:{port}",
            f"http://localhost:{port}",
        ):
            headers = {"Host": host, "Origin": origin, "Sec_Fetch_Site": "same-origin"}
            assert ask(workshop, port, **headers) == 200, headers
    # A click in the codespace's own page, which is another site.
    click = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(workshop, port, "GET", Host=public, **click) == 200


def test_nobody_else_is(workshop: PageWorkshop, port: int) -> None:
    public = f"{NAME}-{port}.{DOMAIN}"
    for host in (
        f"another-{port}.{DOMAIN}",
        f"{NAME}-{port + 1}.{DOMAIN}",
        f"{NAME}-{port}.github.dev",
        f"{public}.evil.example",
        f"{public}:443",
        DOMAIN,
    ):
        assert ask(workshop, port, Host=host) == 421, host
    for origin in (
        "https://evil.example",
        f"https://another-{port}.{DOMAIN}",
        f"http://{public}.evil.example",
        f"https://localhost:{port + 1}",
        "null",
    ):
        assert ask(workshop, port, Host=public, Origin=origin) == 403, origin
    assert ask(workshop, port, Host=public, Sec_Fetch_Site="cross-site") == 403
    click = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(workshop, port, Host=public, **click) == 403  # a form is no link
    url = f"http://127.0.0.1:{port}/page.js"
    assert requests.get(url, headers={"Host": public}, timeout=60).status_code == 401


def test_outside_of_a_codespace_its_names_are_not_ours(workshop: PageWorkshop) -> None:
    port = int(workshop.url.rpartition(":")[2])
    assert ask(workshop, port, Host=f"{NAME}-{port}.{DOMAIN}") == 421
    assert ask(workshop, port, Origin=f"https://localhost:{port}") == 403


def test_the_address_is_the_public_one(
    workshop: PageWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODESPACES", raising=False)
    assert workshop.running.page_address.startswith(f"{workshop.url}/?token=")
    monkeypatch.setenv("CODESPACES", "true")
    monkeypatch.setenv("CODESPACE_NAME", NAME)
    monkeypatch.setenv("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", DOMAIN)
    port = workshop.url.rpartition(":")[2]
    assert workshop.running.page_address.startswith(f"https://{NAME}-{port}.{DOMAIN}/?token=")


@pytest.mark.unit
def test_the_dev_container_sets_up_what_make_knows() -> None:
    text = (REPOSITORY / ".devcontainer" / "devcontainer.json").read_text()
    container = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    makefile = (REPOSITORY / "Makefile").read_text()
    assert container["postAttachCommand"] == "make workshop"
    assert "\nworkshop: $(VENV)/installed-workshop samples" in makefile
    assert container["onCreateCommand"] == "make .venv/installed-workshop samples"
