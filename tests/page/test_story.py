"""The page from the first step to the clean-up: one learner, in one tab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kit.emulators import instance
from kit.page.steps import PARAMETERS
from kit.stack.code import SOLUTION
from kit.stack.stack import Stack
from page.harness import (
    PageWorkshop,
    check_accessibility,
    check_width,
    hold,
    let_one_continue,
    newest,
    open_tab,
    stage,
)
from support import wait_until
from support.systems import fresh_system


@pytest.fixture(scope="module")
def workshop() -> Iterator[PageWorkshop]:
    """No stack yet."""
    with fresh_system() as system:
        started = PageWorkshop(system)
        yield started
        started.stop_page()


def test_all_steps_in_the_browser(  # noqa: PLR0915 - one story
    tab: Page, workshop: PageWorkshop, pictures: dict[str, Path]
) -> None:
    tab.emulate_media(reduced_motion="no-preference")
    summary, body = tab.locator("#steps-summary"), tab.locator("#step-body")
    expect(summary).to_contain_text("2 of 12 done")
    expect(body).to_contain_text("Next: 3. Launch the stack")
    expect(body).to_contain_text(f"--parameters file://{PARAMETERS}")
    for key in workshop.running.keys.values():
        assert key not in tab.content()
    # Without a stack: every part says what is missing, and nothing breaks.
    open_tab(tab, "Compare")
    expect(tab.locator("#reference-state")).to_contain_text("launch the stack")
    open_tab(tab, "Pipeline")
    stage(tab, "PostsTable").get_by_role("button").click()
    expect(tab.locator("#panel-about")).to_contain_text("There is no stack yet")
    check_accessibility(tab)

    stack = launch(tab, workshop)
    expect(body).to_contain_text("Next: 4. Confirm your email address")
    open_tab(tab, "Pipeline")
    expect(stage(tab, "You")).to_contain_text("celebrity.jpg is not uploaded yet")
    check_width(tab)
    expect(tab.locator("#news")).to_have_text(re.compile("New mail: AWS Notification"))
    open_tab(tab, "Mail")
    tab.get_by_role("button", name="Confirm subscription").click()
    expect(body).to_contain_text("Next: 5. Start the application")
    expect(tab.get_by_role("button", name="Confirm subscription")).to_have_count(0)
    assert workshop.state()["confirmed"]
    open_tab(tab, "Pipeline")

    # A post that nobody listens to.
    tab.get_by_label("Write a post").fill("Nobody listens")
    tab.locator("#post-samples").get_by_role("button", name="Sample landscape.jpg").click()
    tab.get_by_role("button", name="Post", exact=True).click()
    expect(newest(tab, "Nobody listens")).to_contain_text("the streamer was not connected")

    open_tab(tab, "Streamer")
    tab.get_by_role("button", name="Start", exact=True).click()
    expect(tab.locator("#streamer-state")).to_have_text("It runs.")
    expect(tab.locator("#streamer-log")).to_contain_text("Connected to X. The rule: from:")
    expect(body).to_contain_text("Next: 6. Tweet")
    assert f"aws s3 ls s3://{stack.resource('TwitterBucket')}" in (body.text_content() or "")

    open_tab(tab, "Pipeline")
    # With the starter: the photo arrives at each stage, and is not compared.
    tab.get_by_label("Write a post").fill("The first one")
    tab.locator("#post-files").set_input_files(pictures["obama2.jpg"])
    expect(tab.locator("#previews")).to_contain_text("obama2.jpg")
    tab.get_by_role("button", name="Post", exact=True).click()
    expect(tab.locator("#previews li")).to_have_count(0)
    expect(newest(tab, "The first one")).to_contain_text("not compared")
    expect(body).to_contain_text("Next: 7. Review images")
    stage(tab, "RekognitionBucket").get_by_role("button").click()
    expect(tab.locator("#panel-entries img")).to_have_count(1)
    expect(body).to_contain_text("Next: 8. Upload reference")
    for name, amount in {
        "X": "2 posts",
        "StreamingInstance": "1 post",
        "DeliveryStream": "1 line",
        "TwitterBucket": "1 object",
        "TwitterLambdaFunction": "1 run",
        "RekognitionBucket": "1 photo",
        "PostsTable": "1 item",
        "RekognitionLambdaFunction": "1 run",
        "Rekognition": "0 calls",
        "Inbox": "1 mail",
    }.items():
        expect(stage(tab, name)).to_contain_text(amount)

    open_tab(tab, "Compare")
    tab.locator("#reference-samples").get_by_role("button", name="Sample obama.jpg").click()
    expect(tab.locator("#reference-state")).to_contain_text("one face is found in it")
    expect(body).to_contain_text("Next: 9. Setup Cloud9 IDE")
    open_tab(tab, "Code")  # which takes the starter
    expect(tab.locator("#editor .ace_content")).to_contain_text("lambda_handler")
    expect(body).to_contain_text("Next: 10. Code to compare")
    expect(body).to_contain_text("python scripts/workshop.py check exercise/index.py")
    tab.locator("#editor textarea").focus()
    tab.keyboard.press("ControlOrMeta+a")
    tab.keyboard.insert_text(SOLUTION.read_text(encoding="utf-8"))  # as it is pasted
    tab.keyboard.press("Control+Enter")
    expect(tab.locator("#code-state")).to_contain_text(re.compile(r"saved · deployed \d"))

    tab.get_by_label("Write a post").fill("Look who is here")
    tab.locator("#post-files").set_input_files(
        [pictures["obama3.jpg"], pictures["biden.jpg"], pictures["landscape.jpg"]]
    )
    tab.get_by_role("button", name="Post", exact=True).click()
    post = newest(tab, "Look who is here")
    expect(post).to_contain_text("The e-mail is sent.")
    expect(post).to_contain_text("No match: another person")
    expect(post).to_contain_text("No face was found")
    expect(body).to_contain_text("Next: Clean up")
    expect(summary).to_contain_text("11 of 12 done")

    # The match, with boxes where the faces are. A photo gets its button when it was compared.
    photos = post.locator(".shot")
    photos.nth(0).get_by_role("button", name="See the faces").click()
    expect(tab.locator("#verdict")).to_have_text(re.compile(r"✓ Match: 99\.\d+ % similar"))
    expect(tab.locator("#frame-reference .face")).to_have_count(1)
    expect(tab.locator("#frame-photo .face")).to_have_text(re.compile("✓ 99"))
    wait_until(lambda: tab.locator("#frame-photo img").evaluate("image => image.naturalWidth"))
    box = tab.locator("#frame-photo .face").bounding_box()
    picture = tab.locator("#frame-photo img").bounding_box()
    assert box
    assert picture
    assert picture["width"] > box["width"] > 20
    assert picture["y"] < box["y"] < picture["y"] + picture["height"] / 2
    photos.nth(1).get_by_role("button", name="See the faces").click()
    expect(tab.locator("#frame-photo .face.unmatched")).to_have_count(1)
    expect(tab.locator("#verdict")).to_contain_text("✗ No match")

    # The mail, as it arrives.
    open_tab(tab, "Mail")
    mail = tab.locator(".mail").filter(has_text="Possible match")
    expect(mail).to_contain_text("Text: Look who is here")
    expect(mail).to_contain_text("console.aws.amazon.com")
    expect(mail.get_by_role("link", name="see the photo here")).to_have_attribute(
        "href", re.compile(r"^#/data/celebrityrek-rekognition-[\w-]+/images/")
    )
    assert mail.locator("a[href^=http]").count() == 0
    check_accessibility(tab)

    open_tab(tab, "Streamer")
    expect(tab.locator("#streamer-counts")).to_contain_text("posts from X")
    tab.get_by_role("button", name="Stop", exact=True).click()
    expect(tab.locator("#streamer-counts")).to_contain_text("unreadable")
    expect(tab.locator("#streamer-state")).to_have_text("It does not run.")
    wait_until(lambda: not workshop.state()["connected"])
    assert workshop.step("Start the application")["done"]
    assert workshop.next_step() == "Clean up"
    open_tab(tab, "Launch")
    tab.get_by_role("button", name="Delete", exact=True).click()
    status = tab.locator("#launch-status")
    expect(status).to_contain_text(re.compile(r"celebrityrek-rekognition-.* with \d objects"))
    tab.get_by_role("button", name="Delete the stack").click()
    expect(summary).to_contain_text("All done")
    expect(body).to_be_hidden()
    expect(status).to_contain_text("✓ Nothing is left of celebrityrek")
    expect(newest(tab, "Look who is here")).to_contain_text("The e-mail is sent.")
    # Launched again: it begins anew.
    workshop.launch().confirm_subscription()
    expect(body).to_be_visible()
    expect(body).to_contain_text("Next: 5. Start the application")
    expect(stage(tab, "TwitterBucket")).to_contain_text("0 objects")
    assert not workshop.step("Validate")["done"]


def launch(tab: Page, workshop: PageWorkshop) -> Stack:
    """Launch the stack with the form, and boot its instance, as `workshop.py start` does."""
    late = hold(tab, "**/stack/form")
    open_tab(tab, "Launch")
    let_one_continue(tab, late)
    form = tab.locator("#launch-form")
    expect(form.get_by_label("API key secret")).to_have_attribute("type", "password")
    expect(form.get_by_label("API key secret")).to_have_value("")
    form.get_by_label("E-mail address").fill("nobody")
    for route in late:  # one that comes when something is written already
        with tab.expect_response("**/stack/form"):
            route.continue_()
    tab.unroute("**/stack/form")
    form.get_by_role("button", name="Launch").click()
    expect(form).to_contain_text("It must be")
    form.get_by_label("E-mail address").fill("learner@example.com")
    form.get_by_role("button", name="Launch").click()
    expect(tab.locator("#launch-message")).to_contain_text("CAPABILITY_IAM")
    check_accessibility(tab)
    form.get_by_label("CloudFormation may create IAM").check()
    form.get_by_role("button", name="Launch").click()
    expect(tab.locator("#launch-status")).to_contain_text("celebrityrek: CREATE_COMPLETE")
    expect(tab.locator("#launch-progress tr").filter(has_text="PostsTable").last).to_contain_text(
        "CREATE_COMPLETE"
    )
    expect(form).to_be_hidden()
    workshop.launched = Stack(workshop.system.aws, "celebrityrek")
    instance.boot(workshop.system.folder, workshop.launched)
    return workshop.launched
