"""The code in Instructions.md: the exercise's hints, and the solutions of the extra exercises."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.stack.code import SOLUTION
from kit.stack.stack import Stack
from support import REPOSITORY, instructions, wait_until
from support.photos import Photos, side_by_side
from support.stub_server import Answer, StubServer

FUNCTION = "RekognitionLambdaFunction"
PYTHON = [block for block in instructions.blocks() if block.language == "python"]
HINTS = [block.text for block in PYTHON if block.section.startswith("10.")]
STRANGERS, THRESHOLD, WEBHOOK = (b.text for b in PYTHON if b.section == "For instructors")


@pytest.fixture
def face(pictures: dict[str, Path]) -> Callable[[str], bytes]:
    return lambda name: pictures[f"{name}.jpg"].read_bytes()


@pytest.fixture(scope="module")
def deploy(stack: Stack, pictures: dict[str, Path]) -> Callable[..., Photos]:
    """Put compareFaces.py and a solution below it into the function."""
    photos = Photos(stack)
    photos.put_reference(pictures["obama.jpg"].read_bytes())
    functions = stack.aws.client("lambda")
    name = stack.resource(FUNCTION)
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def put(solution: str, **variables: str) -> Photos:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before | variables}
        )
        stack.replace_code(FUNCTION, f"{SOLUTION.read_text()}\n\n{solution}")
        return photos

    return put


def test_the_four_hints_together_solve_the_exercise(tmp_path: Path) -> None:
    assert len(HINTS) == 4
    file = tmp_path / "hints.py"
    file.write_text("\n\n".join(HINTS))
    command = [sys.executable, str(REPOSITORY / "scripts" / "workshop.py"), "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def functions(code: str) -> dict[str, ast.FunctionDef]:
    found = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    return {function.name: function for function in found}


def variables(code: str) -> set[str]:
    stored = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)]
    return {name.id for name in stored if isinstance(name.ctx, ast.Store)}


@pytest.mark.unit
def test_hints_and_solution_have_the_same_names() -> None:
    hints, solution = "\n\n".join(HINTS), SOLUTION.read_text()
    for name, hint in functions(hints).items():
        same = functions(solution)[name]
        parameters = [argument.arg for argument in hint.args.args]
        assert [argument.arg for argument in same.args.args][: len(parameters)] == parameters
    assert set(functions(solution)) == set(functions(hints))
    assert variables(hints) <= variables(solution)


@pytest.mark.unit
def test_hints_and_solution_compare_alike_and_tell_errors_apart_alike() -> None:
    compare = functions(SOLUTION.read_text())["compare"]
    compare.body = compare.body[1:]  # without the docstring
    assert ast.dump(compare) == ast.dump(functions(HINTS[0])["compare"])
    for code in (*HINTS, SOLUTION.read_text()):
        assert "ClientError" not in code
        assert (
            re.findall(r"except (?!\(?rekognition\.exceptions|tuple|Exc|table\.meta)", code) == []
        )


def test_the_strangers_are_counted(
    deploy: Callable[..., Photos], face: Callable[[str], bytes]
) -> None:
    photos = deploy(STRANGERS)
    media_key = photos.put(side_by_side(face("obama2"), face("biden")), text="both")
    assert photos.outcome(media_key) == "match"
    line = f"Faces that do not match on images/{media_key}.jpg: 1"
    wait_until(lambda: line in photos.log())


@pytest.mark.parametrize(
    ("threshold", "outcome", "mails"), [("100", "perhaps", 0), ("81", "match", 1)]
)
def test_the_mail_has_a_threshold_of_its_own(
    deploy: Callable[..., Photos],
    face: Callable[[str], bytes],
    threshold: str,
    outcome: str,
    mails: int,
) -> None:
    photos = deploy(THRESHOLD, MAIL_THRESHOLD=threshold)
    media_key = photos.put(face("obama3"), text=threshold)
    assert photos.outcome(media_key) == outcome
    wait_until(lambda: f"images/{media_key}.jpg: {outcome}" in photos.log())
    assert len(photos.mails(media_key)) == mails


def test_the_chat_is_told_instead_of_the_inbox(
    deploy: Callable[..., Photos], face: Callable[[str], bytes]
) -> None:
    chat = StubServer(Answer(204))
    photos = deploy(WEBHOOK, WEBHOOK_URL=f"{chat.url}/hook")
    media_key = photos.put(face("obama2"), text="in the chat")
    wait_until(lambda: f"images/{media_key}.jpg: match" in photos.log())
    chat.close()
    (told,) = map(json.loads, chat.bodies)
    assert "% similar, posted by @learner: in the chat" in told["text"]
    assert photos.mails(media_key) == []
