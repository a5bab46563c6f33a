"""The workshop's steps: which are done, which comes next, and the commands for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kit import running
from kit.jsonl import Json
from kit.page.state import State
from kit.stack.template import BODY_IN_SHELL

STACK_NAME = "celebrityrek"
PARAMETERS = running.typed(running.FOLDER / "parameters.json")
CLEAN_UP = "clean-up"


def launch_note(state: State) -> str:
    """How the launch goes on, and what to do if it has failed."""
    stack = state.stack
    if not stack or state.ids:
        return "Under Launch: tick the box, and choose Launch. Or in the terminal:"
    note = f"{stack['name']} is {stack['status']}."
    if stack["failure"]:
        note += (
            f" {stack['failure']}. Delete it, then launch again: "
            f"aws cloudformation delete-stack --stack-name {stack['name']}"
        )
    return note


def streamer_note(state: State) -> str:
    """What to do for the streamer, which may have been connected before."""
    if state.stages["TwitterBucket"].count:
        return "It was connected and is not any more. Start it again."
    return (
        "Under Streamer: choose Start. Or in the terminal: the first command leads to the "
        "instance, and the second runs there."
    )


def clean_up_note(state: State) -> str:
    """How the deletion goes on, and what to do if it has failed."""
    stack = state.stack
    if not is_being_deleted(stack):
        return (
            "Stop the streamer, under Streamer or with Ctrl-C where it runs. Then delete the "
            "stack, under Launch or in the terminal:"
        )
    assert stack
    if stack["status"] == "DELETE_FAILED":
        return f"{stack['failure']}. Fix that, then delete the stack again."
    return f"{stack['name']} is being deleted; its buckets are emptied first."


def is_being_deleted(stack: Json | None) -> bool:
    """Whether the stack is on its way out, also if that has failed."""
    return bool(stack) and str((stack or {})["status"]).startswith("DELETE_")


def has_bad_reference(state: State) -> bool:
    """Whether the reference photo is there, and of no use."""
    return bool(state.reference.get("problem"))


@dataclass(frozen=True)
class Step:
    """A step, ticked off from what really happened in the stack and not from clicks.

    Attributes:
        id: of the step, for the page.
        title: as in Instructions.md.
        note: what to do, which may depend on the state.
        commands: to type; in braces are ids of resources, and names: see `names_of`.
        done: whether the state of a launched stack shows it; None: done from the beginning.
    """

    id: str
    title: str
    note: str | Callable[[State], str]
    commands: tuple[str, ...] = ()
    done: Callable[[State], bool] | None = None

    def is_done(self, state: State) -> bool:
        """Whether it is done now."""
        return self.done is None or (bool(state.ids) and self.done(state))


STEPS = (
    Step(
        "keys",
        "Set up Twitter application",
        "Done from the beginning: the offline X has its keys already.",
    ),
    Step(
        "key-pair",
        "Create a new EC2 key pair",
        "Done from the beginning: offline, the instance is a folder on this computer.",
    ),
    Step(
        "launch",
        "Launch the stack",
        launch_note,
        (
            f"aws cloudformation create-stack --stack-name {STACK_NAME} \\\n"
            f"  --template-body {BODY_IN_SHELL} \\\n"
            f"  --parameters file://{PARAMETERS} \\\n"
            "  --capabilities CAPABILITY_IAM",
        ),
        done=lambda state: bool(state.ids),
    ),
    Step(
        "confirm",
        "Confirm your email address for SNS subscription",
        "Under Mail: choose Confirm subscription.",
        done=lambda state: state.confirmed,
    ),
    Step(
        "stream",
        "Start the application to receive Twitter streaming data",
        streamer_note,
        ("python scripts/workshop.py connect", "python twitter_streaming.py"),
        done=lambda state: bool(state.x.get("connected")),
    ),
    Step(
        "tweet",
        "Tweet and review incoming Twitter metadata",
        "Post a photo, under X. Then look at its line under Data, in TwitterBucket, or in the "
        "terminal:",
        ("aws s3 ls s3://{TwitterBucket} --recursive",),
        done=lambda state: state.stages["TwitterBucket"].count > 0,
    ),
    Step(
        "images",
        "Review images extracted from Tweets",
        "Look at the photo under Data, in RekognitionBucket, or in the terminal:",
        ("aws s3 ls s3://{RekognitionBucket}/images/",),
        # With the reference in the same bucket, the learner has been there.
        done=lambda state: (
            state.stages["RekognitionBucket"].count > 0
            and bool("images" in state.seen or state.reference["etag"])
        ),
    ),
    Step(
        "reference",
        "Upload reference image for favorite celebrity",
        "Under Compare: choose a photo. Or in the terminal:",
        ("aws s3 cp me.jpg s3://{RekognitionBucket}/{reference}",),
        done=lambda state: bool(state.reference["etag"]) and not has_bad_reference(state),
    ),
    Step(
        "editor",
        "Setup Cloud9 IDE",
        "Under Code: the editor takes the starter into exercise/index.py. Or in the terminal, for "
        "an editor of your own:",
        (
            "mkdir -p exercise\n"
            "python scripts/inline_code.py extract RekognitionLambdaFunction exercise/index.py",
        ),
        done=lambda state: bool(state.exercise) or not state.code["starter"],
    ),
    Step(
        "exercise",
        "Code to compare incoming images with the reference image (Exercise)",
        "Write your function under Code, check it and deploy it, there or in the terminal. "
        "Done when your code has compared a photo and mailed a match.",
        (
            "python scripts/workshop.py check exercise/index.py",
            "python -m zipfile -c exercise/function.zip exercise/index.py\n"
            "aws lambda update-function-code --zip-file fileb://exercise/function.zip \\\n"
            "  --function-name {RekognitionLambdaFunction}",
        ),
        done=lambda state: bool(state.code["compared"]) and state.stages["MatchTopic"].count > 0,
    ),
    Step(
        "match",
        "Validate face comparison",
        "Post another photo of the person on the reference photo, and wait for the mail.",
        done=lambda state: state.stages["MatchTopic"].count > 0,
    ),
    Step(
        CLEAN_UP,
        "Clean up",
        clean_up_note,
        ("aws cloudformation delete-stack --stack-name {stack}",),
        done=lambda _: False,  # when the stack is gone: see `Steps`
    ),
)
WORK = {step.id for step in STEPS} - {CLEAN_UP}
# What the clean-up takes away first: the streamer, and what is in the buckets.
CLEANED_UP = {"stream", "tweet", "images", "reference"}


def names_of(state: State) -> dict[str, str]:
    """What the braces in commands stand for; a word in capitals as long as there is no stack."""
    return {
        "TwitterBucket": "BUCKET",
        "RekognitionBucket": "BUCKET",
        "RekognitionLambdaFunction": "FUNCTION",
        **state.ids,
        "stack": state.stack["name"] if state.stack else STACK_NAME,
        "reference": state.reference["name"],
    }


class Steps:
    """The steps; what was achieved stays so when the stack is deleted."""

    def __init__(self) -> None:
        self.stack_id = ""  # of the last stack
        self.achieved: set[str] = set()  # ids of its steps

    def of(self, state: State) -> list[Json]:
        """The steps for the page: which are done, and which is next."""
        done = self.done(state)
        following = next((step.id for step in STEPS if step.id not in done), None)
        if is_being_deleted(state.stack):
            following = CLEAN_UP
        names = names_of(state)
        return [
            {
                "id": step.id,
                "title": step.title,
                "number": None if step.id == CLEAN_UP else number,
                "done": step.id in done,
                "next": step.id == following,
                "note": step.note if isinstance(step.note, str) else step.note(state),
                "commands": [command.format_map(names) for command in step.commands],
            }
            for number, step in enumerate(STEPS, start=1)
        ]

    def done(self, state: State) -> set[str]:
        """The ids of the steps that are ticked off."""
        done = {step.id for step in STEPS if step.is_done(state)}
        if state.stack and state.stack["id"] != self.stack_id:
            self.stack_id, self.achieved = state.stack["id"], set()
        if state.ids:
            self.achieved |= done
        if is_being_deleted(state.stack):
            return done | self.achieved
        all_achieved = self.achieved == WORK
        if self.stack_id and not state.stack:  # deleted: all is done, or it is to be launched again
            done |= self.achieved | {CLEAN_UP}
            return done if all_achieved else done - {"launch"}
        only_cleaned_up = WORK - done <= CLEANED_UP and not has_bad_reference(state)
        if state.ids and all_achieved and only_cleaned_up:
            done |= CLEANED_UP  # the stack's status tells of the clean-up only later
        return done
