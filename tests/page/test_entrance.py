"""The page lets in who has opened the printed address, and nobody else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from kit.commands import browser as learner_s
from kit.keys import PAGE_TOKEN
from page.harness import PageWorkshop
from support import wait_until

PATHS = (
    "/",
    "/page.js",
    "/constants.js",
    "/state",
    "/stages/x",
    "/reference",
    "/samples/obama.jpg",
    "/exercise",
    "/exercise/deployed",
    "/exercise/solution",
    "/exercise/hints",
    "/exercise/event",
    "/ace/ace.js",
    "/steps",
    *("/stack", "/stack/form", "/stack/left", "/stack/contents", "/streamer"),
    *("/data", "/data/RekognitionBucket", "/data/x/one", "/data/x/picture", "/data/x/download"),
)
ACTIONS = (
    *("/posts", "/photos", "/reference", "/mails/1/confirm", "/steps/images/seen"),
    *(f"/exercise/{action}" for action in ("save", "deploy", "test", "check", "check/stop")),
    "/invocations/stop",
    "/queue/redrive",
    "/data/RekognitionBucket/upload?key=x",
    *("/stack/create", "/stack/update", "/stack/delete", "/streamer/start", "/streamer/stop"),
)


def token(workshop: PageWorkshop) -> str:
    return workshop.system.keys[PAGE_TOKEN]


def cookie(workshop: PageWorkshop) -> str:
    return f"workshop-{urlsplit(workshop.url).port}"


def test_without_the_token_nothing_is_answered(workshop: PageWorkshop) -> None:
    name, right = cookie(workshop), token(workshop)
    for wrong in ("", f"{name}=", f"{name}={right}x", f"workshop-1={right}", f"token={right}"):
        for path in PATHS:
            answer = requests.get(workshop.url + path, headers={"Cookie": wrong}, timeout=60)
            assert (answer.status_code, "workshop.py start" in answer.text) == (401, True), path
        for path in ACTIONS:
            answer = requests.post(workshop.url + path, headers={"Cookie": wrong}, timeout=60)
            assert answer.status_code == 401
    for query in ("?token=", f"?token={right}x", f"?Token={right}", f"?token=x&token={right}"):
        assert requests.get(f"{workshop.url}/{query}", timeout=60).status_code == 401
    assert requests.get(f"{workshop.url}/state?token={right}", timeout=60).status_code == 401


def test_the_token_becomes_a_cookie(workshop: PageWorkshop) -> None:
    address = workshop.running.page_address
    answer = requests.get(address, allow_redirects=False, timeout=60)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")}
    assert {f"{cookie(workshop)}={token(workshop)}".lower(), "httponly", "samesite=strict"} <= words
    assert requests.get(address, timeout=60).url == f"{workshop.url}/"


def test_the_browser_forgets_the_token_of_the_address(workshop: PageWorkshop, tab: Page) -> None:
    assert tab.url == f"{workshop.url}/"
    seen = tab.evaluate("[document.cookie, document.referrer, document.documentElement.outerHTML]")
    assert token(workshop) not in "".join(seen)


def test_a_file_leads_into_the_page(
    workshop: PageWorkshop,
    browser: Browser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `start` opens; the command line of the browser, which others can read, has no token."""
    recorder = tmp_path / "browser"
    recorder.write_text(f"#!/bin/sh\nprintf %s \"$1\" > '{tmp_path}/said'\n")
    recorder.chmod(0o700)
    monkeypatch.setattr(learner_s, "FILE", tmp_path / "page.html")
    monkeypatch.setenv("BROWSER", str(recorder))
    monkeypatch.setattr("webbrowser._tryorder", None)
    learner_s.open_page(workshop.running.page_address)
    wait_until((tmp_path / "said").exists)
    said = wait_until((tmp_path / "said").read_text).strip()
    assert (token(workshop) in said, Path(urlsplit(said).path)) == (False, tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_mode & 0o077 == 0
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(said)
    expect(opened.locator("#step-list li").first).to_be_visible()
    assert opened.url == f"{workshop.url}/"
    context.close()


@pytest.mark.unit
def test_a_browser_needs_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not learner_s.has_display()
    monkeypatch.setitem(os.environ, "WAYLAND_DISPLAY", "wayland-0")
    assert learner_s.has_display()
