"""The exercise on the page: the learner's file, its deployment, and tests of the deployed function.

The code has three states: in the editor, on disk, and deployed. Each has a tag, which is computed
from its text; where two tags are equal, so are the texts.
"""

from __future__ import annotations

import base64
import difflib
import json
import re
import shlex
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.exceptions import HTTPException

from kit import private
from kit.jsonl import Json
from kit.page.events import Events
from kit.page.formatting import tag_of
from kit.page.services import Services
from kit.page.state import State
from kit.stack.code import SOLUTION, deployed_code, replace_code
from kit.stack.template import code_of

FUNCTION = "RekognitionLambdaFunction"
MAX_CHARACTERS = 200_000  # of the file; compareFaces.py has 5,000
INVOKE_SECONDS = 200  # more than the function's timeout


class Exercise:
    """The learner's code, on disk and in the function.

    Raises:
        HTTPException: from each method, when it cannot be done; the detail is for the learner.
    """

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state
        self.events = Events(services, state)
        self.path = services.exercise
        self.lock = threading.Lock()  # one write at a time
        self.fetched = ("", "")  # SHA-256 of the deployed archive, and its code

    # --- The file -----------------------------------------------------------------------------

    def read(self) -> Json:
        """The file, beside what is deployed; without a file, the starter is to be taken."""
        text = self.on_disk()
        deployed = self.deployed()
        return {
            "file": self.name,
            "text": code_of(FUNCTION) if text is None else text,
            "exists": text is not None,
            "tag": "" if text is None else tag_of(text),
            "deployed": tag_of(deployed) if deployed else "",
            "changed": changed_lines(deployed, text or ""),
        }

    @property
    def name(self) -> str:
        """The file's name with its folder, and nothing of where this computer has it."""
        return "/".join(self.path.parts[-2:])

    def on_disk(self) -> str | None:
        """The text of the file; None if there is none."""
        try:
            with self.path.open(encoding="utf-8", newline="") as file:
                text = file.read(MAX_CHARACTERS + 1)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            message = f"{self.name} cannot be read as text in UTF-8."
            raise HTTPException(409, message) from None
        if len(text) > MAX_CHARACTERS:
            raise HTTPException(409, f"{self.name} is too large for the page.")
        return text

    def write(self, text: object, tag: object) -> Json:
        """Write the file, unless somebody else has changed it since it had this tag."""
        if not isinstance(text, str) or not is_storable(text):
            raise HTTPException(400, "The code is too long, or is no text.")
        with self.lock:
            before = self.on_disk()
            if (tag_of(before) if before is not None else "") != tag:
                raise HTTPException(412, f"{self.name} was changed outside of the page.")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            private.write(self.path, text)
        self.state.exercise = tag_of(text)
        return {"tag": tag_of(text), "changed": changed_lines(self.deployed(), text)}

    # --- The function -------------------------------------------------------------------------

    @property
    def function(self) -> str:
        """The function's name."""
        if name := self.state.ids.get(FUNCTION):
            return name
        raise HTTPException(409, "There is no stack yet: launch it first, step 3.")

    def deployed(self) -> str:
        """The code that is deployed; empty without a stack."""
        name, sha = self.state.ids.get(FUNCTION), self.state.code["sha"]
        if not name:
            return ""
        if sha != self.fetched[0] or not sha:
            answer = self.services.client("lambda").get_function(FunctionName=name)
            code = deployed_code(answer).decode("utf-8", "replace")
            self.fetched = answer["Configuration"]["CodeSha256"], code
        return self.fetched[1]

    def deploy(self, force: bool) -> Json:
        """Deploy the file, as `aws lambda update-function-code` does.

        Args:
            force: whether to deploy code that Python cannot read.
        """
        name, text = self.function, self.on_disk()
        if text is None:
            raise HTTPException(409, f"There is no {self.name} yet.")
        if not force and (problem := syntax_error(text)):
            return {"deployed": False} | problem
        started = time.monotonic()
        replace_code(self.services.client("lambda"), name, {"index.py": text})
        self.fetched = ("", "")
        return {"deployed": True, "tag": tag_of(text), "seconds": time.monotonic() - started}

    # --- Tests --------------------------------------------------------------------------------

    def test(self, body: Json) -> Json:
        """Invoke the deployed function with an event; see `Events.asked_for`."""
        event, times = self.events.asked_for(body)
        with ThreadPoolExecutor(times) as pool:
            results = list(pool.map(lambda _: self.invoke(event), range(times)))
        written = shlex.quote(json.dumps(event, ensure_ascii=False))
        return {
            "event": event,
            "results": results,
            "command": (
                f"printf %s {written} > event.json\n"
                f"aws lambda invoke --function-name {self.function} --log-type Tail \\\n"
                "  --payload fileb://event.json answer.json"
            ),
        }

    def invoke(self, event: Any) -> Json:
        """Invoke the function and wait for its end."""
        client = self.services.client("lambda", INVOKE_SECONDS)
        started = time.monotonic()
        answer = client.invoke(
            FunctionName=self.function, Payload=json.dumps(event), LogType="Tail"
        )
        log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
        return {
            "failed": "FunctionError" in answer,
            "result": answer["Payload"].read().decode("utf-8", "replace")[:4000],
            "log": log,
            "seconds": time.monotonic() - started,
        }

    # --- Help ---------------------------------------------------------------------------------

    def solution(self) -> str:
        """The exercise's solution."""
        return SOLUTION.read_text(encoding="utf-8")


def is_storable(text: str) -> bool:
    """Whether a text can be written as UTF-8, which half an emoji cannot, and is not too long."""
    return len(text) <= MAX_CHARACTERS and not re.search("[\\0\ud800-\udfff]", text)


def syntax_error(code: str) -> Json:
    """Where and why Python cannot read the code; empty if it can."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(code, "index.py", "exec")
    except SyntaxError as error:
        return {"line": error.lineno or 1, "column": error.offset or 1, "error": str(error.msg)}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"line": 1, "column": 1, "error": str(error)}
    return {}


def changed_lines(before: str, after: str) -> int:
    """How many lines differ between two texts; a line that is changed counts once."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), False)
    return sum(
        max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in matcher.get_opcodes() if kind != "equal"
    )
