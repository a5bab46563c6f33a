"""The tab Data in a browser: what one sees, opens, uploads and sends again."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from page.harness import (
    MIB,
    PageWorkshop,
    check_widths_and_colors,
    hold,
    let_one_continue,
    open_tab,
)
from support import s3_event, wait_until

EVIL = "<script>document.title='evil'<script> ü&.html"


@pytest.fixture
def bucket(workshop: PageWorkshop) -> Iterator[str]:
    """A bucket of the learner's own, with a picture, a web page, JSON lines and a large object."""
    s3, name = workshop.client("s3"), f"own-{uuid.uuid4().hex[:8]}"
    place = {"LocationConstraint": workshop.system.aws.region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    for key, body in {
        "a b/Größe.jpg": workshop.photo("obama.jpg"),
        "a b/no picture.jpg": b"<html>",
        EVIL: b"<script>document.title = 'evil'</script>",
        "lines.json": b'{"text": "<b>one</b>"}\n{"text": "two"}\n',
        "large.bin": bytes(20 * MIB),
    }.items():
        s3.put_object(Bucket=name, Key=key, Body=body, ContentType="text/html")
    yield name
    found = s3.list_objects_v2(Bucket=name)["Contents"]  # of no test more than 1,000
    objects = [{"Key": one["Key"]} for one in found]
    s3.delete_objects(Bucket=name, Delete={"Objects": objects})
    s3.delete_bucket(Bucket=name)


def go(tab: Page, address: str) -> None:
    """Open an address of the page."""
    tab.evaluate("address => { location.hash = address; }", f"#/data/{address}")


def test_a_late_list_of_places_does_not_lead_back(tab: Page, bucket: str) -> None:
    held = hold(tab, "**/data")
    with tab.expect_request("**/data"):
        tab.get_by_role("tab", name="Data").click()
    go(tab, bucket)  # before the tab knows that RekognitionBucket is to be shown
    for _ in range(2):
        let_one_continue(tab, held)
    expect(tab.locator("#data-heading")).to_have_text(bucket)
    expect(tab).to_have_url(re.compile(f"#/data/{bucket}$"))


def test_news_that_come_before_the_style_do_no_harm(tab: Page, bucket: str) -> None:
    held = hold(tab, "**/data.css")
    go(tab, bucket)
    tab.wait_for_timeout(500)  # the news are read 0.2 s after the tab is loaded
    let_one_continue(tab, held)
    expect(tab.locator("#data-heading")).to_have_text(bucket)


def test_a_bucket_is_browsed_and_back_works(tab: Page, workshop: PageWorkshop, bucket: str) -> None:
    open_tab(tab, "Data")
    expect(tab).to_have_url(re.compile("#/data/RekognitionBucket$"))
    view, heading = tab.locator("#data-view"), tab.locator("#data-heading")
    tab.locator("#data-places").get_by_role("link", name=bucket).click()
    expect(heading).to_have_text(bucket)
    expect(view.locator("tbody tr")).to_have_count(4)
    view.get_by_role("link", name="a b/").click()
    expect(tab).to_have_url(re.compile(f"#/data/{bucket}/a%20b/$"))
    expect(heading).to_be_focused()
    thumbnail = view.locator("img")
    expect(thumbnail).to_have_count(1)  # "no picture.jpg" has lost its own
    wait_until(lambda: thumbnail.evaluate("image => image.naturalWidth"))
    view.get_by_role("link", name="Größe.jpg").click()
    expect(heading).to_have_text(f"{bucket} / a b/Größe.jpg")
    picture = view.get_by_role("img", name="Größe.jpg")
    wait_until(lambda: picture.evaluate("image => image.naturalWidth > 320"))
    with tab.expect_download() as download:
        view.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "Größe.jpg"
    assert Path(download.value.path()).read_bytes() == workshop.photo("obama.jpg")
    tab.go_back()
    expect(view.locator("tbody tr")).to_have_count(2)
    tab.go_back()
    expect(heading).to_have_text(bucket)
    open_tab(tab, "Mail")
    open_tab(tab, "Data")  # where one was
    expect(heading).to_have_text(bucket)
    tab.reload()
    expect(heading).to_have_text(bucket)
    view.get_by_role("link", name=EVIL).click()
    expect(view.locator("pre").last).to_have_text("<script>document.title = 'evil'</script>")
    go(tab, f"{bucket}/lines.json")
    expect(view.locator("pre").last).to_have_text(
        '{\n  "text": "<b>one</b>"\n}\n{\n  "text": "two"\n}'
    )
    go(tab, f"{bucket}/large.bin")
    expect(view).to_contain_text("20.0 MB · text/html")
    expect(view).to_contain_text("neither text nor a picture")
    go(tab, f"{bucket}/not%there")
    expect(view.get_by_role("alert")).to_have_text("It is not there any more.")
    assert tab.title() == "Serverless Bytes, offline"


def test_files_are_uploaded_and_what_a_terminal_does_appears(
    tab: Page, workshop: PageWorkshop, bucket: str, tmp_path: Path
) -> None:
    s3, view = workshop.client("s3"), tab.locator("#data-view")
    go(tab, f"{bucket}/new%20folder/")
    expect(view).to_contain_text("It is empty.")
    file = tmp_path / "my ü & notes.txt"
    file.write_text("mine")
    view.get_by_label("Upload files").set_input_files(file)
    expect(view.locator("tbody tr")).to_have_text([re.compile("my ü & notes.txt *4 B")])
    expect(view.locator("#data-uploaded")).to_contain_text("aws s3 cp 'my ü & notes.txt' ")
    key = "new folder/my ü & notes.txt"
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"mine"
    s3.delete_object(Bucket=bucket, Key=key)
    expect(view).to_contain_text("It is empty.")
    s3.put_object(Bucket=bucket, Key="new folder/2.txt", Body=b"")
    expect(view.get_by_role("link", name="2.txt")).to_be_visible()


def test_more_than_200_rows_come_when_asked_for(
    tab: Page, workshop: PageWorkshop, bucket: str
) -> None:
    for number in range(300):
        workshop.client("s3").put_object(Bucket=bucket, Key=f"many/{number:03}.jpg", Body=b"")
    view = tab.locator("#data-view")
    go(tab, f"{bucket}/many/")
    expect(view).to_contain_text("The first 200 objects")
    expect(view.locator("tbody tr")).to_have_count(200)
    view.get_by_role("button", name="Show more").press("Enter")
    expect(view.locator("tbody tr")).to_have_count(300)
    expect(view.get_by_role("link", name="200.jpg")).to_be_focused()
    expect(view.get_by_role("button", name="Show more")).to_have_count(0)
    view.get_by_role("button", name="Read again").click()
    expect(view.locator("tbody tr")).to_have_count(200)


def test_the_other_views(tab: Page, workshop: PageWorkshop) -> None:
    key = workshop.tweet("obama2.jpg", "In the <i>table</i>")
    view = tab.locator("#data-view")
    go(tab, "PostsTable")
    line = view.locator("tbody tr").filter(has_text=key)
    expect(line).to_contain_text(re.compile(r"In the <i>table</i>match9\d.*%"))
    line.get_by_role("link").click()
    expect(view.locator("pre").last).to_contain_text('"outcome": "match"')
    view.get_by_role("link", name="The photo in the bucket").click()
    expect(tab.locator("#data-heading")).to_contain_text(f"{key}.jpg")
    expect(view.locator("summary")).to_have_text("As AWS CLI")
    go(tab, "MatchTopic")
    expect(view).to_contain_text("confirmed")
    expect(view).to_contain_text("Possible match")
    go(tab, "RekognitionLambdaLogs")
    log = view.locator("pre.end")
    expect(log).to_contain_text(f"images/{key}.jpg: match")
    at_end = "e => e.scrollTop + e.clientHeight > e.scrollHeight - 4"
    wait_until(lambda: log.evaluate(at_end))
    go(tab, "TwitterKeys")
    expect(view).to_contain_text("This page never reads the value of a secret.")
    for secret in workshop.system.keys.values():
        assert secret not in view.inner_text()


def test_a_message_is_redriven_and_gone(tab: Page, workshop: PageWorkshop) -> None:
    sqs, queue = workshop.client("sqs"), workshop.stack.resource("FailureQueue")
    sqs.purge_queue(QueueUrl=queue)
    key = workshop.tweet("biden.jpg", "Once more")
    wait_until(lambda: workshop.watcher.state.posts.photo(key).get("outcome"))
    name = workshop.stack.resource("RekognitionLambdaFunction")
    arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{name}:$LATEST"
    event = s3_event(workshop.stack.resource("RekognitionBucket"), f"images/{key}.jpg")

    def fail(payload: Any) -> None:
        record = {
            "requestContext": {"functionArn": arn, "condition": "RetriesExhausted"},
            "requestPayload": payload,
            "responsePayload": {"errorMessage": "KeyError: <b>"},
        }
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))

    fail(event)
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    view = tab.locator("#data-view")
    go(tab, "FailureQueue")
    messages = view.locator(".messages li")
    expect(messages).to_have_count(2)
    failed = messages.filter(has_text=f"images/{key}.jpg")
    expect(failed).to_contain_text("KeyError: <b>")
    failed.get_by_text("Whole message").click()
    expect(failed.locator("pre")).to_contain_text("RetriesExhausted")
    failed.get_by_role("button", name="Redrive").click()
    expect(tab.locator(".toast").last).to_contain_text("1 event of")
    expect(messages).to_have_count(1)
    fail(event)
    expect(messages).to_have_count(2)
    view.get_by_role("button", name="Redrive all").click()
    expect(messages).to_have_count(1)
    expect(tab.locator("#data-message")).to_contain_text("not Lambda's record")
    sqs.purge_queue(QueueUrl=queue)
    expect(view).to_contain_text("It is empty: nothing failed three times.")


def test_by_keyboard_alone(tab: Page, workshop: PageWorkshop, bucket: str) -> None:
    def go_to(name: str) -> None:
        """Press Tab until the link or button of this name has the focus, which can be seen."""
        expect(tab.get_by_text(name, exact=True).first).to_be_visible()
        for _ in range(60):
            tab.keyboard.press("Tab")
            found, outline, element = tab.evaluate(
                """name => {
                    const e = document.activeElement;
                    const seen = e.matches(".file") ? e.labels[0] : e;
                    const found = seen.textContent.trim() === name;
                    return [found, getComputedStyle(seen).outlineStyle, e.outerHTML.slice(0, 200)];
                }""",
                name,
            )
            assert outline != "none" or element.startswith("<body"), element  # it goes round
            if found:
                return
        raise AssertionError(f"{name} cannot be reached")

    tab.keyboard.press("Alt+5")
    expect(tab.locator("#data-heading")).to_be_visible()
    go_to(bucket)
    tab.keyboard.press("Enter")
    expect(tab.locator("#data-heading")).to_have_text(bucket)
    go_to("Upload files")
    go_to("a b/")
    tab.keyboard.press("Enter")
    expect(tab.locator("#data-heading")).to_be_focused()
    go_to("Größe.jpg")
    tab.keyboard.press("Enter")
    go_to("Download")


def test_widths_and_colors(tab: Page, workshop: PageWorkshop, bucket: str) -> None:
    url = workshop.stack.resource("FailureQueue")
    workshop.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    pages = {
        bucket: "large.bin",
        f"{bucket}/a%20b/": "Größe.jpg",
        f"{bucket}/a%20b/Größe.jpg": "Download",
        f"{bucket}/lines.json": "<b>one</b>",
        "PostsTable": "media_key",
        "FailureQueue": "Redrive all",
        "MatchTopic": "Subscriptions",
        "TwitterLambdaLogs": "newest",
        "TwitterKeys": "Description",
        "Nothing": "There is no complete stack",
    }
    for address, text in pages.items():
        go(tab, address)
        expect(tab.locator("#data-view")).to_contain_text(re.compile(text, re.IGNORECASE))
        check_widths_and_colors(tab, 390, 1280)
    workshop.client("sqs").purge_queue(QueueUrl=url)
