"""The workshop's steps: which are done, which comes next, and what to type for it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field

from kit import running
from kit.page.documents import Doc
from kit.page.known import Known
from kit.stack.template import BODY_IN_SHELL

STACK_NAME = "celebrityrek"
# As one types it in the repository.
PARAMETERS = os.path.relpath(running.FOLDER / "parameters.json", running.REPOSITORY)
CLEAN_UP = "Clean up"


@dataclass
class Step:
    """A step, ticked off from what really happened in the stack and not from clicks."""

    title: str
    done: bool
    note: str
    commands: list[str] = field(default_factory=list)
    number: int | None = None
    next: bool = False


def listed(known: Known) -> list[Step]:
    """The steps as they are now, the clean-up last."""
    name = known.stack["name"] if known.stack else STACK_NAME
    hops, reference, launched = known.hops, known.reference, bool(known.ids)
    photos = known.ids.get("RekognitionBucket", "BUCKET")
    delivered = hops["TwitterBucket"].count > 0
    launch = "In the terminal with the lines that the start printed."
    if known.stack and not launched:
        launch = f"{name} is {known.stack['status']}."
        if known.stack["failure"]:
            launch += (
                f" {known.stack['failure']}. Delete it, then launch again: "
                f"aws cloudformation delete-stack --stack-name {name}"
            )
    return [
        Step(
            "Set up Twitter application",
            True,
            "Done from the beginning: the offline X has its keys already.",
        ),
        Step(
            "Create a new EC2 key pair",
            True,
            "Done from the beginning: offline, the instance is a folder on this computer.",
        ),
        Step(
            "Launch the stack",
            launched,
            launch,
            [
                f"aws cloudformation create-stack --stack-name {STACK_NAME} \\\n"
                f"  --template-body {BODY_IN_SHELL} \\\n"
                f"  --parameters file://{PARAMETERS} \\\n"
                "  --capabilities CAPABILITY_IAM"
            ],
        ),
        Step(
            "Confirm your email address for SNS subscription",
            launched and known.confirmed,
            "Open the mail on this page, and confirm.",
        ),
        Step(
            "Start the application to receive Twitter streaming data",
            launched and bool(known.x.get("connected")),
            "It was connected and is not any more. Start it again."
            if delivered
            else "The first command is your terminal on the instance; the second runs in it.",
            ["python scripts/workshop.py connect", "python twitter_streaming.py"],
        ),
        Step(
            "Tweet and review incoming Twitter metadata",
            launched and delivered,
            "Post a photo on this page, then look at TwitterBucket in the picture, or:",
            [f"aws s3 ls s3://{known.ids.get('TwitterBucket', 'BUCKET')} --recursive"],
        ),
        Step(
            "Review images extracted from Tweets",
            launched and hops["RekognitionBucket"].count > 0,
            "Look at RekognitionBucket in the picture, or:",
            [f"aws s3 ls s3://{photos}/images/"],
        ),
        Step(
            "Upload reference image for favorite celebrity",
            launched and bool(reference["etag"]) and not reference.get("problem"),
            "Choose it on this page, or:",
            [f"aws s3 cp me.jpg s3://{photos}/{reference['name']}"],
        ),
        Step(
            "Setup Cloud9 IDE",
            True,
            "Done from the beginning: offline, your own editor is the IDE.",
        ),
        Step(
            "Code to compare incoming images with the reference image (Exercise)",
            launched and known.code["compared"],
            "Take the starter, write your solution, check it and put it in. "
            "Done when your code has compared a photo.",
            [
                "mkdir -p exercise\n"
                "python scripts/inline_code.py extract RekognitionLambdaFunction exercise/index.py",
                "python scripts/workshop.py check exercise/index.py",
                "python -m zipfile -c exercise/function.zip exercise/index.py\n"
                "aws lambda update-function-code --zip-file fileb://exercise/function.zip \\\n"
                f"  --function-name {known.ids.get('RekognitionLambdaFunction', 'FUNCTION')}",
            ],
        ),
        Step(
            "Validate face comparison",
            launched and hops["MatchTopic"].count > 0,
            "Post another photo of the person on the reference photo, and wait for the mail.",
        ),
        Step(
            CLEAN_UP,
            False,
            "Stop the streamer with Ctrl-C, then delete the stack.",
            [f"aws cloudformation delete-stack --stack-name {name}"],
        ),
    ]


class Steps:
    """The steps with a memory: what was achieved stays so when the stack is deleted."""

    def __init__(self) -> None:
        self.stack_id = ""  # of the last stack
        self.achieved: set[str] = set()  # titles of its steps

    def of(self, known: Known) -> list[Doc]:
        """The steps for the page."""
        steps = listed(known)
        for number, step in enumerate(steps[:-1], start=1):
            step.number = number
        if known.stack and known.stack["id"] != self.stack_id:
            self.stack_id, self.achieved = known.stack["id"], set()
        if known.ids:
            self.achieved |= {step.title for step in steps if step.done}
        all_achieved = len(self.achieved) == len(steps) - 1
        if self.stack_id and not known.stack:
            self.tick_after_the_end(steps, all_achieved)
        elif known.ids and all_achieved and all(s.done or s.number == 5 for s in steps[:-1]):
            steps[4].done = True  # who has all may stop the streamer before the clean-up
        waiting = [step for step in steps if not step.done]
        if waiting:
            waiting[0].next = True
        return [asdict(step) for step in steps]

    def tick_after_the_end(self, steps: list[Step], all_achieved: bool) -> None:
        """The stack is deleted: all is done, or it is to be launched again."""
        for step in steps:
            step.done = step.done or step.title in self.achieved or step.title == CLEAN_UP
        if not all_achieved:
            steps[2].done = False
