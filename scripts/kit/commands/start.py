"""The workshop that stays: the emulators run, and the learner does the steps.

What offline mode adds to the learner's steps is small: when a stack with an instance has been
launched, the instance "boots", that is, its files are written to a folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from kit import running, samples
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import ManagedProcess, is_free
from kit.running import FILE, FOLDER, Running
from kit.stack.code import SOLUTION
from kit.stack.journey import PROCESSED, Journey
from kit.stack.stack import EMAIL, STACK_NAME, Stack
from kit.stack.template import BODY_IN_SHELL

HOME = FOLDER / "home"
PARAMETERS = FOLDER / "parameters.json"
POLL_SECONDS = 0.5
LAST_STEP = 11


class Session:
    """A running workshop.

    Args:
        system: the three emulators, with a home that stays.
        console: where it says what happens.
    """

    def __init__(self, system: OfflineSystem, console: Console) -> None:
        self.system = system
        self.console = console
        self.streamer: ManagedProcess | None = None
        self.address = Running(
            region=system.aws.region,
            aws_url=system.aws.url,
            x_url=system.x_url,
            rekognition_url=system.rekognition_url,
            page_url=f"http://127.0.0.1:{system.ports['page']}",
            keys=system.keys,
        )

    def announce(self) -> None:
        """Let the other commands find us, and tell the learner how to."""
        self.address.save()
        parameters = self.system.parameters(EMAIL)
        PARAMETERS.touch(0o600)
        PARAMETERS.write_text(
            json.dumps(
                [{"ParameterKey": n, "ParameterValue": v} for n, v in parameters.items()], indent=2
            )
        )
        self.console.print("In another terminal, so that the AWS CLI and boto3 find the workshop:")
        self.console.print('eval "$(python scripts/workshop.py env)"', highlight=False)
        self.console.print("which does the same as these lines:")
        self.console.print(self.address.export_lines(), highlight=False, soft_wrap=True)
        self.console.print("Then launch the stack, which is step 3:")
        self.console.print(
            f"aws cloudformation create-stack --stack-name {STACK_NAME} --capabilities "
            f"CAPABILITY_IAM --template-body {BODY_IN_SHELL} --parameters "
            f"file://{os.path.relpath(PARAMETERS)}",
            highlight=False,
            soft_wrap=True,
        )

    def run(self, step: int) -> None:
        """Catch up to a step, then stay until Ctrl-C and boot the instances of new stacks.

        Raises:
            WorkshopError: an emulator ended, or a step failed.
        """
        try:
            self.announce()
            self.start_page()
            self.console.print(f"The page of the workshop: {self.address.page_url}", soft_wrap=True)
            self.catch_up(step)
            self.console.print("The workshop runs. Ctrl-C stops it and keeps what you did.")
            while True:
                for child in self.system.children:
                    if not child.running and child is not self.streamer:
                        raise WorkshopError(
                            f"{child.name} has ended. Its log: {child.log}. Start the workshop "
                            "again; what you did is kept."
                        )
                # A stack that is just being deleted, or an AWS that has ended: look again.
                with contextlib.suppress(ClientError, BotoCoreError):
                    self.boot_instances()
                time.sleep(POLL_SECONDS)
        finally:
            FILE.unlink(missing_ok=True)  # the other commands look for it

    def start_page(self) -> None:
        """Start the page, which finds the emulators in `running.json`."""
        page = self.system.start("kit.page", {"WORKSHOP_FOLDER": str(FOLDER)})
        page.wait_until_ready(f"{self.address.page_url}/_workshop/ready")

    def boot_instances(self) -> None:
        """Write the files of instances that are new, and remove those of terminated ones."""
        stack = Stack.find(self.system.aws, instance.LOGICAL_ID)
        here = {path.name for path in self.system.folder.glob("i-*")}
        wanted = {stack.resource(instance.LOGICAL_ID)} if stack else set()
        for gone in here - wanted:
            shutil.rmtree(self.system.folder / gone, ignore_errors=True)
        if stack and not wanted <= here:
            instance.boot(self.system.folder, stack)
            self.console.print(
                f"The instance of {escape(stack.name)} has booted. Open a terminal on it, which is "
                "step 5: python scripts/workshop.py connect"
            )

    def catch_up(self, step: int) -> None:
        """Do what comes before a step, as far as it is not done yet."""
        tasks: dict[int, Callable[[], None]] = {
            3: self._launch,
            4: self._confirm,
            5: self._stream,
            6: lambda: self._tweet("obama.jpg"),
            8: self._upload_reference,
            10: self._solve,
            11: lambda: self._tweet("obama2.jpg"),
        }
        for number, task in tasks.items():
            if number < step:
                task()
                self.console.print(f"Step {number} is done.")

    def _stack(self) -> Stack:
        stack = Stack.find(self.system.aws, instance.LOGICAL_ID)
        if not stack:
            raise WorkshopError("There is no stack; step 3 launches it.")
        return stack

    def _launch(self) -> None:
        if not Stack.find(self.system.aws, instance.LOGICAL_ID):
            Stack.launch(self.system.aws, self.system.parameters(EMAIL), name=STACK_NAME)
        self.boot_instances()

    def _confirm(self) -> None:
        self._stack().confirm_subscription()

    def _stream(self) -> None:
        root = self.system.folder / self._stack().resource(instance.LOGICAL_ID)
        self.streamer = instance.start_streamer(self.system, root)
        instance.wait_until_connected(self.streamer)

    def _tweet(self, name: str) -> None:
        media_id = self.system.x.upload(samples.ensure()[name].read_bytes())
        post_id = self.system.x.post("Look who is here", [media_id])
        journey = Journey(self._stack(), post_id, media_id)
        journey.reach(PROCESSED)

    def _upload_reference(self) -> None:
        bucket = self._stack().resource("RekognitionBucket")
        photo = samples.ensure()["obama3.jpg"]
        self.system.aws.client("s3").upload_file(str(photo), bucket, "celebrity.jpg")

    def _solve(self) -> None:
        self._stack().replace_code("RekognitionLambdaFunction", SOLUTION.read_text())


def open_home(fresh: bool) -> Path:
    """The folder of the workshop's state; emptied to begin anew.

    Raises:
        WorkshopError: the workshop runs already.
    """
    other = running.load()
    if other and not is_free(int(other.aws_url.rpartition(":")[2])):
        raise WorkshopError("The workshop runs already, in another terminal. Stop it there first.")
    if fresh:
        shutil.rmtree(HOME, ignore_errors=True)
    return HOME
