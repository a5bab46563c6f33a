"""A demo's stack is deleted, whatever CloudFormation does: what the emulated one never does."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from rich.console import Console

from kit.aws_client import Account
from kit.commands.demo import temporary_stack
from kit.commands.demo.progress import Progress
from kit.commands.demo.temporary_stack import TemporaryStack
from kit.errors import WorkshopError

pytestmark = pytest.mark.unit

STACK_ID = "arn:aws:cloudformation:eu-west-1:000000000000:stack/s/1"
LOST = EndpointConnectionError(endpoint_url="https://cloudformation")
REFUSED = ClientError({"Error": {"Code": "ValidationError", "Message": "no"}}, "CreateStack")


class CloudFormation:
    """Creates a stack, or raises; each deletion ends as it is told.

    Args:
        ends: the status after each deletion.
        error: of CreateStack.
        exists: whether the stack is there all the same.
    """

    def __init__(self, *ends: str, error: Exception | None = None, exists: bool = True) -> None:
        self.ends = list(ends)
        self.error = error
        self.exists = exists
        self.deletions = 0
        self.events: list[dict[str, str]] = []

    def add(self, status: str, reason: str = "") -> None:
        event = {"EventId": str(len(self.events)), "LogicalResourceId": "s"}
        event |= {"PhysicalResourceId": STACK_ID, "ResourceStatus": status}
        self.events.insert(0, event | {"ResourceStatusReason": reason})

    def create_stack(self, **_: Any) -> dict[str, str]:
        if self.error:
            raise self.error
        self.add("CREATE_COMPLETE")
        return {"StackId": STACK_ID}

    def delete_stack(self, **_: str) -> None:
        self.deletions += 1
        if self.ends and self.exists:
            self.add(self.ends.pop(0), "the bucket is full")

    def get_paginator(self, operation: str) -> Any:
        stacks = [{"StackId": STACK_ID, "StackStatus": "CREATE_COMPLETE"}] if self.exists else []
        page = {"StackEvents": self.events, "Stacks": stacks}
        return SimpleNamespace(paginate=lambda **_: [page])


class FakeAccount(Account):
    """An account with nothing but CloudFormation in it."""

    region = "eu-west-1"

    def __init__(self, cloudformation: CloudFormation) -> None:
        self.cloudformation = cloudformation

    def client(self, service: str) -> Any:
        return self.cloudformation


@pytest.fixture(autouse=True)
def rest(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is left in the account."""
    found: list[str] = []
    monkeypatch.setattr(temporary_stack, "left_over", lambda *_: found)
    monkeypatch.setattr(temporary_stack, "GONE_SECONDS", 0.0)
    monkeypatch.setattr(temporary_stack, "save_function_logs", lambda _: "the logs")
    return found


def run(cloudformation: CloudFormation, error: Exception | None = None) -> str:
    """Launch a stack, and leave it; return what was shown."""
    screen = io.StringIO()
    progress = Progress(Console(file=screen, width=200))
    with TemporaryStack(FakeAccount(cloudformation), "s", progress) as launched:
        launched.launch({"EmailAddress": "me@example.com"})
        if error:
            raise error
    return screen.getvalue()


def test_a_deletion_that_fails_is_tried_again() -> None:
    aws = CloudFormation("DELETE_FAILED", "DELETE_COMPLETE")
    shown = run(aws)
    assert aws.deletions == 2
    assert "DELETE_FAILED s: the bucket is full" in shown
    assert "left in the account: nothing" in shown


def test_what_cannot_be_deleted_is_named_with_its_price() -> None:
    aws = CloudFormation("DELETE_FAILED", "DELETE_FAILED")
    with pytest.raises(WorkshopError) as raised:
        run(aws, WorkshopError("The photo was lost."))
    assert str(raised.value) == (
        "The photo was lost. Then the stack could not be deleted (s: the bucket is full), and goes "
        "on to cost $0.018 an hour. Delete it: aws cloudformation delete-stack --stack-name s "
        "--region eu-west-1"
    )


def test_an_error_in_between_stays_the_error() -> None:
    aws = CloudFormation("DELETE_COMPLETE")
    with pytest.raises(WorkshopError, match=r"^The photo was lost\.$"):
        run(aws, WorkshopError("The photo was lost."))
    assert aws.deletions == 1


@pytest.mark.parametrize("exists", [True, False])
def test_a_launch_whose_answer_is_lost_may_have_happened(exists: bool) -> None:
    aws = CloudFormation("DELETE_COMPLETE", error=LOST, exists=exists)
    with pytest.raises(EndpointConnectionError):
        run(aws)
    assert aws.deletions == 1


def test_a_launch_that_aws_refuses_is_nothing_to_delete() -> None:
    aws = CloudFormation(error=REFUSED)
    with pytest.raises(ClientError):
        run(aws)
    assert aws.deletions == 0


def test_what_is_left_is_an_error_but_for_orphaned_subscriptions(rest: list[str]) -> None:
    rest.append("subscription to arn:aws:sns:eu-west-1:000000000000:s-MatchTopic")
    assert "left in the account: nothing" in run(CloudFormation("DELETE_COMPLETE"))
    rest.append("s-twitter")
    with pytest.raises(WorkshopError, match=r"^This is left of it, .*: s-twitter$"):
        run(CloudFormation("DELETE_COMPLETE"))
