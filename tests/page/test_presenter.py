"""The presenter: the code and the pipeline, large, by keys."""

from __future__ import annotations

import base64
import re

from playwright.sync_api import Page, expect

from page.harness import PageWorkshop, check_accessibility, newest, stage
from support import wait_until

DROP = """(photo) => {
    const bytes = Uint8Array.from(atob(photo), (one) => one.charCodeAt());
    const data = new DataTransfer();
    data.items.add(new File([bytes], "dropped.jpg"));
    const options = { dataTransfer: data, bubbles: true, cancelable: true };
    document.querySelector("#pipeline").dispatchEvent(new DragEvent("drop", options));
}"""


# Whether a number of a line is cut off.
CUT = """[...document.querySelectorAll(".ace_gutter-cell")]
    .some((cell) => cell.scrollWidth > cell.clientWidth)"""


def test_the_presenter_posts_by_keys_and_shows_no_address(
    tab: Page, workshop: PageWorkshop
) -> None:
    workshop.exercise.unlink(missing_ok=True)  # the solution is too long for the first screen
    tab.set_viewport_size({"width": 1920, "height": 1080})
    tab.emulate_media(reduced_motion="no-preference")
    tab.locator("body").press("p")
    expect(tab).to_have_url(re.compile("#/present$"))
    expect(tab.locator("#editor .ace_content")).to_contain_text("lambda_handler")
    expect(tab.locator("#editor")).to_have_css("font-size", "28px")
    expect(tab.locator("#pipeline")).to_be_visible()
    wait_until(lambda: not tab.evaluate(CUT))
    for width in (1200, 1920):  # a window of another size is no other opening
        tab.set_viewport_size({"width": width, "height": 1080})
    expect(tab.locator(".toast").filter(has_text="P or Escape leaves")).to_have_count(1)
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
    expect(tab.locator(".toast").last).to_contain_text("¼×")
    tab.keyboard.press("s")
    tab.keyboard.press("r")
    expect(tab.get_by_role("dialog")).to_contain_text("is deleted with its photos")
    check_accessibility(tab)
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_have_count(0)
    tab.get_by_role("button", name="Larger letters").click()
    expect(tab.locator("#editor")).to_have_css("font-size", "30px")
    tab.locator("#pipeline").focus()
    tab.keyboard.press("Escape")
    expect(tab.locator("#steps")).to_be_visible()
    expect(tab.locator("#editor")).to_have_css("font-size", "14px")
    expect(newest(tab, "Look who is here")).to_contain_text("Match")
    tab.locator("#post-text").press("p")  # in a field it is a letter
    expect(tab.locator("#post-text")).to_have_value("p")


def test_what_comes_right_after_p_is_not_lost(tab: Page, workshop: PageWorkshop) -> None:
    posted = workshop.state()["stages"]["X"]["count"]
    tab.evaluate("""() => {
        for (const key of ["p", "5"]) {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        }
    }""")
    wait_until(lambda: workshop.state()["stages"]["X"]["count"] == posted + 1)


def test_a_photo_is_dropped_and_no_secret_is_drawn(tab: Page, workshop: PageWorkshop) -> None:
    tab.locator("body").press("p")
    photo = base64.b64encode(workshop.pictures["obama3.jpg"].read_bytes()).decode()
    tab.evaluate(DROP, photo)
    expect(tab.locator(".toast").last).to_contain_text("✓ Match")
    stage(tab, "MatchTopic").get_by_role("button").click()
    entries = tab.locator("#panel-entries")
    expect(entries).to_contain_text("…@…")
    workshop.put_code("raise ValueError('/home/someone/secret/index.py at 127.0.0.1:4570')")
    tab.get_by_role("button", name="Test", exact=True).click()
    result = tab.locator("#test-results")
    expect(result).to_contain_text("…/index.py at 127.0.0.1")
    for secret in ("@example.com", "4570", "someone"):
        assert secret not in tab.locator("main").inner_text()
    tab.locator("#pipeline").focus()
    tab.keyboard.press("Escape")
    expect(result).to_contain_text("/home/someone/secret/index.py at 127.0.0.1:4570")
    workshop.put_code()
