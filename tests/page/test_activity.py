"""What makes the page ask all services again; otherwise it asks three small questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from kit.page import activity as module
from kit.page.activity import Activity
from kit.page.formatting import tag_of
from kit.page.state import State
from page.harness import PageWorkshop
from support import wait_until


@pytest.fixture(autouse=True)
def no_file(workshop: PageWorkshop) -> Iterator[None]:
    yield
    workshop.exercise.unlink(missing_ok=True)


def put_object(workshop: PageWorkshop) -> None:
    bucket = workshop.stack.resource("RekognitionBucket")
    workshop.system.aws.client("s3").put_object(Bucket=bucket, Key="note", Body=b"")


def change_code(workshop: PageWorkshop) -> None:
    name = workshop.stack.resource("RekognitionLambdaFunction")
    functions = workshop.system.aws.client("lambda")
    functions.update_function_configuration(FunctionName=name, Description="Mine")


def write_file(workshop: PageWorkshop) -> None:
    workshop.exercise.write_text("# another text")


def post(workshop: PageWorkshop) -> None:
    workshop.system.x.post("Without a photo", [])


def only_read(workshop: PageWorkshop) -> None:
    workshop.system.aws.client("s3").list_buckets()
    workshop.system.aws.client("cloudformation").describe_stacks()
    workshop.system.aws.client("dynamodb").list_tables()


@pytest.mark.parametrize(
    ("action", "is_due"),
    [
        (put_object, True),
        (change_code, True),
        (write_file, True),
        (post, True),
        (only_read, False),
    ],
)
def test_a_round_is_due_when_something_has_happened(
    workshop: PageWorkshop,
    monkeypatch: pytest.MonkeyPatch,
    action: Callable[[PageWorkshop], None],
    is_due: bool,
) -> None:
    monkeypatch.setattr(module, "SETTLING_SECONDS", 0.3)
    activity = Activity(workshop.watcher.services, State())
    wait_until(lambda: not activity.is_due())
    action(workshop)
    assert activity.is_due() is is_due


def test_what_is_done_in_a_terminal_appears_when_the_page_was_at_rest(
    workshop: PageWorkshop,
) -> None:
    at_rest = workshop.watcher.activity
    wait_until(lambda: not at_rest.is_due())
    workshop.exercise.write_text("# a third text")
    wait_until(lambda: workshop.state()["exercise"] == tag_of("# a third text"))


def test_at_rest_there_is_at_most_one_round_in_ten_seconds(workshop: PageWorkshop) -> None:
    wait_until(lambda: not workshop.watcher.activity.is_due())
    admin = workshop.system.admin("aws")
    admin.post("calls", {"record": True})
    before = admin.get("calls")
    time.sleep(3)  # six rounds, if it were not at rest
    after = admin.get("calls")
    admin.post("calls", {"record": False})
    asked = {name: count - before.get(name, 0) for name, count in after.items()}
    assert asked.get("DescribeStacks", 0) <= 1, asked
