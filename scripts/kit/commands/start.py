"""`workshop.py start`: the workshop that stays: the emulators run, and the learner does the steps.

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

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from kit import running, samples
from kit.commands.errors import handle_errors
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import ManagedProcess
from kit.running import FILE, FOLDER, HOME, Running
from kit.stack.code import SOLUTION
from kit.stack.journey import PROCESSED, Journey
from kit.stack.stack import EMAIL, STACK_NAME, Stack
from kit.stack.template import BODY_IN_SHELL

PARAMETERS = FOLDER / "parameters.json"
POLL_SECONDS = 0.5
LAST_STEP = 11


@click.command()
@click.option("--fresh", is_flag=True, help="Forget everything from the last run.")
@click.option(
    "--at", "step", type=click.IntRange(1, LAST_STEP), help="Do what comes before a step."
)
@handle_errors()
def start(fresh: bool, step: int | None) -> None:
    """Start the offline workshop and stay until Ctrl-C.

    The steps are yours; what you did is still there the next time.
    """
    console = Console()
    try:
        with OfflineSystem(home=open_home(fresh)) as system:
            system.wait_until_ready()
            Session(system, console).run(step or 1)
    except KeyboardInterrupt:
        console.print("Stopped. Start again to go on where you were.")


def open_home(fresh: bool) -> Path:
    """The folder of the workshop's state; emptied to begin anew.

    Raises:
        WorkshopError: the workshop runs already.
    """
    if running.find():
        raise WorkshopError("The workshop runs already, in another terminal. Stop it there first.")
    if fresh:
        shutil.rmtree(HOME, ignore_errors=True)
    return HOME


class Session:
    """A running workshop.

    Args:
        system: the three emulators, with a home that stays.
        console: where it says what happens.
    """

    def __init__(self, system: OfflineSystem, console: Console) -> None:
        self.system = system
        self.console = console
        self.streamer: ManagedProcess | None = None  # ours; the learner may stop it
        self.address = Running(
            region=system.aws.region,
            aws_url=system.aws.url,
            x_url=system.x_url,
            rekognition_url=system.rekognition_url,
            page_url=f"http://127.0.0.1:{system.ports['page']}",
            keys=system.keys,
        )

    def run(self, step: int) -> None:
        """Do what comes before a step, then stay until Ctrl-C and boot new instances.

        Raises:
            WorkshopError: an emulator ended, or a step failed.
        """
        try:
            self.announce()
            self.start_page()
            self.console.print(f"The page of the workshop: {self.address.page_url}", soft_wrap=True)
            self.do_steps_before(step)
            self.console.print("The workshop runs. Ctrl-C stops it and keeps what you did.")
            while True:
                self.check_emulators()
                # A stack that is just being deleted, or an AWS that has ended: ask again.
                with contextlib.suppress(ClientError, BotoCoreError):
                    self.boot_instances()
                time.sleep(POLL_SECONDS)
        finally:
            FILE.unlink(missing_ok=True)  # the other commands look for it

    def announce(self) -> None:
        """Let the other commands find us, and tell the learner how to go on."""
        self.address.save()
        self.write_parameters()
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

    def write_parameters(self) -> None:
        """Write the stack's parameters, as create-stack reads them."""
        parameters = self.system.parameters(EMAIL)
        listed = [{"ParameterKey": n, "ParameterValue": v} for n, v in parameters.items()]
        PARAMETERS.touch(0o600)
        PARAMETERS.write_text(json.dumps(listed, indent=2))

    def start_page(self) -> None:
        """Start the page, which finds the emulators in `running.json`."""
        page = self.system.start("kit.page", {"WORKSHOP_FOLDER": str(FOLDER)})
        page.wait_until_ready(f"{self.address.page_url}/_workshop/ready")

    def check_emulators(self) -> None:
        """See that all still run.

        Raises:
            WorkshopError: one has ended.
        """
        for child in self.system.children:
            if not child.running and child is not self.streamer:
                raise WorkshopError(
                    f"{child.name} has ended. Its log: {child.log}. Start the workshop again; what "
                    "you did is kept."
                )

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

    # The learner's steps, for those who join later

    def do_steps_before(self, step: int) -> None:
        """Do what comes before a step, as far as it is not done yet."""
        tasks: dict[int, Callable[[], None]] = {
            3: self.launch,
            4: self.confirm_subscription,
            5: self.start_streamer,
            6: lambda: self.post(samples.MATCH),
            8: self.upload_reference,
            10: self.deploy_solution,
            11: lambda: self.post(samples.ANOTHER_MATCH),
        }
        for number, task in tasks.items():
            if number < step:
                task()
                self.console.print(f"Step {number} is done.")

    @property
    def stack(self) -> Stack:
        """The launched stack.

        Raises:
            WorkshopError: there is none.
        """
        if stack := Stack.find(self.system.aws, instance.LOGICAL_ID):
            return stack
        raise WorkshopError("There is no stack; step 3 launches it.")

    def launch(self) -> None:
        """Launch the stack, unless there is one, and boot its instance."""
        if not Stack.find(self.system.aws, instance.LOGICAL_ID):
            Stack.launch(self.system.aws, self.system.parameters(EMAIL), name=STACK_NAME)
        self.boot_instances()

    def confirm_subscription(self) -> None:
        """Click the link in the confirmation mail."""
        self.stack.confirm_subscription()

    def start_streamer(self) -> None:
        """Start the streamer on the instance."""
        root = self.system.folder / self.stack.resource(instance.LOGICAL_ID)
        self.streamer = instance.start_streamer(self.system, root)
        instance.wait_until_connected(self.streamer)

    def post(self, sample: str) -> None:
        """Post a sample picture, and wait until it is in the photos' bucket."""
        photo = samples.ensure()[sample].read_bytes()
        Journey.begin(self.stack, self.system.x, photo).reach(PROCESSED)

    def upload_reference(self) -> None:
        """Upload a sample picture as the reference photo."""
        self.stack.upload_reference(samples.ensure()[samples.REFERENCE].read_bytes())

    def deploy_solution(self) -> None:
        """Put compareFaces.py over the starter."""
        self.stack.replace_code("RekognitionLambdaFunction", SOLUTION.read_text())
