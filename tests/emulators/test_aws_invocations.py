"""The emulated Lambda's invocations: their log while they run, and how one is stopped."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from typing import Any

import pytest

from emulators.resources import new_function, unique
from kit.emulators.system import OfflineSystem
from kit.stack.code import replace_code
from support import wait_until

SPEAKS = """
import time

def lambda_handler(event, context):
    print("begun", event.get("name"))
    if event.get("lines"):
        print("x" * 200, *range(event["lines"]), sep="\\n")
    if event.get("megabytes"):
        print("x" * event["megabytes"] * 1_000_000)
    if "unfinished" in event:
        print("y" * event["unfinished"], end="")
    if "fail" in event:
        raise KeyError(event["fail"])
    while event.get("endless"):
        time.sleep(0.01)
    return "done"
"""


@pytest.fixture
def function(system: OfflineSystem) -> str:
    """The name of a new function, which its log group has too."""
    group = unique("group")
    system.aws.client("logs").create_log_group(logGroupName=group)
    made = new_function(
        system.aws, SPEAKS, LoggingConfig={"LogGroup": group}, Timeout=120, FunctionName=group
    )
    return str(made["FunctionName"])


def log(system: OfflineSystem, function: str) -> list[str]:
    """The lines of a function's log; its group has the same name."""
    pages = system.aws.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=function)
    return [event["message"] for page in found for event in page["events"]]


def invocation(system: OfflineSystem, function: str) -> dict[str, Any]:
    """The last one of a function."""
    found = system.admin("aws").get("invocations")["invocations"]
    return dict([one for one in found if one["function"] == function][-1])


def invoke(system: OfflineSystem, function: str, **event: Any) -> dict[str, Any]:
    answer = system.aws.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps(event), LogType="Tail"
    )
    return dict(answer)


def test_a_line_is_in_the_log_while_the_function_runs_and_it_can_be_stopped(
    system: OfflineSystem, function: str
) -> None:
    answers: list[dict[str, Any]] = []
    thread = threading.Thread(
        target=lambda: answers.append(invoke(system, function, name="loop", endless=True))
    )
    thread.start()
    lines = wait_until(lambda: [line for line in log(system, function) if "begun loop" in line])
    assert lines == ["begun loop"]
    running = invocation(system, function)
    assert (running["ended"], running["error"]) == (None, "")
    assert time.time() >= running["started"]
    assert not any(line.startswith("END") for line in log(system, function))
    admin = system.admin("aws")
    admin.delete(f"invocations/{running['id']}")
    thread.join()
    assert answers[0]["FunctionError"]
    assert "Stopped by hand" in json.loads(answers[0]["Payload"].read())["errorMessage"]
    ended = invocation(system, function)
    assert ended["stopped"]
    assert ended["ended"] >= ended["started"]
    *_, error, end, report = log(system, function)
    assert error.startswith("[ERROR] Stopped by hand")
    assert end == f"END RequestId: {running['id']}"
    assert report.startswith(f"REPORT RequestId: {running['id']}\tDuration: ")
    admin.delete(f"invocations/{running['id']}")  # it has ended: nothing happens
    assert json.loads(invoke(system, function, name="next")["Payload"].read()) == "done"


def test_an_event_that_was_stopped_does_not_come_again(
    system: OfflineSystem, function: str
) -> None:
    body = json.dumps({"name": "once", "endless": True})
    system.aws.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=body)
    wait_until(lambda: "begun once" in log(system, function))
    system.admin("aws").delete(f"invocations/{invocation(system, function)['id']}")
    wait_until(lambda: invocation(system, function)["ended"])
    invoke(system, function, name="after")
    assert log(system, function).count("begun once") == 1


def test_the_log_has_each_line_once_and_the_traceback_last(
    system: OfflineSystem, function: str
) -> None:
    before = len(log(system, function))
    answer = invoke(system, function, name="it fails", fail="oh")
    assert answer["FunctionError"]
    lines = log(system, function)[before:]
    start, begun, traceback, place, *_, error, end, report = lines
    assert place == '  File "/var/task/index.py", line 13, in lambda_handler'
    assert start.startswith("START RequestId: ")
    assert (begun, traceback) == ("begun it fails", "Traceback (most recent call last):")
    assert error == "KeyError: 'oh'"
    assert (end[:3], report[:6]) == ("END", "REPORT")
    assert re.search(r"\tMax Memory Used: \d+ MB$", report)
    assert invocation(system, function)["error"] == "KeyError: 'oh'"


# A line of 64 KB is read in parts: the mark of the invocation's end may lie across two.
@pytest.mark.parametrize("length", [1, 65_515, 65_530, 65_536])
def test_a_line_without_an_end_belongs_to_its_invocation(
    system: OfflineSystem, function: str, length: int
) -> None:
    before = len(log(system, function))
    answer = invoke(system, function, unfinished=length)
    text = base64.b64decode(answer["LogResult"]).decode()
    assert "\0" not in text
    assert "yEND" not in text
    _, begun, *parts, end, _ = log(system, function)[before:]
    assert begun == "begun None"
    assert "".join(parts) == "y" * length
    assert end.startswith("END")


HANDLER = "\ndef lambda_handler(event, context):\n    return 'done'\n"


def deploy(system: OfflineSystem, function: str, files: dict[str, str | bytes]) -> None:
    replace_code(system.aws.client("lambda"), function, files)


@pytest.mark.parametrize(
    ("code", "line", "error"),
    [
        ("import os\nos.environ['TABEL']", 2, "KeyError: 'TABEL'"),
        ("import json, numpy", 1, "ModuleNotFoundError: No module named 'numpy'"),
        ("import kit.keys", 1, "ModuleNotFoundError: No module named 'kit'"),
        ("if True\n    pass", 1, "SyntaxError: expected ':' (index.py, line 1)"),
    ],
)
def test_code_that_cannot_be_loaded_is_in_the_log_with_its_line(
    system: OfflineSystem, function: str, code: str, line: int, error: str
) -> None:
    deploy(system, function, {"index.py": code + HANDLER})
    answer = invoke(system, function)
    message = f"the code cannot be loaded: {error}"
    assert json.loads(answer["Payload"].read())["errorMessage"] == message
    lines = log(system, function)
    assert f'  File "/var/task/index.py", line {line}' in "\n".join(lines)
    others = ("importlib", "_worker.py", "lambda_processes")
    assert not [one for one in lines if any(other in one for other in others)]
    assert lines[-3] == f"[ERROR] {message}"
    assert invocation(system, function)["error"] == f"[ERROR] {message}"


def test_a_function_has_what_lambda_has_and_what_it_brings_along(
    system: OfflineSystem, function: str
) -> None:
    names = (
        "boto3, botocore, urllib3, dateutil.parser, jmespath, s3transfer, six, sqlite3, zoneinfo"
    )
    code = f"import {names}\nimport numpy\nfrom mine import part\nprint(numpy.x, part.x)" + HANDLER
    files: dict[str, str | bytes] = {"numpy.py": "x = 1", "mine/part.py": "x = 2"}
    deploy(system, function, {"index.py": code, **files})
    assert json.loads(invoke(system, function)["Payload"].read()) == "done"
    assert "1 2" in log(system, function)


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "import os; os._exit(3)"])
def test_a_function_that_ends_its_process_is_told_so(
    system: OfflineSystem, function: str, code: str
) -> None:
    for body in (f"def lambda_handler(event, context):\n    {code}\n", code + HANDLER):
        deploy(system, function, {"index.py": body})
        error = json.loads(invoke(system, function)["Payload"].read())
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].startswith("Runtime exited without providing a reason")
        assert log(system, function)[-3] == f"[ERROR] {error['errorMessage']}"


def test_the_objects_of_an_event_are_told(system: OfflineSystem, function: str) -> None:
    record = {"s3": {"bucket": {"name": "photos"}, "object": {"key": "images/a+b.jpg"}}}
    events: list[Any] = [{"Records": [record, {"s3": 1}, None]}, {"Records": 3}, {}]
    for event in events:
        system.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    found = system.admin("aws").get("invocations")
    objects = [one["objects"] for one in found["invocations"] if one["function"] == function]
    assert objects[-3:] == [["photos/images/a+b.jpg"], [], []]
    later = system.admin("aws").get("invocations", after=found["change"])["invocations"]
    assert [one for one in later if one["function"] == function] == []


@pytest.mark.parametrize("event", [{"lines": 30_000}, {"megabytes": 100}])
def test_a_flood_of_lines_is_cut(
    system: OfflineSystem, function: str, event: dict[str, int]
) -> None:
    assert json.loads(invoke(system, function, **event)["Payload"].read()) == "done"
    lines = log(system, function)
    assert len(lines) < 5_010
    assert sum(len(line) for line in lines) < 5_000_000
    assert any("no room for more lines" in line for line in lines)


@pytest.mark.linux
def test_the_report_tells_the_memory(system: OfflineSystem, function: str) -> None:
    invoke(system, function)
    used = re.search(r"Max Memory Used: (\d+) MB", log(system, function)[-1])
    assert used
    assert 10 < int(used[1]) < 300
