"""Why Lambda cannot load a function's code, and how the learner corrects it."""

from __future__ import annotations

import pytest

from doctor.checked_workshop import fake_context
from kit.commands.doctor import function_code
from kit.commands.doctor.finding import REKOGNITION, TWITTER
from kit.commands.doctor.function_code import how_to_correct, is_starter, load_error
from kit.stack.template import code_of

pytestmark = pytest.mark.unit

HANDLER = "index.lambda_handler"
GOOD = "def lambda_handler(event, context):\n    return 1\n"


@pytest.mark.parametrize(
    ("files", "handler", "error"),
    [
        ({"index.py": GOOD}, HANDLER, ""),
        ({"index.py": "lambda_handler = print\n"}, HANDLER, ""),
        ({"index.py": "from other import lambda_handler\n", "other.py": GOOD}, HANDLER, ""),
        ({"index.py": "from other import main as lambda_handler\n"}, HANDLER, ""),
        ({"index.py": "from other import *\n"}, HANDLER, ""),
        ({"index.py": "# def lambda_handler\n'lambda_handler'\n"}, HANDLER, "has no function"),
        ({"index.py": "import other as lambda_handle\n"}, HANDLER, "index.py has no function"),
        ({"index.py": GOOD}, "index.main", "index.py has no function main"),
        ({"index.py": GOOD + "def f(:\n"}, HANDLER, "index.py, line 3: "),
        ({"index.py": "x = 1\0"}, HANDLER, "null byte"),
        ({}, HANDLER, "there is no index.py, which the handler index.lambda_handler needs"),
        ({"b.py": "", "a.py": GOOD}, HANDLER, "needs, only a.py, b.py"),
    ],
)
def test_code_that_cannot_be_loaded(files: dict[str, str], handler: str, error: str) -> None:
    found = load_error(files, handler)
    assert error in found
    assert bool(found) == bool(error)


EDITOR = "https://console/lambda"


@pytest.mark.parametrize(
    ("function", "code", "endpoint", "told"),
    [
        (TWITTER, code_of(TWITTER), "", "The code is the template's. Post again"),
        (TWITTER, GOOD, "", f"inline_code.py extract {TWITTER} index.py && python -m zipfile"),
        (REKOGNITION, GOOD, "", f"in the editor (step 10), deploy it, and post again: {EDITOR}"),
        (REKOGNITION, GOOD, "http://127.0.0.1:1", "Correct the code in index.py, then: python"),
    ],
)
def test_how_code_is_corrected(
    monkeypatch: pytest.MonkeyPatch, function: str, code: str, endpoint: str, told: str
) -> None:
    monkeypatch.setattr(function_code, "deployed_files", lambda _: {"index.py": code.encode()})
    context = fake_context()
    context.endpoint = endpoint
    context.outputs = {"RekognitionLambdaFunctionEditor": EDITOR}
    assert told in how_to_correct(context, function)


def test_only_python_files_beside_the_handler_are_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    starter = code_of(REKOGNITION).encode()
    files = {"index.py": b"\n" + starter, "more/a.py": b"", "data.txt": b"\xff", "b.py": b"\xff"}
    monkeypatch.setattr(function_code, "deployed_files", lambda _: files)
    context = fake_context()
    assert function_code.source(context, REKOGNITION).keys() == {"index.py", "b.py"}
    assert is_starter(context, REKOGNITION)
    files["index.py"] = starter + b"# mine\n"
    assert not is_starter(fake_context(), REKOGNITION)
