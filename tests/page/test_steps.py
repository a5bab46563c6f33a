"""The steps' table: as in Instructions.md, ticked off by the state."""

from __future__ import annotations

import pytest

from kit.page.state import State
from kit.page.steps import CLEAN_UP, STEPS, Steps
from support import instructions

pytestmark = pytest.mark.unit

FROM_THE_BEGINNING = ["keys", "key-pair"]


def launched(identity: str = "stack/1") -> State:
    """The state with a stack, in which nothing has happened yet."""
    state = State()
    state.stack = {"id": identity, "name": "mine", "status": "CREATE_COMPLETE", "failure": ""}
    state.ids = {"TwitterBucket": "mine-twitter", "RekognitionBucket": "mine-rekognition"}
    return state


def finish(state: State) -> None:
    state.confirmed = state.x["connected"] = state.code["compared"] = True
    state.reference["etag"] = "1"
    state.exercise = "tag"
    for stage in ("TwitterBucket", "RekognitionBucket", "MatchTopic"):
        state.stages[stage].arrived("2026-01-01T00:00:00.000Z")


def done(steps: Steps, state: State) -> list[str]:
    return [step["id"] for step in steps.of(state) if step["done"]]


def following(steps: Steps, state: State) -> list[str]:
    return [step["id"] for step in steps.of(state) if step["next"]]


def test_titles_are_those_of_the_instructions() -> None:
    headings = [title for level, title in instructions.HEADINGS if level == "##"]
    for number, step in enumerate(STEPS, start=1):
        assert (step.title if step.id == CLEAN_UP else f"{number}. {step.title}") in headings


def test_without_a_stack_only_the_beginning_is_done() -> None:
    steps = Steps()
    assert done(steps, State()) == FROM_THE_BEGINNING
    assert following(steps, State()) == ["launch"]
    assert "s3://BUCKET --recursive" in steps.of(State())[5]["commands"][0]


def test_commands_name_the_resources_of_the_stack() -> None:
    commands = [command for step in Steps().of(launched()) for command in step["commands"]]
    assert "aws s3 cp me.jpg s3://mine-rekognition/celebrity.jpg" in commands
    assert commands[-1] == "aws cloudformation delete-stack --stack-name mine"
    assert not any("{" in command for command in commands)


def test_a_failed_launch_tells_why_and_how_to_go_on() -> None:
    state = launched()
    state.ids = {}
    state.stack = {"id": "1", "name": "mine", "status": "ROLLBACK_COMPLETE", "failure": "A: b"}
    note = Steps().of(state)[2]["note"]
    assert note.startswith("mine is ROLLBACK_COMPLETE. A: b. Delete it")
    assert note.endswith("delete-stack --stack-name mine")


def test_the_clean_up_may_begin_when_all_is_achieved() -> None:
    steps, state = Steps(), launched()
    state.x["connected"] = True
    assert following(steps, state) == ["confirm"]
    state.x["connected"] = False
    assert following(steps, state) == ["confirm"]
    finish(state)
    assert following(steps, state) == [CLEAN_UP]
    state.x["connected"] = False
    assert following(steps, state) == [CLEAN_UP]
    state.reference["etag"] = None  # the buckets are emptied
    state.stages["TwitterBucket"].count = state.stages["RekognitionBucket"].count = 0
    assert following(steps, state) == [CLEAN_UP]


def test_what_the_learner_spoils_is_to_be_done_again_although_all_was_achieved() -> None:
    steps, state = Steps(), launched()
    finish(state)
    state.x["connected"] = True
    assert following(steps, state) == [CLEAN_UP]
    state.reference["problem"] = "No face is found in it."
    assert following(steps, state) == ["reference"]
    del state.reference["problem"]
    assert following(steps, state) == [CLEAN_UP]
    state.code["compared"] = False  # it is other code
    assert following(steps, state) == ["exercise"]


def test_what_is_to_be_looked_at_is_done_by_looking() -> None:
    state = launched()
    state.stages["RekognitionBucket"].arrived("2026-01-01T00:00:00.000Z")
    assert "images" not in done(Steps(), state)
    state.seen.add("images")
    assert "images" in done(Steps(), state)
    state.seen.clear()
    state.reference["etag"] = "1"  # it goes into the same bucket
    assert "images" in done(Steps(), state)


def test_the_editor_is_set_up_with_the_first_file() -> None:
    state = launched()
    assert "editor" not in done(Steps(), state)
    state.exercise = "tag"
    assert "editor" in done(Steps(), state)


def test_the_exercise_is_not_done_with_its_first_part() -> None:
    state = launched()
    state.code |= {"starter": False, "compared": True}
    assert "exercise" not in done(Steps(), state)
    state.stages["MatchTopic"].arrived("2026-01-01T00:00:00.000Z")
    assert "exercise" in done(Steps(), state)


def test_while_the_stack_is_deleted_nothing_is_to_be_launched() -> None:
    steps, state = Steps(), launched()
    finish(state)
    achieved = done(steps, state)
    state.ids = {}
    assert state.stack
    state.stack |= {"status": "DELETE_IN_PROGRESS"}
    assert (done(steps, state), following(steps, state)) == (achieved, [CLEAN_UP])
    assert steps.of(state)[-1]["note"].startswith("mine is being deleted")
    state.stack |= {"status": "DELETE_FAILED", "failure": "Bucket: it is not empty"}
    assert following(steps, state) == [CLEAN_UP]
    assert steps.of(state)[-1]["note"].startswith("Bucket: it is not empty. Fix that")


def test_deleting_the_stack_ends_it_or_begins_it_again() -> None:
    steps, state = Steps(), launched()
    steps.of(state)
    state.forget_stack()
    assert following(steps, state) == ["launch"]
    state = launched("stack/2")
    finish(state)
    assert following(steps, state) == [CLEAN_UP]
    state.forget_stack()
    assert following(steps, state) == []
    assert following(steps, launched("stack/3")) == ["confirm"]
