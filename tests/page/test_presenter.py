"""The presenter: the code and the pipeline, large, by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from page.harness import PageWorkshop, check_accessibility, newest

pytestmark = pytest.mark.browser


def test_the_presenter_posts_by_keys_and_shows_no_address(
    tab: Page, workshop: PageWorkshop
) -> None:
    tab.set_viewport_size({"width": 1920, "height": 1080})
    tab.locator("body").press("p")
    expect(tab).to_have_url(re.compile("#/present$"))
    expect(tab.locator("#editor .ace_content")).to_contain_text("lambda_handler")
    expect(tab.locator("#editor")).to_have_css("font-size", "28px")
    expect(tab.locator("#pipeline")).to_be_visible()
    for hidden in ("#status", "#steps", "#x", "#strip", "#tabs", "#code-state"):
        expect(tab.locator(hidden)).to_be_hidden()
    tab.locator("#pipeline").focus()
    tab.keyboard.press("2")
    expect(tab.locator(".toast").last).to_contain_text("mail sent")
    expect(tab.locator("#arrows")).to_contain_text(re.compile(r"9\d\.\d+ %"))
    shown = tab.locator("main").inner_text()
    for secret in ("127.0.0.1", "@example.com", str(workshop.exercise.parent)):
        assert secret not in shown
    check_accessibility(tab)
    tab.locator("#pipeline").focus()
    tab.keyboard.press("s")
    expect(tab.locator(".toast").last).to_contain_text("0.25")
    tab.keyboard.press("s")
    tab.keyboard.press("Escape")
    expect(tab.locator("#steps")).to_be_visible()
    expect(tab.locator("#editor")).to_have_css("font-size", "14px")
    expect(newest(tab, "Look who is here")).to_contain_text("Match")
    tab.locator("#post-text").press("p")  # in a field it is a letter
    expect(tab.locator("#post-text")).to_have_value("p")
