"""A workshop with its page, and helpers for tests that read the page in a tab."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import requests
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page, Route, expect

from kit.emulators.system import OfflineSystem
from kit.http import Server
from kit.keys import PAGE_TOKEN
from kit.page.app import Page as WorkshopPage
from kit.processes import free_port
from kit.running import SHIELD
from support import aws_cli, wait_until
from support.terminal import running_workshop
from support.workshop import Workshop

MIB = 1024 * 1024
OF_COLORS = ("color-contrast", "link-in-text-block")  # axe's other rules do not look at them


class PageWorkshop(Workshop):
    """A workshop and its page."""

    def __init__(self, system: OfflineSystem) -> None:
        super().__init__(system)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.running = running_workshop(system, self.url)
        self.exercise = Path(tempfile.mkdtemp(prefix="exercise-")) / "index.py"
        page = WorkshopPage(self.running, port, self.exercise, system.folder)
        self.server = Server(page.app(), port)
        self.watcher = page.watcher
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait_until(lambda: self.server.started)
        self.session = requests.Session()  # a browser that has opened the printed address
        self.session.headers["Cookie"] = f"workshop-{port}={system.keys[PAGE_TOKEN]}"

    def stop_page(self) -> None:
        """Stop it, and wait: another test may borrow the system, and count what it is asked."""
        self.server.should_exit = True
        self.thread.join()
        shutil.rmtree(self.exercise.parent)

    def state(self) -> dict[str, Any]:
        return self.watcher.changes("", 0)

    def step(self, start: str) -> dict[str, Any]:
        found = [step for step in self.state()["steps"] if step["title"].startswith(start)]
        return dict(found[0])

    def next_step(self) -> str:
        return next((step["title"] for step in self.state()["steps"] if step["next"]), "")


def stage(tab: Page, name: str) -> Locator:
    return tab.locator(f'[data-stage="{name}"]')


def open_tab(tab: Page, name: str) -> None:
    tab.get_by_role("tab", name=name).click()
    expect(tab.locator("[inert]")).to_have_count(0)  # its modules are there


def hold(tab: Page, address: str) -> list[Route]:
    """The requests to an address, from now on: each waits until the test lets it continue."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    tab.route(address, keep)
    return held


def let_one_continue(tab: Page, held: list[Route]) -> None:
    """Wait for a request that is held, and let it continue."""

    def has_one() -> bool:
        tab.wait_for_timeout(10)  # Playwright notes it meanwhile
        return bool(held)

    wait_until(has_one)
    held.pop(0).continue_()


def newest(tab: Page, text: str) -> Locator:
    """The post with this text in the timeline."""
    return tab.locator("#timeline .post").filter(has_text=text).first


def type_command(workshop: PageWorkshop, command: str, folder: Path) -> str:
    """Type a command of the page in a terminal of the workshop; return what it prints."""
    environment = os.environ | SHIELD | workshop.running.environment()
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment | {"PATH": aws_cli.path(), "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout


def go_to(tab: Page, selector: str, key: str = "Tab") -> None:
    """Press Tab until this has the focus; whatever has the focus on the way can be seen."""
    for _ in range(80):
        tab.keyboard.press(key)
        found, seen, element = tab.evaluate(
            """selector => {
                const e = document.activeElement;
                const seen = e.matches(".file") ? e.labels[0] : e;
                const { outlineStyle, boxShadow } = getComputedStyle(seen); // Ace has shadows
                const isSeen = outlineStyle !== "none" || boxShadow !== "none";
                return [e.matches(selector), isSeen, e.outerHTML.slice(0, 200)];
            }""",
            selector,
        )
        assert seen, element
        if found:
            return
    raise AssertionError(f"{selector} cannot be reached")


def check_accessibility(tab: Page, *rules: str) -> None:
    """Check the page as it is now with axe; with some of its rules, or with all."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    there = tab.evaluate("'axe' in window")  # half a megabyte of script, once for each document
    report = (Axe("") if there else Axe()).run(tab, options=options)
    assert report.violations_count == 0, report.generate_report()


def check_width(tab: Page) -> None:
    """Nothing is wider than the window, and no text of a stage wider than its box."""
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = """[...document.querySelectorAll(".stage button")]
        .filter(box => box.scrollWidth > box.clientWidth).map(box => box.textContent)"""
    assert tab.evaluate(wide) == []


def check_widths_and_colors(tab: Page, *widths: int) -> None:
    """Check what is seen now in windows of these widths, in light and in dark colors."""
    for width in widths:
        tab.set_viewport_size({"width": width, "height": 900})
        check_width(tab)
        tab.emulate_media(color_scheme="light")
        check_accessibility(tab)
        tab.emulate_media(color_scheme="dark")
        check_accessibility(tab, *OF_COLORS)
