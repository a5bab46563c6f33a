"""The learner's steps before the one at which `start --at` joins.

What a learner has done in another way stays: their own reference photo, their own code.
"""

from __future__ import annotations

from collections.abc import Callable

import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from kit import samples
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import ManagedProcess
from kit.running import typed
from kit.stack.code import SOLUTION, deployed_files
from kit.stack.journey import PROCESSED, Journey
from kit.stack.stack import EMAIL, STACK_NAME, Stack, unique_name
from kit.stack.template import code_of
from kit.terminal import printable
from kit.waiting import wait_until

STOP_SECONDS = 5.0
EXERCISE = "RekognitionLambdaFunction"


class EarlierSteps:
    """Does steps on a running system.

    Args:
        system: the three emulators.
        console: where it says what is done.
        boot: boots the instances of new stacks.

    Attributes:
        streamer: ours, if step 5 was done.
    """

    def __init__(self, system: OfflineSystem, console: Console, boot: Callable[[], None]) -> None:
        self.system = system
        self.console = console
        self.boot = boot
        self.streamer: ManagedProcess | None = None

    def begin_anew(self) -> None:
        """Stop our streamer and delete the stack, with all that is in it.

        Raises:
            WorkshopError: the deletion fails, or the learner's own streamer is connected, which
                would go on with a delivery stream that is gone.
        """
        if self.streamer:
            self.system.children.remove(self.streamer)
            self.streamer.stop()
            self.streamer = None
        try:
            wait_until(lambda: not self.connected, STOP_SECONDS, "the end of the streamer")
        except WorkshopError:
            raise WorkshopError(
                "your streamer is connected. Stop it with Ctrl-C in its terminal, then start again."
            ) from None
        if stack := Stack.find(self.system.aws, instance.LOGICAL_ID):
            stack.delete()

    def do(self, before: int) -> None:
        """Do what comes before a step, as far as it is not done yet.

        A step that fails is named, and ends this: the workshop runs all the same.
        """
        tasks: dict[int, Callable[[], str | None]] = {
            3: self.launch,
            4: self.confirm_subscription,
            5: self.start_streamer,
            6: self.post_first,
            8: self.upload_reference,
            10: self.deploy_solution,
            11: lambda: self.post(samples.ANOTHER_MATCH),
        }
        for number, task in tasks.items():
            if number >= before:
                return
            try:
                note = task() or ""
            except (WorkshopError, ClientError, BotoCoreError, requests.RequestException) as error:
                self.say(f"Step {number} is not done, and the next ones are not tried: {error}")
                return
            self.say(f"Step {number} is done. {note}".rstrip())

    def say(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(Text(printable(text)), soft_wrap=True)

    @property
    def stack(self) -> Stack:
        """The launched stack.

        Raises:
            WorkshopError: there is none.
        """
        if stack := Stack.find(self.system.aws, instance.LOGICAL_ID):
            return stack
        raise WorkshopError("There is no stack; step 3 launches it.")

    @property
    def connected(self) -> bool:
        """Whether a streamer is connected to X."""
        return bool(self.system.admin("x").get("stats")["connected"])

    def launch(self) -> None:
        """Launch the stack, unless there is one, and boot its instance."""
        if not Stack.find(self.system.aws, instance.LOGICAL_ID):
            parameters = self.system.parameters(EMAIL)
            # A stack that failed keeps its name until it is deleted.
            taken = Stack(self.system.aws, STACK_NAME).exists()
            name = unique_name() if taken else STACK_NAME
            Stack.launch(self.system.aws, parameters, name=name)
        self.boot()

    def confirm_subscription(self) -> None:
        """Click the link in the confirmation mail."""
        self.stack.confirm_subscription()

    def start_streamer(self) -> None:
        """Start the streamer on the instance, unless the learner's own is connected already."""
        if self.connected:
            return
        root = self.system.folder / self.stack.resource(instance.LOGICAL_ID)
        self.streamer = instance.start_streamer(self.system, root)
        instance.wait_until_connected(self.streamer)

    def post_first(self) -> None:
        """Post a sample picture, unless there is a photo already."""
        if not self.stack.has_photos():
            self.post(samples.MATCH)

    def post(self, sample: str) -> None:
        """Post a sample picture, and wait until it is in the photos' bucket."""
        photo = samples.ensure()[sample].read_bytes()
        Journey.begin(self.stack, self.system.x, photo).reach(PROCESSED)

    def upload_reference(self) -> str:
        """Upload a sample picture as the reference photo, unless the learner has one there."""
        sample = samples.ensure()[samples.REFERENCE].read_bytes()
        stored = self.stack.reference()
        if stored not in (None, sample):
            return f"Your own {self.stack.reference_name()} stays."
        self.stack.upload_reference(sample)
        return ""

    def deploy_solution(self) -> str:
        """Put compareFaces.py over the starter, but not over the learner's own code."""
        functions = self.system.aws.client("lambda")
        name = self.stack.resource(EXERCISE)
        files = deployed_files(functions.get_function(FunctionName=name))
        code = files.get("index.py", b"").decode("utf-8", "replace").strip()
        solution = SOLUTION.read_text(encoding="utf-8")
        if len(files) == 1 and code == code_of(EXERCISE).strip():
            self.stack.replace_code(EXERCISE, solution)
        elif code != solution.strip():
            return f"Your own code stays in {EXERCISE}; the solution is {typed(SOLUTION)}."
        return ""
