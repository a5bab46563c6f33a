"""The check for the page: python -m kit.commands.check.rows FILE prints a line of JSON for news.

    {"message": "…"}     what it is doing, or why it failed
    {"rows": [{"case": …, "title": …, "part": 1, "easy": false, "verdict": "", "hint": ""}]}

A verdict is empty at first, then "passed", "failed" or "not tried". It ends when its standard input
is closed, so that nothing is left of it when the page ends.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from kit import running
from kit.commands.check.cases import CASES
from kit.commands.check.code import load_error, read_code
from kit.commands.check.run import Result, check_offline
from kit.errors import WorkshopError
from kit.processes import exit_with_parent

# Which part of the exercise a case is about, as its hint tells; the others are about the mail, 4.
PARTS = {
    **dict.fromkeys(("several_faces", "other_person", "special_key", "two_photos", "settings"), 1),
    **dict.fromkeys(
        ("no_face", "damaged", "no_face_on_reference", "no_reference", "similar_name"), 2
    ),
    "throttling": 2,
    "same_event": 3,
}
LAST_PART = 4
# They pass with the starter, because nothing is to be done there.
EASY = ("other_person", "no_face", "damaged", "test_event", "other_service")


def row(result: Result, done: bool = True) -> dict[str, object]:
    """A case for the page."""
    verdict = "failed" if result.hint else "passed"
    return {
        "case": result.case,
        "title": result.title,
        "easy": result.case in EASY,
        "part": PARTS.get(result.case, LAST_PART),
        "verdict": (verdict if result.tried else "not tried") if done else "",
        "hint": result.hint,
    }


def tell(**news: object) -> None:
    """Print news."""
    print(json.dumps(news), flush=True)


def check(path: Path) -> int:
    """Check a file; return the exit code: 1 if a case fails, 2 if the check itself does."""
    code = read_code(path)
    if hint := load_error(code):
        tell(rows=[row(Result("load", "Lambda can load the code", hint))], message="")
        return 1
    cases = [row(Result(case.name, case.title), done=False) for case in CASES]
    tell(rows=cases, message="Starting an AWS and a Rekognition of its own …")
    results = check_offline(code, lambda: tell(message=""), lambda result: tell(rows=[row(result)]))
    tell(rows=[row(result) for result in results])  # a hint may be about the first one by now
    return int(any(result.hint for result in results))


def main() -> None:
    """Check the file that is named."""
    exit_with_parent()
    running.shield()
    os.nice(5)  # the workshop itself comes first
    try:
        sys.exit(check(Path(sys.argv[1])))
    except WorkshopError as error:
        tell(message=str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
