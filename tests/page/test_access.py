"""The page by keyboard alone, on narrow and wide screens, in light and dark colors."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from page.harness import PageWorkshop, check_accessibility, check_width, newest, open_tab, stage
from support import wait_until

pytestmark = pytest.mark.browser


def test_by_keyboard_alone(tab: Page, workshop: PageWorkshop) -> None:
    def go_to(selector: str, key: str = "Tab") -> None:
        """Press Tab until this has the focus; whatever has the focus on the way can be seen."""
        for _ in range(80):
            tab.keyboard.press(key)
            found, outline, element = tab.evaluate(
                """selector => {
                    const e = document.activeElement;
                    const seen = e.matches(".file") ? e.labels[0] : e;
                    const outline = getComputedStyle(seen).outlineStyle;
                    return [e.matches(selector), outline, e.outerHTML.slice(0, 200)];
                }""",
                selector,
            )
            assert outline != "none", element
            if found:
                return
        raise AssertionError(f"{selector} cannot be reached")

    tab.locator("body").press("Tab")
    expect(tab.get_by_role("link", name="Skip to the steps")).to_be_focused()
    tab.keyboard.press("Enter")
    go_to("#post-text")
    tab.keyboard.type("Without a mouse")
    go_to("#post-samples [title='obama2.jpg']")
    tab.keyboard.press("Enter")
    expect(tab.locator("#previews li")).to_have_count(1)
    tab.keyboard.press("Space")
    expect(tab.locator("#previews li")).to_have_count(2)
    go_to("#previews button", "Shift+Tab")
    tab.keyboard.press("Enter")
    expect(tab.locator("#previews li")).to_have_count(1)
    go_to("#post-button")
    tab.keyboard.press("Enter")
    expect(newest(tab, "Without a mouse")).to_contain_text("Match, 9")
    expect(tab.locator("#news")).not_to_be_empty()
    go_to("[data-stage=PostsTable] button", "Shift+Tab")
    tab.keyboard.press("Enter")
    expect(tab.locator("#panel-heading")).to_be_focused()
    expect(tab.locator("#panel")).to_contain_text("Without a mouse")
    tab.keyboard.press("Escape")
    expect(stage(tab, "PostsTable").get_by_role("button")).to_be_focused()
    expect(tab.locator("#panel")).to_be_hidden()


def test_f6_goes_round_the_panes(tab: Page) -> None:
    for pane in ("steps", "pipeline", "x", "steps"):
        tab.keyboard.press("F6")
        expect(tab.locator(f"#{pane}")).to_be_focused()
    tab.keyboard.press("Shift+F6")
    expect(tab.locator("#x")).to_be_focused()
    tab.keyboard.press("Alt+4")
    expect(tab.get_by_role("tab", name="Code")).to_have_attribute("aria-selected", "true")
    tab.go_back()
    expect(tab.get_by_role("tab", name="Pipeline")).to_have_attribute("aria-selected", "true")
    tab.locator("#steps").press("?")
    expect(tab.locator(".toast")).to_contain_text("F6")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 640, 1280])
def test_widths_and_colors(tab: Page, workshop: PageWorkshop, scheme: Any, width: int) -> None:
    """640 pixels are what is left of 1280 at a zoom of 200 %."""
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    open_tab(tab, "Pipeline")
    stage(tab, "PostsTable").get_by_role("button").click()
    expect(tab.locator("#panel-heading")).to_have_text("PostsTable")
    wait_until(lambda: tab.locator("#panel-about").text_content() != "Reading …")
    check_width(tab)
    check_accessibility(tab)
