"""What the page costs when it is opened, and that nothing on it jumps; no budget is a time."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from page.harness import PageWorkshop

# The sum of what has moved without a key or a click, as the browser counts it: web.dev, "CLS".
SHIFT = """() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 500);
})"""
# Without the photos of posts, of which there may be many.
LOADED = """performance.getEntriesByType("resource")
    .filter(({ name }) => !new URL(name).pathname.startsWith("/photos/"))
    .map(({ name, transferSize }) => [new URL(name).pathname, transferSize])"""


def test_the_first_load_is_small_and_nothing_jumps(tab: Page, workshop: PageWorkshop) -> None:
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.reload()
    expect(tab.locator("#step-list li").first).to_be_visible()
    expect(tab.locator("#step-body summary")).to_be_visible()
    assert tab.evaluate(SHIFT) <= 0.02
    loaded = tab.evaluate(LOADED)
    assert len(loaded) + 1 <= 40, loaded  # with the page itself
    assert sum(size for _, size in loaded) <= 250_000
    assert tab.evaluate("document.querySelectorAll('*').length") <= 3000
    later = ("/ace/", "/exercise.js", "/launch.js", "/data.js", "/comparison.js")
    assert not [path for path, _ in loaded if path.startswith(later)]


def test_nothing_jumps_while_a_photo_travels(tab: Page, workshop: PageWorkshop) -> None:
    tab.set_viewport_size({"width": 1280, "height": 800})
    before = tab.evaluate(SHIFT)
    workshop.tweet("obama2.jpg", "It travels")
    expect(tab.locator("#timeline .post").first).to_contain_text("The e-mail is sent.")
    assert tab.evaluate(SHIFT) - before <= 0.05
