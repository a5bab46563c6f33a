"""The page, as a learner uses it: in Chromium, on an offline system of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

import draw
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.http import Server
from kit.page.parties import Parties
from kit.page.server import Page as WorkshopPage
from kit.page.watcher import Watcher
from kit.processes import SCRIPTS, ManagedProcess, free_port
from kit.running import Running
from kit.stack.stack import EMAIL, Stack
from security.pictures import png_bomb
from support import REPOSITORY, wait_for

SOLUTION = (REPOSITORY / "scripts" / "compareFaces.py").read_text()
MIB = 1024 * 1024
try:
    CHROMIUM, missing = draw.find_browser(), ""
except draw.DrawingError as error:
    CHROMIUM, missing = "", str(error)
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason=missing)
expect.set_options(timeout=30_000)


class Workshop:
    """An offline system and its page; the steps are done when a test needs them."""

    def __init__(self, system: OfflineSystem) -> None:
        self.system = system
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.running = Running(
            system.aws.region,
            system.aws.url,
            system.x_url,
            system.rekognition_url,
            self.url,
            system.keys,
        )
        page = WorkshopPage(self.running, port)
        self.server = Server(page.app(), port)
        self.watcher = page.watcher
        threading.Thread(target=self.server.run, daemon=True).start()
        self.stack: Stack | None = None
        self.streamer: ManagedProcess | None = None
        wait_for(lambda: self.server.started)

    def launch(self) -> Stack:
        self.stack = Stack.launch(self.system.aws, self.system.parameters(EMAIL))
        return self.stack

    def start_streamer(self) -> None:
        assert self.stack
        root = instance.boot(self.system.folder, self.stack)
        self.streamer = instance.start_streamer(self.system, root)
        instance.wait_until_connected(self.streamer)

    def stop_streamer(self) -> None:
        if self.streamer:
            self.streamer.stop()

    def state(self) -> dict[str, Any]:
        return self.watcher.state("", 0)

    def step(self, start: str) -> dict[str, Any]:
        found = [step for step in self.state()["steps"] if step["title"].startswith(start)]
        return dict(found[0])

    def next_step(self) -> str:
        return next((step["title"] for step in self.state()["steps"] if step["next"]), "")


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """No stack yet."""
    with OfflineSystem() as system:
        system.wait_until_ready()
        started = Workshop(system)
        yield started
        started.server.should_exit = True


@pytest.fixture(scope="module")
def ready(workshop: Workshop, pictures: dict[str, Path]) -> Workshop:
    """The steps are done, with the solution, except that nothing is posted."""
    if not workshop.stack:
        workshop.launch().confirm_subscription()
    assert workshop.stack
    bucket = workshop.stack.resource("RekognitionBucket")
    workshop.system.aws.client("s3").upload_file(
        str(pictures["obama.jpg"]), bucket, "celebrity.jpg"
    )
    workshop.stack.replace_code("RekognitionLambdaFunction", SOLUTION)
    if not workshop.streamer or not workshop.streamer.running:
        workshop.start_streamer()
    wait_for(lambda: workshop.state()["connected"] and workshop.state()["confirmed"])
    return workshop


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=draw.ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def tab(browser: Browser, workshop: Workshop) -> Iterator[Page]:
    """The page in a tab. Whatever the test does: no request leaves, no error is in the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    asked: list[str] = []
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(message.text)

    context.on("request", lambda request: asked.append(request.url))
    opened.on("console", note)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(workshop.url)
    expect(opened.locator("#step-list li").first).to_be_visible()
    yield opened
    context.close()
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("blob:", "data:"))}
    assert hosts == {"127.0.0.1"}
    assert problems == []


def hop(tab: Page, name: str) -> Locator:
    return tab.locator(f'[data-hop="{name}"]')


def newest(tab: Page, text: str) -> Locator:
    """The post with this text in the timeline."""
    return tab.locator("#timeline .post").filter(has_text=text).first


def check_accessibility(tab: Page) -> None:
    report = Axe().run(tab)
    assert report.violations_count == 0, report.generate_report()


def check_width(tab: Page) -> None:
    """Nothing is wider than the window, and no text of a hop wider than its box."""
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wide = """[...document.querySelectorAll(".hop button")]
        .filter(box => box.scrollWidth > box.clientWidth).map(box => box.textContent)"""
    assert tab.evaluate(wide) == []


@needs_chromium
def test_all_steps_in_the_browser(  # noqa: PLR0915 - one story
    tab: Page, workshop: Workshop, pictures: dict[str, Path]
) -> None:
    summary, body = tab.locator("#steps-summary"), tab.locator("#step-body")
    expect(summary).to_contain_text("3 of 12 done")
    expect(body).to_contain_text("Next: 3. Launch the stack")
    expect(body).to_contain_text("--parameters file://.workshop/parameters.json")
    for key in workshop.running.keys.values():
        assert key not in tab.content()
    # Without a stack: every part says what is missing, and nothing breaks.
    expect(tab.locator("#reference-state")).to_contain_text("launch the stack")
    hop(tab, "PostsTable").get_by_role("button").click()
    expect(tab.locator("#panel-about")).to_contain_text("There is no stack yet")
    check_accessibility(tab)

    stack = workshop.launch()
    expect(body).to_contain_text("Next: 4. Confirm your email address")
    expect(hop(tab, "You")).to_contain_text("celebrity.jpg is not uploaded yet")
    check_width(tab)
    expect(tab.locator("#news")).to_have_text(re.compile("New mail: AWS Notification"))
    tab.get_by_role("button", name="Confirm subscription").click()
    expect(body).to_contain_text("Next: 5. Start the application")
    expect(tab.get_by_role("button", name="Confirm subscription")).to_have_count(0)
    assert workshop.state()["confirmed"]

    # A post that nobody listens to.
    tab.get_by_label("Write a post").fill("Nobody listens")
    tab.locator("#post-samples").get_by_role("button", name="Sample landscape.jpg").click()
    tab.get_by_role("button", name="Post", exact=True).click()
    expect(newest(tab, "Nobody listens")).to_contain_text("the streamer was not connected")

    workshop.start_streamer()
    expect(body).to_contain_text("Next: 6. Tweet")
    assert f"aws s3 ls s3://{stack.resource('TwitterBucket')}" in (body.text_content() or "")

    # With the starter: the photo arrives at each hop, and is not compared.
    tab.get_by_label("Write a post").fill("The first one")
    tab.locator("#post-files").set_input_files(pictures["obama2.jpg"])
    expect(tab.locator("#previews")).to_contain_text("obama2.jpg")
    tab.get_by_role("button", name="Post", exact=True).click()
    expect(tab.locator("#previews li")).to_have_count(0)
    expect(newest(tab, "The first one")).to_contain_text("not compared")
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
        expect(hop(tab, name)).to_contain_text(amount)

    tab.locator("#reference-samples").get_by_role("button", name="Sample obama.jpg").click()
    expect(tab.locator("#reference-state")).to_contain_text("one face is found in it")
    expect(body).to_contain_text("Next: 10. Code to compare")
    expect(body).to_contain_text("python scripts/workshop.py check exercise/index.py")
    stack.replace_code("RekognitionLambdaFunction", SOLUTION)

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

    # The match, with boxes where the faces are.
    post.get_by_role("button", name="See the faces").first.click()
    expect(tab.locator("#verdict")).to_have_text(re.compile(r"✓ Match: 99\.\d+ % similar"))
    expect(tab.locator("#frame-reference .face")).to_have_count(1)
    expect(tab.locator("#frame-photo .face")).to_have_text(re.compile("✓ 99"))
    wait_for(lambda: tab.locator("#frame-photo img").evaluate("image => image.naturalWidth"))
    box = tab.locator("#frame-photo .face").bounding_box()
    picture = tab.locator("#frame-photo img").bounding_box()
    assert box
    assert picture
    assert picture["width"] > box["width"] > 20
    assert picture["y"] < box["y"] < picture["y"] + picture["height"] / 2
    post.get_by_role("button", name="See the faces").nth(1).click()
    expect(tab.locator("#frame-photo .face.unmatched")).to_have_count(1)
    expect(tab.locator("#verdict")).to_contain_text("✗ No match")

    # The mail, as it arrives.
    mail = tab.locator(".mail").filter(has_text="Possible match")
    expect(mail).to_contain_text("Text: Look who is here")
    expect(mail).to_contain_text("console.aws.amazon.com")
    expect(mail).to_contain_text("(not available offline)")
    assert mail.locator("a[href^=http]").count() == 0
    check_accessibility(tab)

    workshop.stop_streamer()
    wait_for(lambda: not workshop.state()["connected"])
    assert workshop.step("Start the application")["done"]
    assert workshop.next_step() == "Clean up"
    stack.delete()
    expect(summary).to_contain_text("All done")
    expect(newest(tab, "Look who is here")).to_contain_text("The e-mail is sent.")
    # Launched again: it begins anew.
    workshop.launch().confirm_subscription()
    expect(body).to_contain_text("Next: 5. Start the application")
    expect(hop(tab, "TwitterBucket")).to_contain_text("0 objects")
    assert not workshop.step("Validate")["done"]


@needs_chromium
def test_hops_show_what_is_in_them(tab: Page, ready: Workshop) -> None:
    media_id = ready.system.x.upload(b"\xff\xd8\xff but no picture")
    post_id = ready.system.x.post("A broken photo & <b>a tag</b>", [media_id])
    sample = (REPOSITORY / ".cache" / "samples" / "biden.jpg").read_bytes()
    ready.system.x.post("Another person", [ready.system.x.upload(sample)])
    expect(newest(tab, "Another person")).to_contain_text("No match")
    expect(newest(tab, "<b>a tag</b>")).to_contain_text(re.compile("No match|unreadable"))
    assert ready.stack
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
        "Inbox": "Confirm subscription",
    }.items():
        button = hop(tab, name).get_by_role("button")
        button.click()
        expect(button).to_have_attribute("aria-expanded", "true")
        expect(tab.locator("#panel")).to_contain_text(content)
    # A function that fails: the error in words, and the event in the queue of failures.
    ready.stack.replace_code(
        "RekognitionLambdaFunction",
        "def lambda_handler(event, context):\n    return event['nothing']",
    )
    ready.system.x.post("It fails", [ready.system.x.upload(sample)])
    expect(hop(tab, "RekognitionLambdaFunction")).to_contain_text("KeyError: 'nothing'")
    expect(hop(tab, "FailureQueue")).to_contain_text("1 failed event")
    expect(newest(tab, "It fails")).to_contain_text("failed: KeyError: 'nothing'")
    hop(tab, "FailureQueue").get_by_role("button").click()
    for _ in range(2):  # looking takes nothing out
        expect(tab.locator("#panel")).to_contain_text("RetriesExhausted")
        tab.get_by_role("button", name="Close").click()
        hop(tab, "FailureQueue").get_by_role("button").click()
    ready.stack.replace_code("RekognitionLambdaFunction", SOLUTION)


@needs_chromium
def test_by_keyboard_alone(tab: Page, ready: Workshop) -> None:
    def go_to(selector: str, key: str = "Tab") -> None:
        """Press Tab until this has the focus; whatever has the focus on the way can be seen."""
        for _ in range(80):
            tab.keyboard.press(key)
            found, outline = tab.evaluate(
                """selector => {
                    const e = document.activeElement;
                    const seen = e.matches(".file") ? e.labels[0] : e;
                    return [e.matches(selector), getComputedStyle(seen).outlineStyle];
                }""",
                selector,
            )
            assert outline != "none"
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
    go_to("[data-hop=PostsTable] button")
    tab.keyboard.press("Enter")
    expect(tab.locator("#panel-heading")).to_be_focused()
    expect(tab.locator("#panel")).to_contain_text("Without a mouse")
    tab.keyboard.press("Escape")
    expect(hop(tab, "PostsTable").get_by_role("button")).to_be_focused()
    expect(tab.locator("#panel")).to_be_hidden()


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 640, 1280])
def test_widths_and_colors(tab: Page, ready: Workshop, scheme: Any, width: int) -> None:
    """640 pixels are what is left of 1280 at a zoom of 200 %."""
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    hop(tab, "PostsTable").get_by_role("button").click()
    expect(tab.locator("#panel-heading")).to_have_text("PostsTable")
    wait_for(lambda: tab.locator("#panel-about").text_content() != "Reading …")
    check_width(tab)
    check_accessibility(tab)


@needs_chromium
def test_reference_is_changed(tab: Page, ready: Workshop, pictures: dict[str, Path]) -> None:
    state, message = tab.locator("#reference-state"), tab.locator("#reference-message")
    tab.locator("#reference-file").set_input_files(pictures["biden.jpg"])
    etag = ready.watcher.known.reference["etag"]
    wait_for(lambda: ready.watcher.known.reference["etag"] != etag)
    expect(tab.locator("#reference-picture img")).to_have_attribute(
        "src", f"/reference?etag={ready.watcher.known.reference['etag']}"
    )
    tab.locator("#reference-samples").get_by_role("button", name="landscape.jpg").click()
    expect(state).to_contain_text("of no use: No face is found")
    assert not ready.step("Upload reference")["done"]
    tab.locator("#reference-file").set_input_files(
        {"name": "big.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff" + bytes(16 * MIB)}
    )
    expect(message).to_contain_text("“big.jpg” has 16 MB, and Rekognition takes photos of up to 15")
    tab.locator("#reference-samples").get_by_role("button", name="Sample obama.jpg").click()
    expect(state).to_contain_text("one face is found in it")
    expect(message).to_be_hidden()


@needs_chromium
def test_bad_files_are_refused_in_words(tab: Page, ready: Workshop, tmp_path: Path) -> None:
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


@needs_chromium
def test_files_are_dropped(tab: Page, ready: Workshop) -> None:
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


@needs_chromium
def test_300_posts_keep_the_page_small(tab: Page, ready: Workshop) -> None:
    watcher = ready.watcher
    before = tab.evaluate("document.querySelectorAll('*').length")
    x = ready.system.x
    media_id = x.upload((REPOSITORY / ".cache" / "samples" / "landscape.jpg").read_bytes())
    for number in range(300):
        # The same photo 300 times: the functions know it already, so this is fast.
        x.post(f"Post number {number}", [media_id])
    expect(tab.locator("#timeline .post").first).to_contain_text("Post number 299")
    expect(tab.locator("#timeline .post")).to_have_count(20)
    # The photo does not move along for each of them.
    expect(tab.locator("#tokens img")).to_have_count(0, timeout=20_000)
    assert len(watcher.known.posts.by_id) == 200
    assert len(watcher.known.posts.photos) <= 4 * 200
    for _ in range(9):
        tab.get_by_role("button", name="Show older posts").click()
    expect(tab.locator("#timeline .post")).to_have_count(200)
    expect(tab.locator("#timeline-end")).to_contain_text("older posts are counted")
    after = tab.evaluate("document.querySelectorAll('*').length")
    assert after - before < 200 * 25
    # It still answers.
    tab.get_by_label("Write a post").fill("Quick")
    hop(tab, "X").get_by_role("button").click()
    expect(tab.locator("#panel-heading")).to_have_text("X (Twitter)")
    tab.reload()
    expect(tab.locator("#timeline .post")).to_have_count(20)


# ---------------------------------------------------------------- without a browser


def test_what_is_too_large_is_refused(ready: Workshop) -> None:
    answer = requests.post(
        f"{ready.url}/photos", data=b"\xff\xd8\xff" + bytes(50 * MIB), timeout=20
    )
    assert answer.status_code == 413
    assert "larger than 32 MB" in answer.json()["error"]

    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield bytes(MIB)

    try:  # without a Content-Length
        answer = requests.post(f"{ready.url}/photos", data=chunks(), timeout=20)
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # it hung up in the middle, which is as good
    answer = requests.post(
        f"{ready.url}/reference", data=b"\xff\xd8\xff" + bytes(16 * MIB), timeout=20
    )
    assert answer.status_code == 413
    answer = requests.post(f"{ready.url}/posts", data=b"{" + bytes(MIB), timeout=20)
    assert answer.status_code == 413


def test_what_is_no_photo_is_refused(ready: Workshop) -> None:
    for path in ("photos", "reference"):
        answer = requests.post(f"{ready.url}/{path}", data=b"<html>hello</html>", timeout=20)
        assert answer.status_code == 415
        assert "not a photo" in answer.json()["error"]
    bodies: tuple[Any, ...] = (
        {"text": "x", "photos": [{"sample": "../../etc/passwd"}]},
        {"text": "x", "photos": [{"sample": "/etc/passwd"}]},
        {"text": "x", "photos": [{"id": "../1"}]},
        {"text": "x", "photos": ["obama.jpg"]},
        {"text": "x", "photos": [{}] * 5},
        {"text": 1, "photos": []},
        {"text": " ", "photos": []},
        {"text": "x" * 281, "photos": []},
        [],
    )
    for body in bodies:
        answer = requests.post(f"{ready.url}/posts", json=body, timeout=20)
        assert 400 <= answer.status_code < 500, (body, answer.status_code)
        assert answer.json()["error"]
    for path in (
        "/samples/..%2f..%2fpyproject.toml",
        "/..%2fserver.py",
        "/photos/..%2f1",
        "/hops/x",
    ):
        assert requests.get(ready.url + path, timeout=20).status_code == 404
    answer = requests.post(f"{ready.url}/reference?sample=../x", timeout=20)
    assert answer.status_code == 404


def test_json_without_an_end_to_its_depth_is_refused(ready: Workshop) -> None:
    answer = requests.post(f"{ready.url}/posts", data="[" * 5_000, timeout=20)
    assert (answer.status_code, answer.json()["error"]) == (400, "The request is not understood.")


def test_what_x_refuses_is_said_in_its_words(ready: Workshop) -> None:
    answer = requests.post(f"{ready.url}/photos", data=png_bomb(50_000, 50_000), timeout=20)
    sentence = "X refused the photo: The picture has too many pixels."
    assert (answer.status_code, answer.json()["error"]) == (400, sentence)


def test_half_an_emoji_is_posted_as_an_unknown_character(ready: Workshop) -> None:
    body = '{"text": "half \\ud83d and whole \\ud83d\\ude00", "photos": []}'
    answer = requests.post(f"{ready.url}/posts", data=body, timeout=20)
    assert answer.status_code == 201
    identity = answer.json()["id"]
    wait_for(lambda: identity in ready.watcher.known.posts.by_id)
    newest = ready.watcher.known.posts.by_id[identity]
    assert newest["text"] == "half \ufffd and whole \U0001f600"


@pytest.mark.parametrize("path", ["/posts", "/photos", "/reference?sample=obama.jpg"])
def test_another_site_cannot_post(workshop: Workshop, path: str) -> None:
    body = json.dumps({"text": "from elsewhere", "photos": []})
    before = workshop.system.x.session.get(f"{workshop.system.x_url}/_workshop/stats").json()
    host = urlsplit(workshop.url).netloc
    for headers, status in (
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{host}.evil.example"}, 403),
        ({"Origin": workshop.url, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
    ):
        answer = requests.post(workshop.url + path, data=body, headers=headers, timeout=20)
        assert answer.status_code == status, headers
    after = workshop.system.x.session.get(f"{workshop.system.x_url}/_workshop/stats").json()
    assert after["posts"] == before["posts"]
    assert (
        requests.get(workshop.url, headers={"Host": "evil.example"}, timeout=20).status_code == 421
    )


def test_headers_keep_other_sites_out(workshop: Workshop) -> None:
    headers = requests.get(workshop.url, timeout=20).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("version", ["-1", "x", "%C2%B2", "9" * 5000])
def test_a_version_that_is_none_counts_as_the_first(workshop: Workshop, version: str) -> None:
    run = workshop.watcher.run
    answer = requests.get(f"{workshop.url}/state?run={run}&version={version}", timeout=30)
    assert answer.status_code == 200
    assert answer.json()["run"] == run


def test_only_what_has_changed_is_sent(ready: Workshop) -> None:
    watcher = ready.watcher
    full = watcher.state("", 0)
    assert full["posts"]
    assert watcher.state(full["run"], full["version"])["posts"] == []
    post_id = ready.system.x.post("One more")
    version = full["version"]
    news = requests.get(f"{ready.url}/state?run={full['run']}&version={version}", timeout=30).json()
    while not news["posts"]:
        url = f"{ready.url}/state?run={full['run']}&version={news['version']}"
        news = requests.get(url, timeout=30).json()
    assert [post["id"] for post in news["posts"]] == [post_id]


def test_a_look_is_cheap(ready: Workshop) -> None:
    """With hundreds of posts behind it, looking again reads only what is new."""
    time.sleep(1)
    started = time.process_time()
    for _ in range(50):
        ready.watcher.watched = time.monotonic()  # somebody watches: it looks twice a second
        time.sleep(0.1)
    assert (time.process_time() - started) / 10 < 0.2


def test_parties_that_do_not_answer(workshop: Workshop) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    lost = Running("eu-west-1", nowhere, nowhere, nowhere, nowhere, workshop.running.keys)
    watcher = Watcher(Parties(lost))
    watcher.look()
    hops = watcher.state("", 0)["hops"]
    assert hops["X"]["error"] == "The offline X does not answer."
    assert hops["StreamingInstance"]["error"] == "The offline AWS does not answer."


def test_it_is_started_as_a_child(workshop: Workshop, tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "WORKSHOP_FOLDER": str(tmp_path)}
    command = [sys.executable, "-m", "kit.page", "--port", str(port)]
    alone = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert alone.returncode == 1
    assert b"No offline workshop is running" in alone.stderr
    (tmp_path / "running.json").write_text(json.dumps(workshop.running.__dict__))
    child = ManagedProcess("the page", command, environment, tmp_path / "page.log")
    try:
        child.wait_until_ready(f"http://127.0.0.1:{port}/_workshop/ready")
        assert child.process.stdin
        child.process.stdin.close()  # what happens when the parent is gone
        assert wait_for(lambda: not child.running)
    finally:
        child.stop()
