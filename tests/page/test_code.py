"""The tab Code: the learner's file in the editor, on disk and in the function."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Locator, Page, expect

from kit.page.exercise import changed_lines, syntax_error
from kit.stack.code import SOLUTION
from kit.stack.template import code_of
from page.harness import PageWorkshop, check_accessibility, check_width, type_command
from support import wait_until

STARTER = code_of("RekognitionLambdaFunction")
LOOP = """import time

def lambda_handler(event, context):
    print("begun")
    while True:
        time.sleep(0.1)
"""
SAVE = """document.querySelector("#deploy").dispatchEvent(
    new KeyboardEvent("keydown", { key: "s", ctrlKey: true, bubbles: true, cancelable: true }))"""
SLOW = """import time

def lambda_handler(event, context):
    while "slow" in event:
        time.sleep(0.1)
"""
CRASH = "def lambda_handler(event, context):\n    x = 1\n    raise KeyError('oh')\n"


@pytest.fixture
def editor(tab: Page, workshop: PageWorkshop) -> Iterator[Locator]:
    """The tab with the editor, in which the starter is; the solution is deployed."""
    workshop.exercise.unlink(missing_ok=True)
    tab.evaluate("localStorage.clear()")
    tab.get_by_role("tab", name="Code").click()
    expect(tab.locator("#editor .ace_content")).to_contain_text("lambda_handler")
    yield tab.locator("#editor")
    workshop.put_code()
    workshop.exercise.unlink(missing_ok=True)


def write(tab: Page, code: str) -> None:
    """Replace the text in the editor, as a learner who pastes it."""
    tab.locator("#editor textarea").focus()
    tab.keyboard.press("ControlOrMeta+a")
    tab.evaluate(
        "code => document.querySelector('#editor').env.editor.session.setValue(code)", code
    )


def deploy(tab: Page, code: str) -> None:
    """Write code and deploy it."""
    write(tab, code)
    tab.get_by_role("button", name="Deploy", exact=True).click()
    expect(tab.locator("#code-state")).to_contain_text(re.compile(r"saved · deployed \d"))


def deployed(workshop: PageWorkshop) -> str:
    """The digest of the function's code."""
    name = workshop.stack.resource("RekognitionLambdaFunction")
    found = workshop.client("lambda").get_function_configuration(FunctionName=name)
    return str(found["CodeSha256"])


def test_the_editor_searches_and_follows_the_colors(tab: Page, editor: Locator) -> None:
    """Ace loads the search and the other theme when it needs them."""
    tab.locator("#editor textarea").focus()
    tab.keyboard.press("ControlOrMeta+f")
    expect(editor.locator(".ace_search")).to_be_visible()
    tab.emulate_media(color_scheme="dark")
    expect(editor).to_have_class(re.compile("dark"))


def test_the_starter_is_edited_saved_and_deployed(
    tab: Page, editor: Locator, workshop: PageWorkshop
) -> None:
    assert wait_until(workshop.exercise.exists)
    assert workshop.exercise.read_text() == STARTER
    state = tab.locator("#code-state")
    expect(state).to_contain_text("saved · deployed: other code")
    editor.locator("textarea").focus()
    tab.keyboard.press("ControlOrMeta+Home")
    tab.keyboard.type("# mine")
    expect(state).to_contain_text("not saved yet")
    assert tab.evaluate(SAVE) is False  # the browser does not save the page
    wait_until(lambda: workshop.exercise.read_text().startswith("# mine"))
    expect(state).to_contain_text("lines differ from it")
    tab.keyboard.press("ControlOrMeta+Enter")
    expect(state).to_contain_text(re.compile(r"saved · deployed \d"))
    wait_until(lambda: workshop.watcher.state.code["sha"] == deployed(workshop))
    assert workshop.watcher.state.code["tag"] == workshop.watcher.state.exercise
    check_accessibility(tab)
    # Deployed in the terminal: the page says that it is other code.
    workshop.put_code(CRASH)
    expect(state).to_contain_text("deployed: other code")
    state.get_by_role("button", name="Compare").click()
    expect(tab.locator("#diff-left")).to_contain_text("raise KeyError")
    expect(tab.locator("#diff-right")).to_contain_text("# mine")
    tab.get_by_role("button", name="Back to the editor").click()
    expect(editor).to_be_visible()


def test_a_syntax_error_is_marked_and_not_deployed(
    tab: Page, editor: Locator, workshop: PageWorkshop
) -> None:
    before = deployed(workshop)
    write(tab, "def lambda_handler(event, context):\n    if event\n        pass\n")
    tab.get_by_role("button", name="Deploy", exact=True).click()
    notice = tab.locator("#code-notice")
    expect(notice).to_contain_text("Not deployed. Line 2: expected ':'")
    expect(editor.locator(".ace_error")).to_have_text("2")
    assert deployed(workshop) == before
    notice.get_by_role("button", name="Deploy all the same").click()
    expect(notice).to_be_hidden()
    wait_until(lambda: deployed(workshop) != before)


def test_an_endless_loop_shows_at_once_and_is_stopped(
    tab: Page, editor: Locator, workshop: PageWorkshop
) -> None:
    deploy(tab, LOOP)
    workshop.tweet("biden.jpg", "A loop")
    expect(tab.locator("#log .run").last).to_contain_text("begun")
    expect(tab.locator("#running")).to_contain_text("Running")
    expect(tab.locator("#timeline .post").first).to_contain_text("is working on it")
    tab.locator("#running").get_by_role("button", name="Stop").click()
    expect(tab.locator("#running")).to_be_empty()
    expect(tab.locator("#log .run").last).to_contain_text("Stopped by hand")
    expect(tab.locator("#log .run summary").last).to_contain_text("✗")


def test_a_test_shows_the_line_of_an_error(
    tab: Page, editor: Locator, workshop: PageWorkshop
) -> None:
    deploy(tab, CRASH)
    tab.get_by_label("Event of the test").select_option("console")
    tab.get_by_role("button", name="Test", exact=True).click()
    results = tab.locator("#test-results")
    expect(results).to_contain_text("✗ failed after")
    expect(results).to_contain_text("KeyError: 'oh'")
    expect(tab.locator("#log .run summary").last).to_contain_text("KeyError: 'oh'")
    results.get_by_role("button", name="index.py, line 3").click()
    position = "document.querySelector('#editor').env.editor.getCursorPosition().row"
    assert tab.evaluate(position) == 2
    assert "/tmp" not in (results.text_content() or "")


@pytest.mark.parametrize("width", [390, 1280])
def test_another_photo_is_tested_and_an_event_of_one_s_own(
    tab: Page, editor: Locator, workshop: PageWorkshop, width: int
) -> None:
    text = f"For a <test> & {width}"
    key = workshop.tweet("biden.jpg", text)
    wait_until(lambda: workshop.watcher.state.posts.photo(key).get("outcome"))
    tab.set_viewport_size({"width": width, "height": 900})
    event, button = tab.get_by_label("Event of the test"), tab.locator("#test")
    results, choice = tab.locator("#test-results"), tab.locator("#test-choice")
    event.select_option("photo")
    button.click()
    expect(results).to_contain_text("Choose a photo")
    photo = choice.get_by_role("button", name=f"Test with “{text}”")
    photo.press("Enter")
    expect(results).to_contain_text(f"Photo images/{key}.jpg: compared before")
    expect(photo).to_have_attribute("aria-pressed", "true")
    check_width(tab)
    check_accessibility(tab)
    event.select_option("edit")
    area = choice.get_by_label("Event, as JSON")
    assert key in area.input_value()
    area.fill("{")
    button.click()
    expect(results).to_contain_text("This is no JSON")
    area.fill('{"Records": []}')
    button.click()
    expect(results).to_contain_text("✓ returned")
    expect(results).to_contain_text("No photo in this event")
    check_accessibility(tab)
    event.select_option("spaces")
    expect(choice).to_contain_text("stored below tests/")
    button.click()
    expect(results).to_contain_text("Photo tests/a key with spaces & ü.jpg:")


def test_the_newest_test_is_shown_also_when_an_older_one_ends_later(
    tab: Page, editor: Locator, workshop: PageWorkshop
) -> None:
    deploy(tab, SLOW)
    event, button = tab.get_by_label("Event of the test"), tab.locator("#test")
    event.select_option("edit")
    tab.get_by_label("Event, as JSON").fill('{"slow": 1}')
    button.click()
    expect(tab.locator("#running")).to_contain_text("Running")
    event.select_option("empty")
    button.click()
    results = tab.locator("#test-results")
    expect(results).to_contain_text("✓ returned")
    tab.locator("#running").get_by_role("button", name="Stop").first.click()  # the older one
    expect(tab.locator("#log .run")).to_contain_text(["Stopped by hand"])
    expect(results).to_contain_text("✓ returned")


def test_a_file_that_is_changed_outside_is_loaded_or_asked_about(
    tab: Page, editor: Locator, workshop: PageWorkshop
) -> None:
    workshop.exercise.write_text("# from another editor\n")
    expect(editor).to_contain_text("# from another editor")
    tab.route("**/exercise/save", lambda route: route.abort())
    editor.locator("textarea").focus()
    tab.keyboard.type("# not saved ")
    workshop.exercise.write_text("# once more\n")
    notice = tab.locator("#code-notice")
    expect(notice).to_contain_text("was changed outside of the page")
    tab.unroute("**/exercise/save")
    notice.get_by_role("button", name="Keep mine").click()
    wait_until(lambda: "# not saved" in workshop.exercise.read_text())
    expect(notice).to_be_hidden()
    workshop.exercise.write_text("# after a save in the page\n")
    expect(editor).to_contain_text("# after a save in the page")


@pytest.mark.parametrize("width", [390, 1280])
def test_hints_open_one_by_one(tab: Page, editor: Locator, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 800})
    tab.get_by_role("tab", name="Hints").click()
    hints = tab.locator("#hints")
    expect(hints.get_by_role("button")).to_have_text(["Open hint 1"])
    hints.get_by_role("button", name="Open hint 1").click()
    expect(hints).to_contain_text("def compare(bucket, key):")
    expect(hints.get_by_role("button")).to_have_text(["Insert at the cursor", "Open hint 2"])
    hints.get_by_role("button", name="Insert at the cursor").click()
    expect(editor).to_contain_text("import boto3")
    check_width(tab)
    check_accessibility(tab)


def test_the_check_shows_its_cases_one_by_one(
    tab: Page, editor: Locator, workshop: PageWorkshop
) -> None:
    write(tab, "import pandas\n\ndef lambda_handler(event, context):\n    pass\n")
    tab.get_by_role("button", name="Check", exact=True).click()
    results = tab.locator("#check-results")
    expect(results).to_contain_text("Line 1 imports pandas, which Lambda does not have")
    write(tab, SOLUTION.read_text())
    tab.get_by_role("button", name="Check", exact=True).click()
    expect(results.locator("td").filter(has_text="…").first).to_be_visible()
    expect(results.locator("td").filter(has_text="✓ passed").first).to_be_visible()
    expect(results).to_contain_text(re.compile(r"Part 1: \d of \d"))
    tab.locator("#check-results").get_by_role("button", name="Stop").click()
    expect(results).to_contain_text("Stopped.")
    assert workshop.watcher.check.process is None


# --- Without a browser ----------------------------------------------------------------------------


def test_the_file_is_not_overwritten_when_somebody_else_has_changed_it(
    workshop: PageWorkshop,
) -> None:
    url, save = f"{workshop.url}/exercise", f"{workshop.url}/exercise/save"
    workshop.exercise.unlink(missing_ok=True)
    file = workshop.session.get(url, timeout=60).json()
    assert (file["exists"], file["tag"], file["text"]) == (False, "", STARTER)
    tag = workshop.session.post(save, json={"text": "a\r\n", "tag": ""}, timeout=60).json()["tag"]
    assert workshop.exercise.read_bytes() == b"a\r\n"
    for wrong in ("", "0" * 16, None, 3):
        answer = workshop.session.post(save, json={"text": "b", "tag": wrong}, timeout=60)
        assert (answer.status_code, "changed outside" in answer.json()["error"]) == (412, True)
    assert workshop.exercise.read_bytes() == b"a\r\n"
    for bad in ("\0", "x" * 200_001, 3, None, "\ud800"):
        body = json.dumps({"text": bad, "tag": tag})
        assert workshop.session.post(save, data=body, timeout=60).status_code == 400
    workshop.exercise.write_bytes(b"\xff\xfe")
    assert workshop.session.get(url, timeout=60).status_code == 409
    workshop.exercise.unlink()


def test_what_is_no_test_is_refused(workshop: PageWorkshop) -> None:
    url = f"{workshop.url}/exercise/test"
    for body, status in (({"json": "{"}, 400), ({"event": "photo 3_0"}, 409), ({}, 409)):
        assert workshop.session.post(url, json=body, timeout=60).status_code == status
    answer = workshop.session.post(url, json={"json": "[1]"}, timeout=60).json()
    assert (answer["event"], len(answer["results"])) == ([1], 1)
    stop = workshop.session.post(f"{workshop.url}/invocations/stop", json={"id": "x"}, timeout=60)
    assert stop.status_code == 404


@pytest.mark.parametrize(
    ("name", "key", "outcome"),
    [
        ("no face", "tests/no-face.jpg", "no face"),
        ("spaces", "tests/a key with spaces & ü.jpg", "other person"),
    ],
)
def test_a_sample_is_stored_where_s3_sends_no_event_of_its_own(
    workshop: PageWorkshop, name: str, key: str, outcome: str, tmp_path: Path
) -> None:
    url, stack = f"{workshop.url}/exercise/test", workshop.stack
    item = {"media_key": {"S": key.removesuffix(".jpg")}}
    table = stack.resource("PostsTable")
    workshop.client("dynamodb").delete_item(TableName=table, Key=item)
    answer = workshop.session.post(url, json={"event": name}, timeout=60).json()
    (result,) = answer["results"]
    assert f"Photo {key}: {outcome}" in result["log"]
    assert answer["event"]["Records"][0]["s3"]["object"]["key"] == quote_plus(key, safe="/")
    type_command(workshop, answer["command"], tmp_path)
    assert (tmp_path / "answer.json").read_text() == "null"
    assert json.loads((tmp_path / "event.json").read_text()) == answer["event"]
    found = workshop.client("dynamodb").get_item(TableName=table, Key=item)["Item"]
    assert found["outcome"]["S"] == outcome
    own = {"json": '{"it\'s": "\\n %s \\u00fc"}'}
    answer = workshop.session.post(url, json=own, timeout=60).json()
    type_command(workshop, answer["command"], tmp_path)
    assert json.loads((tmp_path / "event.json").read_text()) == json.loads(own["json"])


def test_an_event_to_begin_with(workshop: PageWorkshop) -> None:
    key = workshop.tweet("biden.jpg", "To begin with")
    wait_until(lambda: workshop.watcher.state.posts.photo(key).get("stored"))
    event = workshop.session.get(f"{workshop.url}/exercise/event", timeout=60).json()
    assert event["Records"][0]["s3"]["object"]["key"] == f"images/{key}.jpg"


def test_only_the_files_of_the_editor_are_served(workshop: PageWorkshop) -> None:
    for path in ("ace.js", "css/ace.css", "css/main-1.png", "css/theme/cloud_editor.css"):
        answer = workshop.session.get(f"{workshop.url}/ace/{path}", timeout=60)
        assert answer.status_code == 200, path
    for path in ("worker-css.js", "mode-css.js", "../../__init__.py", "css/main-..%2f", "css/x"):
        answer = workshop.session.get(f"{workshop.url}/ace/{path}", timeout=60)
        assert answer.status_code == 404, path


@pytest.mark.unit
def test_lines_that_differ_are_counted() -> None:
    assert changed_lines("a\nb\nc\n", "a\nb\nc\n") == 0
    assert changed_lines("a\nb\nc\n", "a\nx\nc\nd\n") == 2
    assert changed_lines("", "a\nb\n") == 2


@pytest.mark.unit
@pytest.mark.parametrize(
    ("code", "line"), [("x = 1\n", None), ("def f(:\n", 1), ("x = 1\n  y\n", 2), ("'" * 3, 1)]
)
def test_syntax_errors_are_found(code: str, line: int | None) -> None:
    assert syntax_error(code).get("line") == line
