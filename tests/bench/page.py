"""The page by the clock, in Chromium on a running workshop: python -m bench.page.

The budgets are those of the design; a computer that does something else misses some of them.
"""

from __future__ import annotations

import glob
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

import draw
from kit.stack.code import SOLUTION
from support.terminal import Terminal

IDLE_SECONDS = 60.0
POSTS = 30
KEYS = 100
LINES = 500
TICKS = os.sysconf("SC_CLK_TCK")

PAINTS = """() => new Promise((done) => {
    new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
        .observe({ type: "largest-contentful-paint", buffered: true });
})"""
LOADED = """() => {
    const all = performance.getEntriesByType("resource");
    return [all.length + 1, all.reduce((sum, one) => sum + one.transferSize, 0)];
}"""
# From the key until the browser has drawn: the task after the next frame's.
WATCH_KEYS = """() => {
    window.keys = [];
    addEventListener("keydown", ({ timeStamp }) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.keys.push(performance.now() - timeStamp);
        port2.postMessage(0);
    }), true);
}"""
WATCH_TASKS = """() => {
    window.tasks = [0];
    const note = (list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration));
    new PerformanceObserver(note).observe({ type: "longtask" });
}"""
# The function prints the time in milliseconds; the page notes when such a line is drawn. The
# heading of the invocation, which is drawn again with each line, shows the first one.
WATCH_LINES = r"""() => {
    window.delays = [];
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const { className, textContent } of addedNodes) {
            const found = className === "own" && /moment (\d+)/.exec(textContent);
            if (found) window.delays.push(Date.now() - Number(found[1]));
        }
    }).observe(document.querySelector("#log"), { childList: true, subtree: true });
}"""
PRINTER = """
import time
def lambda_handler(event, context):
    for _ in range(10):
        print("moment", int(time.time() * 1000), flush=True)
        time.sleep(0.3)
"""
QUICK = "def lambda_handler(event, context):\n    return 'quick'\n"


class Report:
    """The table, line by line."""

    def __init__(self) -> None:
        self.table = Table("Measured", "Value", "Budget", "")

    def add(self, what: str, value: float, budget: float, unit: str) -> None:
        """Add a value, which should be at most the budget."""
        digits = 2 if value < 10 else 0
        met = "✓" if value <= budget else "✗"
        self.table.add_row(what, f"{value:,.{digits}f} {unit}", f"≤ {budget:,g} {unit}", met)


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Terminal, Page]]:
    """A workshop before step 11, and its page in a browser."""
    with Terminal(folder) as terminal, sync_playwright() as playwright:
        terminal.environment["WORKSHOP_EXERCISE"] = str(folder / "exercise" / "index.py")
        said = terminal.start("--at", "11")
        address = next(word for word in said.split() if "?token=" in word)
        browser = playwright.chromium.launch(
            executable_path=draw.find_browser(), args=draw.ARGUMENTS
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_selector("#timeline .post")
        yield terminal, page
        browser.close()
        terminal.stop()


def milliseconds(action: Callable[[], Any]) -> float:
    """How long an action takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def until(page: Page, condition: str) -> None:
    """Wait for a condition in the page, whose policy forbids Playwright's own waiting."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition


def seconds_of(root: int) -> dict[int, float]:
    """The CPU time of a process and its descendants, by their ids."""
    used: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for file in glob.glob("/proc/[0-9]*/stat"):
        try:
            text = Path(file).read_text(encoding="ascii", errors="replace")
        except OSError:  # it has just ended
            continue
        fields = text.rpartition(")")[2].split()
        process = int(text.split()[0])
        children.setdefault(int(fields[1]), []).append(process)
        used[process] = (int(fields[11]) + int(fields[12])) / TICKS
    family = [root]
    for process in family:
        family += children.get(process, [])
    return {process: used[process] for process in family if process in used}


def measure_idle(report: Report, terminal: Terminal) -> None:
    """The CPU time of all the workshop's processes while nobody does anything."""
    assert terminal.process
    time.sleep(30)  # what was done before settles
    before, started = seconds_of(terminal.process.pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after, span = seconds_of(terminal.process.pid), time.monotonic() - started
    used = sum(seconds - before.get(process, 0) for process, seconds in after.items())
    report.add("Idle, with the page open: all processes", 100 * used / span, 5, "% of a core")


def measure_load(report: Report, page: Page) -> None:
    """The first load."""
    paints = []
    for _ in range(5):
        page.reload()
        page.wait_for_selector("#timeline .post")
        paints.append(page.evaluate(PAINTS))
    requests, size = page.evaluate(LOADED)
    report.add("First load: requests, with pictures", requests, 40, "")
    report.add("First load: bytes", size / 1000, 250, "KB")
    report.add("First load: largest paint", statistics.median(paints), 500, "ms")


def set_code(page: Page, code: str) -> None:
    """Put code into the editor."""
    page.evaluate("code => document.querySelector('#editor').env.editor.setValue(code, -1)", code)
    until(page, "document.querySelector('#code-state').textContent.includes(': saved')")


def deploy(page: Page, code: str) -> float:
    """Deploy code; return the milliseconds until the page says so."""
    set_code(page, code)
    page.evaluate("document.querySelector('#news').replaceChildren()")

    def press() -> None:
        page.locator("#deploy").click()
        until(page, "document.querySelector('#news').textContent.includes('Deployed')")

    return milliseconds(press)


def measure_code(report: Report, page: Page) -> None:
    """The tab Code: opening, keys, Deploy, Test, the log and the check."""

    def open_code() -> None:
        page.locator("#tab-code").click()
        until(page, "document.querySelector('#editor .ace_line')?.textContent")

    report.add("Code, first opening", milliseconds(open_code), 300, "ms")
    set_code(page, "value = 1  # a line\n" * LINES)
    page.locator("#editor textarea").focus()
    page.evaluate(WATCH_KEYS)
    page.keyboard.type("x" * KEYS, delay=40)
    keys = page.evaluate("window.keys")
    report.add(f"Key to paint, {LINES} lines: median", statistics.median(keys), 16.7, "ms")
    report.add(
        "Deploy", statistics.median(deploy(page, QUICK + f"# {n}") for n in range(5)), 1000, "ms"
    )

    def test() -> None:
        page.locator("#test").click()
        page.wait_for_selector("#test-results .good, #test-results .bad-text")

    report.add("Test, without Rekognition", milliseconds(test), 1000, "ms")
    deploy(page, PRINTER)
    page.locator("#result-log").click()
    page.evaluate(WATCH_LINES)
    page.locator("#test").click()
    page.wait_for_selector("#test-results .good, #test-results .bad-text")
    delays = page.evaluate("window.delays")
    report.add("Log, from print to the page: median", statistics.median(delays), 300, "ms")
    set_code(page, SOLUTION.read_text(encoding="utf-8"))
    started = time.perf_counter()
    page.locator("#check").click()
    page.wait_for_selector("#check-results td.good")
    report.add("Check, first row", time.perf_counter() - started, 3, "s")
    page.locator("#check-results [data-focus=stop]").wait_for(state="detached")
    report.add("Check, all rows", time.perf_counter() - started, 10, "s")


def measure_posts(report: Report, page: Page) -> None:
    """The page while thirty photos travel."""
    page.locator("#tab-pipeline").click()
    page.evaluate(WATCH_TASKS)
    for number in range(POSTS):
        page.locator("#post-text").fill(f"Number {number}")
        page.locator("#post-samples button").first.click()
        page.locator("#post-button").click()
        until(page, "document.querySelector('#previews').childElementCount === 0")
    page.wait_for_timeout(5000)
    report.add(f"Longest task, {POSTS} posts", max(page.evaluate("window.tasks")), 100, "ms")
    nodes = page.evaluate("document.querySelectorAll('*').length")
    report.add(f"DOM, {POSTS} posts", nodes, 3000, "elements")


@click.command()
def main() -> None:
    """Measure the page, and print the table."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (terminal, page):
        try:
            measure_load(report, page)
            measure_idle(report, terminal)
            measure_code(report, page)
            measure_posts(report, page)
        finally:
            Console().print(report.table)


if __name__ == "__main__":
    main()
