"""A workshop with its page, and the page in a tab."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

import draw
from kit.waiting import patience
from page.harness import PageWorkshop
from support import wait_until
from support.systems import Systems


@pytest.fixture(scope="package")
def workshop(request: pytest.FixtureRequest, systems: Systems) -> Iterator[PageWorkshop]:
    """The steps are done, with the solution, except that nothing is posted."""
    with systems.alone(request.session) as system:
        started = PageWorkshop(system)
        started.do_all_steps()
        wait_until(lambda: started.state()["connected"] and started.state()["confirmed"])
        yield started
        started.stop_page()
        started.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=draw.find_browser(),
            args=[*draw.ARGUMENTS, "--process-per-site"],  # a new process costs 0.4 s of a core
        )
        yield started
        started.close()


@pytest.fixture(scope="package")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """One for all tabs: a process belongs to each, which costs half a second of a core.

    An empty page stays open in it: with the last page of a site its process would end, and the next
    one would have to compile all scripts anew. Photos move only where a test lets them: each frame
    is drawn without a graphics card.
    """
    context = browser.new_context(reduced_motion="reduce")
    stays = context.new_page()
    stays.route("http://127.0.0.1/", lambda route: route.fulfill(body=""))
    stays.goto("http://127.0.0.1/")
    yield context
    context.close()


@pytest.fixture
def tab(profile: BrowserContext, workshop: PageWorkshop) -> Iterator[Page]:
    """The page in a tab, of a browser that has never seen it.

    Whatever the test does: no request leaves, and no error is in the console.
    """
    expect.set_options(timeout=30_000 * patience())
    opened = profile.new_page()
    opened.set_viewport_size({"width": 1280, "height": 900})
    asked: list[str] = []
    problems: list[str] = []

    def ask(request: Request) -> None:
        asked.append(request.url)

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(message.text)

    profile.on("request", ask)
    opened.on("console", note)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(workshop.running.page_address)
    expect(opened.locator("#step-list li").first).to_be_visible()
    yield opened
    everything = {"origin": workshop.url, "storageTypes": "all"}
    profile.new_cdp_session(opened).send("Storage.clearDataForOrigin", everything)
    profile.remove_listener("request", ask)
    for page in profile.pages[1:]:  # all but the one that stays
        page.close()
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("blob:", "data:"))}
    assert hosts == {"127.0.0.1"}
    assert problems == []
