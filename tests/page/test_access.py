"""The page by keyboard alone, on narrow and wide screens, in light and dark colors."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from kit.stack.code import SOLUTION
from page.harness import (
    PageWorkshop,
    check_width,
    check_widths_and_colors,
    go_to,
    newest,
    open_tab,
    stage,
)


def test_by_keyboard_alone(tab: Page, workshop: PageWorkshop) -> None:
    tab.locator("body").press("Tab")
    expect(tab.get_by_role("link", name="Skip to the steps")).to_be_focused()
    tab.keyboard.press("Enter")
    go_to(tab, "#post-text")
    tab.keyboard.type("Without a mouse")
    go_to(tab, "#post-samples [title='obama2.jpg']")
    tab.keyboard.press("Enter")
    expect(tab.locator("#previews li")).to_have_count(1)
    tab.keyboard.press("Space")
    expect(tab.locator("#previews li")).to_have_count(2)
    go_to(tab, "#previews button", "Shift+Tab")
    tab.keyboard.press("Enter")
    expect(tab.locator("#previews li")).to_have_count(1)
    go_to(tab, "#post-button")
    tab.keyboard.press("Enter")
    expect(newest(tab, "Without a mouse")).to_contain_text("Match, 9")
    expect(tab.locator("#news")).not_to_be_empty()
    go_to(tab, "[data-stage=PostsTable] button", "Shift+Tab")
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


def test_the_exercise_by_keyboard_alone(tab: Page, workshop: PageWorkshop) -> None:
    workshop.exercise.unlink(missing_ok=True)
    tab.locator("body").press("Alt+1")
    go_to(tab, "#launch-status button")
    tab.keyboard.press("Enter")
    expect(tab.locator("#launch-form input").first).to_be_focused()
    go_to(tab, "#field-BufferSeconds")
    tab.keyboard.press("ControlOrMeta+a")
    tab.keyboard.type("901")
    go_to(tab, "#launch-form [type=submit]")
    expect(tab.locator("#field-BufferSeconds-rule")).to_contain_text("It must be from 0 to 900")
    tab.keyboard.press("Alt+4")
    expect(tab.locator("#editor .ace_content")).to_contain_text("lambda_handler")
    tab.locator("#code").focus()
    go_to(tab, "#editor .ace_scroller")
    tab.keyboard.press("Enter")
    tab.keyboard.press("ControlOrMeta+a")
    tab.keyboard.insert_text(SOLUTION.read_text(encoding="utf-8"))
    tab.keyboard.press("Control+Enter")
    expect(tab.locator("#code-state")).to_contain_text(re.compile(r"saved · deployed \d"))
    tab.keyboard.press("Tab")  # in the editor it indents
    expect(tab.locator("#code-state")).to_contain_text("not saved yet")
    tab.keyboard.press("ControlOrMeta+z")
    tab.keyboard.press("Escape")
    go_to(tab, "#check", "Shift+Tab")
    tab.keyboard.press("Enter")
    expect(tab.locator("#check-results")).to_contain_text("✓ passed")
    go_to(tab, "#check-results [data-focus=stop]")
    tab.keyboard.press("Enter")
    expect(tab.locator("#check-results")).to_contain_text("Stopped.")


TABS = {  # and what is to be seen in each before it is checked
    "Launch": "#launch-progress table",
    "Streamer": "#streamer-command pre",
    "Pipeline": "#panel-entries details",
    "Code": "#editor .ace_line",
    "Data": "#data-view tbody tr",
    "Compare": "#verdict",
    "Mail": ".mail",
}


@pytest.mark.parametrize("name", TABS)
def test_each_tab_at_three_widths_in_both_colors(
    tab: Page, workshop: PageWorkshop, name: str
) -> None:
    if not workshop.state()["stages"]["Rekognition"]["count"]:
        workshop.tweet()
    open_tab(tab, name)
    if name == "Pipeline":
        stage(tab, "PostsTable").get_by_role("button").click()
    expect(tab.locator(TABS[name]).first).to_be_visible()
    tab.set_viewport_size({"width": 640, "height": 900})  # what is left of 1280 at a zoom of 200 %
    check_width(tab)
    check_widths_and_colors(tab, 1280, 800, 390)
