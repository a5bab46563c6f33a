"""Many posts: the page stays small, and reads and sends only what is new."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from kit.waiting import patience
from page.harness import PageWorkshop, stage


def test_300_posts_keep_the_page_small(tab: Page, workshop: PageWorkshop) -> None:
    watcher = workshop.watcher
    tab.emulate_media(reduced_motion="no-preference")
    before = tab.evaluate("document.querySelectorAll('*').length")
    x = workshop.system.x
    media_id = x.upload(workshop.pictures["landscape.jpg"].read_bytes())
    for number in range(300):
        # The same photo 300 times: the functions know it already, so this is fast.
        x.post(f"Post number {number}", [media_id])
    expect(tab.locator("#timeline .post").first).to_contain_text("Post number 299")
    expect(tab.locator("#timeline .post")).to_have_count(20)
    # The photo does not move along for each of them.
    expect(tab.locator("#tokens img")).to_have_count(0, timeout=20_000 * patience())
    assert len(watcher.state.posts.by_id) == 200
    assert len(watcher.state.posts.photos) <= 4 * 200
    for _ in range(9):
        tab.get_by_role("button", name="Show older posts").click()
    expect(tab.locator("#timeline .post")).to_have_count(200)
    expect(tab.locator("#timeline-end")).to_contain_text("older posts are counted")
    after = tab.evaluate("document.querySelectorAll('*').length")
    assert after - before < 200 * 25
    # It still answers.
    tab.get_by_label("Write a post").fill("Quick")
    stage(tab, "X").get_by_role("button").click()
    expect(tab.locator("#panel-heading")).to_have_text("X (Twitter)")
    tab.reload()
    expect(tab.locator("#timeline .post")).to_have_count(20)


def test_only_what_has_changed_is_sent(workshop: PageWorkshop) -> None:
    watcher = workshop.watcher
    full = watcher.changes("", 0)
    assert full["posts"]
    assert watcher.changes(full["run"], full["version"])["posts"] == []
    post_id = workshop.system.x.post("One more")
    version = full["version"]
    news = workshop.session.get(
        f"{workshop.url}/state?run={full['run']}&version={version}", timeout=60
    ).json()
    while not news["posts"]:
        url = f"{workshop.url}/state?run={full['run']}&version={news['version']}"
        news = workshop.session.get(url, timeout=60).json()
    assert [post["id"] for post in news["posts"]] == [post_id]


def test_a_poll_is_cheap(workshop: PageWorkshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hundreds of posts behind it, polling again reads only what is new."""
    watcher, poll = workshop.watcher, workshop.watcher.poll
    spent: list[float] = []  # seconds of the processor, for each poll

    def measured_poll() -> None:
        started = time.thread_time()
        poll()
        spent.append(time.thread_time() - started)

    monkeypatch.setattr(watcher, "poll", measured_poll)
    while len(spent) < 10:
        watcher.hurry()
        time.sleep(0.1)
    assert sorted(spent)[len(spent) // 2] < 0.1
