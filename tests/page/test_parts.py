"""The parts of the page: stages, reference photo, and files that are chosen or dropped."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from kit.samples import NAMES as SAMPLES
from kit.stack.stack import EMAIL
from page.harness import MIB, PageWorkshop, hold, let_one_continue, newest, open_tab, stage
from support import wait_until

COMPARES = """
import os, boto3

def lambda_handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        boto3.client("rekognition").compare_faces(
            SourceImage={"S3Object": {"Bucket": bucket, "Name": os.environ["REFERENCE_PHOTO"]}},
            TargetImage={"S3Object": {"Bucket": bucket, "Name": key}},
        )
"""


def test_stages_show_what_is_in_them(tab: Page, workshop: PageWorkshop) -> None:
    tab.emulate_media(reduced_motion="no-preference")
    media_id = workshop.system.x.upload(b"\xff\xd8\xff but no picture")
    post_id = workshop.system.x.post("A broken photo & <b>a tag</b>", [media_id])
    workshop.tweet("biden.jpg", "Another person")
    expect(newest(tab, "Another person")).to_contain_text("No match")
    expect(newest(tab, "<b>a tag</b>")).to_contain_text(re.compile("No match|unreadable"))
    for name, content in {
        "X": '"created_at"',
        "StreamingInstance": "from:learner has:images",
        "DeliveryStream": f'"post_id": "{post_id}"',
        "TwitterBucket": "firehose/",
        "TwitterLambdaFunction": "stored",
        "RekognitionBucket": f"images/3_{media_id}.jpg",
        "You": "celebrity.jpg",
        "PostsTable": '"outcome": "other person"',
        "FailureQueue": "",
        "Rekognition": '"similarity"',
        "RekognitionLambdaFunction": "other person, similarity",
        "MatchTopic": EMAIL,
        "Inbox": "Read them in the section Mail",  # the newest only: other tests have mailed, too
    }.items():
        button = stage(tab, name).get_by_role("button")
        button.click()
        expect(button).to_have_attribute("aria-expanded", "true")
        expect(tab.locator("#panel")).to_contain_text(content)
    # A function that fails: the error in words, and the event in the queue of failures.
    workshop.put_code("def lambda_handler(event, context):\n    return event['nothing']")
    workshop.tweet("biden.jpg", "It fails")
    expect(stage(tab, "RekognitionLambdaFunction")).to_contain_text("KeyError: 'nothing'")
    expect(stage(tab, "FailureQueue")).to_contain_text("1 failed event")
    expect(newest(tab, "It fails")).to_contain_text("failed: KeyError: 'nothing'")
    stage(tab, "FailureQueue").get_by_role("button").click()
    for _ in range(2):  # looking takes nothing out
        expect(tab.locator("#panel")).to_contain_text("RetriesExhausted")
        tab.get_by_role("button", name="Close").click()
        stage(tab, "FailureQueue").get_by_role("button").click()
    workshop.put_code()
    tab.get_by_role("button", name="Send all again").click()
    expect(tab.locator(".toast").last).to_contain_text("1 event of")
    expect(newest(tab, "It fails")).to_contain_text("No match")
    # A photo without a face, with code that does not expect one, is no "No match"; and the photos
    # before it have nothing to do with its error.
    workshop.put_code(COMPARES)
    workshop.tweet("landscape.jpg", "No face")
    expect(newest(tab, "No face")).to_contain_text("failed: botocore.errorfactory.InvalidParameter")
    expect(newest(tab, "Another person")).to_contain_text("No match: another person")
    workshop.put_code()


def test_photos_are_looked_at_also_before_the_page_knows_their_number(
    tab: Page, workshop: PageWorkshop
) -> None:
    workshop.tweet("biden.jpg", "To be looked at")
    expect(newest(tab, "To be looked at")).to_contain_text("No match")
    workshop.watcher.state.seen.clear()

    def count_none(route: Route) -> None:
        answer = route.fetch()
        state = answer.json()
        state["stages"]["RekognitionBucket"]["count"] = 0
        route.fulfill(response=answer, json=state)

    tab.route("**/state?*", count_none)
    tab.reload()
    expect(stage(tab, "RekognitionBucket")).to_contain_text("0 photos")
    stage(tab, "RekognitionBucket").get_by_role("button").click()
    expect(tab.locator("#panel-entries img").first).to_be_visible()
    wait_until(lambda: "images" in workshop.watcher.state.seen)
    tab.unroute_all(behavior="ignoreErrors")


def test_reference_is_changed(
    tab: Page, workshop: PageWorkshop, pictures: dict[str, Path], tmp_path: Path
) -> None:
    open_tab(tab, "Compare")
    state, message = tab.locator("#reference-state"), tab.locator("#reference-message")
    etag = workshop.watcher.state.reference["etag"]
    tab.locator("#reference-file").set_input_files(pictures["biden.jpg"])
    wait_until(lambda: workshop.watcher.state.reference["etag"] != etag)
    expect(tab.locator("#reference-picture img")).to_have_attribute(
        "src", f"/reference?etag={workshop.watcher.state.reference['etag']}"
    )
    tab.locator("#reference-samples").get_by_role("button", name="landscape.jpg").click()
    expect(state).to_contain_text("of no use: No face is found")
    assert not workshop.step("Upload reference")["done"]
    big = tmp_path / "big.jpg"
    big.write_bytes(b"\xff\xd8\xff" + bytes(16 * MIB))
    tab.locator("#reference-file").set_input_files(big)
    expect(message).to_contain_text("“big.jpg” has 16 MB, and Rekognition takes photos of up to 15")
    tab.locator("#reference-samples").get_by_role("button", name="Sample obama.jpg").click()
    expect(state).to_contain_text("one face is found in it")
    expect(message).to_be_hidden()


def test_bad_files_are_refused_in_words(tab: Page, workshop: PageWorkshop, tmp_path: Path) -> None:
    message, files = tab.locator("#post-message"), tab.locator("#post-files")
    big = tmp_path / "big.jpg"
    with big.open("wb") as file:
        file.write(b"\xff\xd8\xff")
        file.truncate(50 * MIB)
    files.set_input_files(big)
    expect(message).to_contain_text("“big.jpg” has 50 MB, and X takes photos of up to 32 MB.")
    page = b"<!doctype html><script>fetch('/')</script>"
    files.set_input_files({"name": "evil.png", "mimeType": "image/png", "buffer": page})
    expect(message).to_contain_text("“evil.png” is not a photo")
    files.set_input_files(
        {"name": "../../<i>x</i>.html", "mimeType": "text/html", "buffer": b"<b>no</b>"}
    )
    expect(message).to_contain_text("i>.html” is not a photo")
    expect(tab.locator("#previews li")).to_have_count(0)
    sample = tab.locator("#post-samples").get_by_role("button", name="Sample landscape.jpg")
    for _ in range(5):
        sample.click()
    expect(message).to_contain_text("at most 4 photos")
    expect(tab.locator("#previews li")).to_have_count(4)


def test_files_are_dropped(tab: Page, workshop: PageWorkshop) -> None:
    open_tab(tab, "Compare")
    expect(tab.locator("#reference-samples button").first).to_be_visible()
    for target in ("#post-form", "#reference-drop"):
        tab.evaluate(
            """(target) => {
                const data = new DataTransfer();
                data.items.add(new File(["GIF89a but no more"], "dropped.gif"));
                document.querySelector(target)
                    .dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
            }""",
            target,
        )
    expect(tab.locator("#previews")).to_contain_text("dropped.gif")
    expect(tab.locator("#reference-message")).to_contain_text("not JPEG, PNG")


def test_what_is_written_while_a_post_is_on_its_way_is_for_the_next_one(
    tab: Page, workshop: PageWorkshop
) -> None:
    held = hold(tab, "**/posts")
    samples = tab.locator("#post-samples").get_by_role("button")
    tab.get_by_label("Write a post").fill("The first")
    samples.nth(0).click()
    tab.locator("#post-button").click()
    expect(tab.locator("#post-button")).to_have_text("Posting …")
    tab.get_by_label("Write a post").fill("The second")
    samples.nth(1).click()
    let_one_continue(tab, held)
    expect(tab.locator("#previews li")).to_have_count(1)
    expect(tab.locator("#previews")).to_contain_text(SAMPLES[1])
    expect(tab.get_by_label("Write a post")).to_have_value("The second")
    expect(newest(tab, "The first").locator(".shot")).to_have_count(1)
    tab.evaluate("sessionStorage.clear()")


def test_a_draft_stays_over_a_reload_and_a_post_without_a_photo_is_explained(
    tab: Page, workshop: PageWorkshop
) -> None:
    tab.get_by_label("Write a post").fill("Just a thought")
    expect(tab.locator("#post-count")).to_have_text("14 of 280")
    tab.locator("#post-samples").get_by_role("button", name="Sample biden.jpg").click()
    tab.locator("#post-files").set_input_files(workshop.pictures["obama2.jpg"])
    expect(tab.locator("#previews li")).to_have_count(2)
    tab.reload()
    expect(tab.get_by_label("Write a post")).to_have_value("Just a thought")
    expect(tab.locator("#previews li")).to_have_count(1)
    expect(tab.locator("#post-message")).to_contain_text("Choose your photos again")
    tab.locator("#previews button").click()
    dropped = tab.evaluate(
        """() => document.body.dispatchEvent(
            new DragEvent("drop", { bubbles: true, cancelable: true }))"""
    )
    assert not dropped  # else the browser would open the file instead of the page
    tab.get_by_role("button", name="Post", exact=True).click()
    expect(newest(tab, "Just a thought")).to_contain_text("No photo: the stream's rule takes")
    expect(tab.locator("#post-message")).to_be_hidden()
