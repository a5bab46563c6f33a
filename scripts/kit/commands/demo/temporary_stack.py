"""A stack that exists as long as a demo: whatever ends the demo, the stack is deleted.

AWS: CloudFormation API Reference, "CreateStack" and "DeleteStack": a stack that is still being
created can be deleted, and deleting one that does not exist is no error.
"""

from __future__ import annotations

import time
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError

from kit import prices
from kit.aws_client import Account
from kit.commands.demo.logs import save_function_logs
from kit.commands.demo.progress import Progress
from kit.errors import WorkshopError
from kit.jsonl import Json
from kit.stack.events import Events
from kit.stack.find import described, failure_of
from kit.stack.inventory import left_over
from kit.stack.stack import Stack
from kit.terminal import stops_later
from kit.waiting import wait_until

BEGUN = "Resource creation Initiated"  # the second event of a resource that is being created
GONE_SECONDS = 12.0  # what is deleted may be listed for a while; on AWS for a minute


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
        with self.progress.step(f"the stack {self.stack.name} is launched", "launch"):
            with stops_later():
                self.launched = time.monotonic()
                try:
                    self.stack_id = self.stack.create(parameters)
                except ClientError:  # AWS has not taken it; after another error it may have
                    self.launched = None
                    raise
            status = self.follow(deletion=False)
        if status != "CREATE_COMPLETE":
            failure = failure_of(self.stack.cloudformation, self.stack_id)
            raise WorkshopError(f"The stack was not created: {failure}")

    def follow(self, deletion: bool) -> str:
        """Show the events until the creation, or the deletion, has ended; return how."""
        started, status = time.monotonic(), ""
        if self.events.stack_id != self.stack_id:
            slowness = self.account.slowness
            self.events = Events(self.stack.cloudformation, self.stack_id, slowness)
        for event in self.events.follow(deletion):
            status = event["ResourceStatus"]
            if event.get("ResourceStatusReason") != BEGUN:
                self.progress.show(sentence(event), time.monotonic() - started)
        return status

    def __enter__(self) -> TemporaryStack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.launched is None:
            return
        if isinstance(error, Exception):
            folder = save_function_logs(self.stack)
            self.progress.note(f"it failed; what the functions printed is in {folder}")
        if self.keep:
            self.progress.note(f"the stack stays, for ${self.hourly:.3f} an hour, until you type:")
            self.progress.note(self.delete_command)
            return
        self.progress.console.rule("Clean up", align="left")
        try:
            self.delete()
        except KeyboardInterrupt:
            self.progress.note("AWS goes on with the deletion. Whether it has ended, says:")
            self.progress.note(f"aws cloudformation describe-stacks --stack-name {self.stack.name}")
            raise
        except (BotoCoreError, ClientError, WorkshopError) as failure:
            before = f"{error} Then the" if isinstance(error, Exception) else "The"
            raise WorkshopError(
                f"{before} stack could not be deleted ({failure}), and goes on to cost "
                f"${self.hourly:.3f} an hour. Delete it: {self.delete_command}"
            ) from failure
        self.show_bill()

    @property
    def hourly(self) -> float:
        """US dollars that the stack costs in an hour."""
        return float(prices.stack_hour())

    @property
    def delete_command(self) -> str:
        """What deletes the stack."""
        return f"aws cloudformation delete-stack --stack-name {self.stack.name}"

    def delete(self) -> None:
        """Delete it, a second time if AWS fails at the first; list what is left.

        Raises:
            WorkshopError: something is left.
        """
        cloudformation = self.stack.cloudformation
        with self.progress.step(f"the stack {self.stack.name} is deleted", "clean-up"):
            with stops_later():
                cloudformation.delete_stack(StackName=self.stack_id)
            if self.stack_id == self.stack.name:  # the answer to the launch was lost
                if not (found := described(cloudformation, self.stack.name)):
                    return
                self.stack_id = found[0]["StackId"]
            if self.follow(deletion=True) == "DELETE_FAILED":
                self.progress.note("once more, because that may help")
                cloudformation.delete_stack(StackName=self.stack_id)
                if self.follow(deletion=True) == "DELETE_FAILED":
                    raise WorkshopError(failure_of(cloudformation, self.stack_id))
        self.list_left_over()

    def list_left_over(self) -> None:
        """Say what of the stack is still in the account.

        Raises:
            WorkshopError: something is.
        """
        seconds = GONE_SECONDS * self.account.slowness
        try:
            wait_until(lambda: not left_over(self.account, self.stack.name), seconds, "nothing", 1)
            rest = []
        except WorkshopError:
            rest = left_over(self.account, self.stack.name)
        except ClientError as error:
            self.progress.note(f"what is left in the account was not looked at: {error}")
            return
        self.progress.note(f"left in the account: {', '.join(rest) or 'nothing'}")
        if rest:
            raise WorkshopError(f"this is left of it: {', '.join(rest)}")

    def show_bill(self) -> None:
        """Say what the stack has cost."""
        assert self.launched
        seconds = time.monotonic() - self.launched
        dollars = bill(seconds, self.photos)
        self.progress.note(
            f"it cost about ${dollars:.4f}: {seconds / 60:.0f} minutes of the stack and "
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
    return f"{line}: {reason}" if reason and "FAILED" in line else line
