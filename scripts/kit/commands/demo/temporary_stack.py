"""A stack that exists as long as a demo: whatever ends the demo, the stack is deleted.

AWS: CloudFormation API Reference, "CreateStack" and "DeleteStack": a stack that is still being
created can be deleted, and deleting one that does not exist is no error.
"""

from __future__ import annotations

import time
from contextlib import suppress
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError
from rich.status import Status
from rich.text import Text

from kit import prices
from kit.aws_client import Account
from kit.commands.demo.logs import save_function_logs
from kit.commands.demo.progress import Progress
from kit.errors import WorkshopError
from kit.jsonl import Json
from kit.stack.events import Events
from kit.stack.find import described, failure_of
from kit.stack.inventory import SUBSCRIPTION, left_over
from kit.stack.stack import Stack
from kit.terminal import in_one_line, stops_later
from kit.waiting import wait_until

GONE_SECONDS = 20.0  # what is deleted may be listed for a while; on AWS for more than a minute


class TemporaryStack:
    """Launches a stack, and deletes it when left.

    Args:
        account: where.
        name: the stack's, which is free.
        progress: shows what happens.
        keep: do not delete it.

    Attributes:
        stack: for the steps in between.
        photos: how many were sent through it, for the bill.
    """

    def __init__(self, account: Account, name: str, progress: Progress, keep: bool = False) -> None:
        self.account = account
        self.progress = progress
        self.keep = keep
        self.stack = Stack(account, name)
        self.photos = 0
        self.stack_id = name  # until it is known
        self.launched: float | None = None  # when; None is: there is nothing to delete
        self.events = Events(self.stack.cloudformation, name)

    def launch(self, parameters: dict[str, str]) -> None:
        """Launch it, and wait until it is complete.

        Raises:
            WorkshopError: it failed; the message names the resource and the reason.
        """
        with self.progress.step(f"the stack {self.stack.name} is launched", "launch") as status:
            with stops_later():
                self.launched = time.monotonic()
                try:
                    self.stack_id = self.stack.create(parameters)
                except ClientError:  # AWS has not taken it; after another error it may have
                    self.launched = None
                    raise
            if self.follow(status, deletion=False) != "CREATE_COMPLETE":
                failure = failure_of(self.stack.cloudformation, self.stack_id)
                raise WorkshopError(f"The stack was not created: {failure}.")

    def follow(self, status: Status, deletion: bool) -> str:
        """Show the events until the creation, or the deletion, has ended; return how.

        Args:
            status: shows what has begun; what has ended gets a line.
            deletion: which of the two.
        """
        started, outcome = time.monotonic(), ""
        if self.events.stack_id != self.stack_id:
            slowness = self.account.slowness
            self.events = Events(self.stack.cloudformation, self.stack_id, slowness)
        for event in self.events.follow(deletion):
            outcome = event["ResourceStatus"]
            if outcome.endswith("_IN_PROGRESS"):
                status.update(Text(sentence(event)))
            else:
                self.progress.show(sentence(event), time.monotonic() - started)
        return outcome

    def __enter__(self) -> TemporaryStack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.launched is None:
            return
        try:
            with stops_later():  # after this it is certain that the stack will be deleted
                if isinstance(error, Exception):
                    folder = save_function_logs(self.stack)
                    self.progress.note(f"it failed; what the functions printed is in {folder}")
                if self.keep:
                    self.say_how_to_delete()
                    return
                self.progress.console.rule("Clean up", align="left")
                self.stack.cloudformation.delete_stack(StackName=self.stack_id)
            self.wait_for_deletion()
        except KeyboardInterrupt:
            self.progress.note("AWS goes on with the deletion. Whether it has ended, says:")
            self.progress.note(self.command("describe-stacks"))
            raise
        except (BotoCoreError, ClientError, WorkshopError) as failure:
            before = f"{error} Then the" if isinstance(error, Exception) else "The"
            raise WorkshopError(
                f"{before} stack could not be deleted ({failure}), and goes on to cost "
                f"${self.hourly:.3f} an hour. Delete it: {self.delete_command}"
            ) from failure
        self.show_bill()
        if rest := self.left_over():
            before = f"{error} " if isinstance(error, Exception) else ""
            raise WorkshopError(f"{before}This is left of it, and may cost something: {rest}")

    @property
    def hourly(self) -> float:
        """US dollars that the stack costs in an hour."""
        return float(prices.stack_hour())

    @property
    def delete_command(self) -> str:
        """What deletes the stack."""
        return self.command("delete-stack")

    def command(self, operation: str) -> str:
        """A command of the AWS CLI, which may have another region than boto3 has.

        AWS SDKs and Tools Reference Guide, "AWS Region": the CLI reads AWS_REGION, boto3 does not.
        """
        name, region = self.stack.name, self.account.region
        return f"aws cloudformation {operation} --stack-name {name} --region {region}"

    def say_how_to_delete(self) -> None:
        """Say that it stays, and what that means."""
        self.progress.note(f"the stack stays, for ${self.hourly:.3f} an hour, until you type:")
        self.progress.note(self.delete_command)

    def wait_for_deletion(self) -> None:
        """Wait until it is deleted; ask a second time if AWS fails at the first.

        Raises:
            WorkshopError: it cannot be deleted.
        """
        cloudformation = self.stack.cloudformation
        with self.progress.step(f"the stack {self.stack.name} is deleted", "clean-up") as status:
            if self.stack_id == self.stack.name:  # the answer to the launch was lost
                if not (found := described(cloudformation, self.stack.name)):
                    return
                self.stack_id = found[0]["StackId"]
            if self.follow(status, deletion=True) == "DELETE_FAILED":
                self.progress.note("once more, because that may help")
                cloudformation.delete_stack(StackName=self.stack_id)
                if self.follow(status, deletion=True) == "DELETE_FAILED":
                    raise WorkshopError(failure_of(cloudformation, self.stack_id))

    def left_over(self) -> str:
        """Say what of the stack is still in the account, and return that."""
        seconds, rest = GONE_SECONDS * self.account.slowness, [""]
        try:
            with suppress(WorkshopError):
                wait_until(lambda: not self.listed(rest), seconds, "an empty list", 1.0)
        except ClientError as error:
            self.progress.note(f"what is left in the account was not looked at: {error}")
            return ""
        found = ", ".join(rest)
        self.progress.note(f"left in the account: {found or 'nothing'}")
        return found

    def listed(self, rest: list[str]) -> list[str]:
        """Put what is left into the list, and return it.

        Subscriptions to a topic that is deleted do not count: SNS lists them for some hours more,
        and one that nobody has confirmed for two days (AWS "What's New", 2023-05-10, and
        https://github.com/getmoto/moto/pull/1028). They cost nothing.
        """
        found = left_over(self.account, self.stack.name)
        rest[:] = [each for each in found if not each.startswith(SUBSCRIPTION)]
        return rest

    def show_bill(self) -> None:
        """Say what the stack has cost."""
        assert self.launched
        seconds = time.monotonic() - self.launched
        dollars = bill(seconds, self.photos)
        self.progress.note(
            f"it cost about ${dollars:.4f}: {seconds / 60:.1f} minutes of the stack and "
            f"{self.photos} photos, at the prices of Instructions.md"
        )


def bill(seconds: float, photos: int) -> float:
    """US dollars for a stack that existed so long and got so many photos."""
    each = sum(prices.photo().values())
    return float(prices.stack_hour()) * seconds / 3600 + photos * float(each)


def sentence(event: Json) -> str:
    """An event in one line: what happened to which resource, and why it failed."""
    line = f"{event['ResourceStatus']} {event['LogicalResourceId']}"
    reason = event.get("ResourceStatusReason", "")
    return in_one_line(f"{line}: {reason}" if reason and "FAILED" in line else line)
