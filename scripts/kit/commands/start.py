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
from collections.abc import Iterator
from pathlib import Path

import click
import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from kit import codespace, private, running
from kit.commands import browser
from kit.commands.earlier_steps import EarlierSteps
from kit.commands.errors import handle_errors
from kit.emulators import folders, instance
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.running import AGAIN, EXERCISE, FILE, FOLDER, HOME, Running, typed
from kit.stack.stack import EMAIL, STACK_NAME, Stack
from kit.stack.template import BODY_IN_SHELL

PARAMETERS = FOLDER / "parameters.json"
POLL_SECONDS = 0.5
# What AWS says of a stack that is just being deleted, or when it has ended itself.
UNANSWERED = (ClientError, BotoCoreError, requests.RequestException)
ROUNDS = 4  # in which it looks for new instances after a change
LAST_STEP = 11


@click.command()
@click.option("--fresh", is_flag=True, help="Forget everything from the last run.")
@click.option(
    "--at", "step", type=click.IntRange(1, LAST_STEP), help="Do what comes before a step."
)
@click.option("--no-browser", is_flag=True, help="Do not open the page in your browser.")
@handle_errors()
def start(fresh: bool, step: int | None, no_browser: bool) -> None:
    """Start the offline workshop and stay until Ctrl-C.

    The steps are yours; what you did is still there the next time.
    """
    running.shield()
    console = Console()
    try:
        with opened_home(fresh, console) as home, OfflineSystem(home=home) as system:
            wait_until_ready(system)
            Session(system, console).run(step or 1, browse=not no_browser)
    except KeyboardInterrupt:
        console.print("Stopped. Start again to go on where you were.")


@contextlib.contextmanager
def opened_home(fresh: bool, console: Console) -> Iterator[Path]:
    """The folder of the workshop's state, which is ours as long as the workshop runs.

    Args:
        fresh: whether to empty it first.
        console: where it says what was damaged in it.

    Raises:
        WorkshopError: the workshop runs already, or the state cannot be used.
    """
    private.make_folder(FOLDER)
    lock = folders.try_to_lock(FOLDER / folders.LOCK)
    if not lock:
        raise WorkshopError("The workshop runs already, in another terminal. Stop it there first.")
    with lock:
        for file in (FILE, AGAIN):
            file.unlink(missing_ok=True)  # of a run that was killed
        if fresh:
            folders.empty(HOME)
        for sentence in folders.repair(HOME):
            console.print(Text(sentence), style="yellow", soft_wrap=True)
        yield HOME


def wait_until_ready(system: OfflineSystem) -> None:
    """Wait until all servers answer.

    Raises:
        WorkshopError: one does not; the message has the way out.
    """
    try:
        system.wait_until_ready()
    except WorkshopError as error:
        raise WorkshopError(
            f"{error} If it does so again, what was saved may be the cause: start --fresh begins "
            f"anew and deletes it. It is in {typed(HOME)}; copy first what you need."
        ) from error


class Session:
    """A running workshop.

    Args:
        system: the three emulators, with a home that stays.
        console: where it says what happens.
    """

    def __init__(self, system: OfflineSystem, console: Console) -> None:
        self.system = system
        self.console = console
        self.aws = system.admin("aws")
        self.seen: list[int] = []  # what has happened in AWS: see `emulators.aws.changes`
        self.rounds_left = 0
        self.unsaved = ""  # why what the learner does is not saved
        self.earlier_steps = EarlierSteps(system, console, self.boot_instances)
        self.address = Running(
            region=system.aws.region,
            aws_url=system.aws.url,
            x_url=system.x_url,
            rekognition_url=system.rekognition_url,
            page_url=f"http://127.0.0.1:{system.ports['page']}",
            keys=system.keys,
        )

    def run(self, step: int, browse: bool = False) -> None:
        """Do what comes before a step, then stay until Ctrl-C and boot new instances.

        Raises:
            WorkshopError: an emulator ended, or a step failed.
        """
        try:
            self.announce()
            self.start_page()
            address = self.address.page_address
            self.console.print(f"The page of the workshop: {address}", soft_wrap=True)
            if browse and browser.has_display():
                browser.open_page(address)
            self.earlier_steps.do(before=step)
            self.console.print("The workshop runs. Ctrl-C stops it and keeps what you did.")
            while True:
                self.check_emulators()
                # A stack that is just being deleted, or an AWS that has ended: ask again.
                with contextlib.suppress(*UNANSWERED):
                    self.look_for_instances()
                self.start_again_if_asked()
                time.sleep(POLL_SECONDS)
        finally:
            FILE.unlink(missing_ok=True)  # the other commands look for it
            browser.FILE.unlink(missing_ok=True)

    def announce(self) -> None:
        """Let the other commands find us, and tell the learner how to go on."""
        self.address.save()
        self.write_parameters()
        self.console.print("In another terminal, so that the AWS CLI and boto3 find the workshop:")
        self.console.print('eval "$(python scripts/workshop.py env)"', highlight=False)
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
        private.write(PARAMETERS, json.dumps(listed, indent=2))

    def start_page(self) -> None:
        """Start the page, which finds the emulators in `running.json`."""
        ours = {"WORKSHOP_FOLDER": str(FOLDER), "WORKSHOP_EXERCISE": str(EXERCISE)}
        environment = ours | codespace.environment()
        page = self.system.start("kit.page", environment)
        page.wait_until_ready(f"{self.address.page_url}/_workshop/ready")

    def check_emulators(self) -> None:
        """See that all still run.

        Raises:
            WorkshopError: one has ended.
        """
        for child in self.system.children:
            if not child.running and child is not self.earlier_steps.streamer:
                raise WorkshopError(
                    f"{child.name} has ended. Its log: {child.log}. Start the workshop again; what "
                    "you did is kept."
                )

    def start_again_if_asked(self) -> None:
        """Begin anew, and do what comes before the step that the page has asked for."""
        try:
            step = int(AGAIN.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        AGAIN.unlink()
        self.console.print(f"The page asks to start again at step {step}.")
        try:
            self.earlier_steps.begin_anew()
        except (WorkshopError, *UNANSWERED) as error:
            self.earlier_steps.say(f"The stack is not deleted: {error}")
            return
        self.earlier_steps.do(before=step)

    def look_for_instances(self) -> None:
        """Boot new instances, if something has happened in AWS since the last rounds."""
        if (seen := self.aws.get("changes")) != self.seen:
            self.seen, self.rounds_left = seen, ROUNDS
        if self.rounds_left:
            self.check_saving()
            self.boot_instances()
            self.rounds_left -= 1

    def check_saving(self) -> None:
        """Tell the learner, once, when what they do is no longer saved, and when it is again."""
        problem = self.aws.get("saving")["problem"]
        if problem and not self.unsaved:
            self.console.print(
                f"What you do is not saved now ({problem}: {typed(HOME)}). Make room, or give the "
                "folder back to yourself; then it is saved, without a new start.",
                style="yellow",
                soft_wrap=True,
                markup=False,
            )
        elif self.unsaved and not problem:
            self.console.print("What you do is saved again.")
        self.unsaved = problem

    def boot_instances(self) -> None:
        """Write the files of instances that are new, and remove those of terminated ones."""
        stack = Stack.find(self.system.aws, instance.LOGICAL_ID)
        here = {path.name for path in self.system.folder.glob("i-*")}
        for gone in instance.terminated(self.system.aws, here):
            shutil.rmtree(self.system.folder / gone, ignore_errors=True)
        if stack and stack.resource(instance.LOGICAL_ID) not in here:
            instance.boot(self.system.folder, stack)
            self.console.print(
                f"The instance of {stack.name} has booted. Open a terminal on it, which is step 5: "
                "python scripts/workshop.py connect",
                markup=False,
            )
