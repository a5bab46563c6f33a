"""workshop.py check: right solutions pass, and each typical mistake fails on its own case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit import running
from kit.commands.check import harness as check_bench
from kit.commands.check.cases import CASES
from kit.commands.check.code import deployed_code, load_problem
from kit.commands.check.command import LANES, check
from kit.commands.check.harness import ENTRY, FUNCTION, Bench, make_pictures
from kit.commands.check.run import Result, check_code, try_case
from kit.commands.check.time_budget import TIMEOUTS, Patience
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import free_port
from kit.stack.template import code_of
from support import REPOSITORY

SOLUTIONS = REPOSITORY / "tests" / "solutions"
SHORT = (SOLUTIONS / "short.py").read_text()
STARTER = code_of(FUNCTION)

# Cases that take more than a second: they are tried only with the mistakes that they are for.
LONG = ("no_face_on_reference", "same_event", "throttling", "settings")

# Each mistake is a change to short.py: name, what is replaced, by what, the case that fails (rarely
# another one, which cannot do without), and a part of its hint.
MISTAKES = [
    (
        "one e-mail for each face",
        "            mail(post, max(similarities), key)",
        "            for one in similarities:\n                mail(post, one, key)",
        "several_faces",
        "2 e-mails were sent for one photo",
    ),
    (
        "key not decoded",
        'unquote_plus(record["s3"]["object"]["key"])',
        'record["s3"]["object"]["key"]',
        "special_key",
        "decode them with unquote_plus",
    ),
    (
        "every error swallowed",
        "        similarities = find_or_explain(bucket, key)",
        "        try:\n"
        "            similarities = find_or_explain(bucket, key)\n"
        "        except Exception as error:\n"
        "            print('Sorry:', error)\n"
        "            continue",
        "throttling",
        "The log ends with: Sorry: An error occurred (ThrottlingException)",
    ),
    (
        "raises when there is no face",
        'print("nobody on", key)',
        "raise LookupError(f'nobody on {key}')",
        "no_face",
        "in line 35, “raise LookupError(f'nobody on {key}')”: LookupError: nobody on images/",
    ),
    (
        "no face on the reference is like none on the photo",
        'print("there is no face on", REFERENCE)',
        'print("nobody on", key)',
        "no_face_on_reference",
        "The log does not say that celebrity.jpg shows no face",
    ),
    (
        "the missing reference is not named",
        'print("upload a photo named", REFERENCE)',
        'print("no such picture")',
        "no_reference",
        "The log does not say that celebrity.jpg is missing",
    ),
    (
        "post not looked up",
        'dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=item)["Item"]',
        'dict.fromkeys(("username", "created_at", "text", "post_id"), {"S": "?"})',
        "metadata",
        "lacks who posted it (username: fan",
    ),
    (
        "an e-mail for every event",
        "if similarities and is_first(item):",
        "if similarities:",
        "same_event",
        "look there first",
    ),
    (
        "looks, and writes later",
        '            ConditionExpression="attribute_not_exists(mailed)",\n',
        "",
        "same_event",
        "look there first",
    ),
    (
        "mails unmatched faces",
        'answer["FaceMatches"]]',
        'answer["FaceMatches"]] or [0.0 for _ in answer["UnmatchedFaces"]]',
        "other_person two_photos settings",
        "UnmatchedFaces are not",
    ),
    (
        "the worst similarity",
        "max(similarities)",
        "min(similarities)",
        "several_faces",
        "does not say the best similarity, 99.",
    ),
    (
        "source and target swapped",
        '"Name": REFERENCE}},\n        TargetImage={"S3Object": {"Bucket": bucket, "Name": key}}',
        '"Name": key}},\n        TargetImage={"S3Object": {"Bucket": bucket, "Name": REFERENCE}}',
        "several_faces",
        "SourceImage is the reference",
    ),
    (
        "name of the reference hard-coded",
        'os.environ["REFERENCE_PHOTO"]',
        '"celebrity.jpg"',
        "settings",
        "its name is in REFERENCE_PHOTO",
    ),
    (
        "subject too long",
        'Subject="Look who is here"',
        'Subject=post["text"]["S"]',
        "subject",
        "SNS would refuse the subject, which has 247 characters",
    ),
    (
        "the face's confidence for the similarity",
        'face["Similarity"] for',
        'face["Face"]["Confidence"] for',
        "match",
        "does not say the best similarity, 9",
    ),
    (
        "only the first photo of an event",
        'event["Records"]:',
        'event["Records"][:1]:',
        "two_photos",
        'loop over event["Records"]',
    ),
    (
        "the first photo without a match ends it",
        "        item = {",
        "        if not similarities:\n            return\n        item = {",
        "two_photos",
        "continue, not return",
    ),
    (
        "remembers only in its own process",
        "def is_first(item):\n",
        "seen = []\n\n\ndef is_first(item):\n"
        "    seen.append(item)\n    return seen.count(item) == 1\n\n\ndef unused(item):\n",
        "same_event",
        "and to another process",
    ),
    (
        "looks, mails, and writes at last",
        SHORT[SHORT.rindex("        if similarities") :],
        "        if similarities and 'mailed' not in post:\n"
        "            mail(post, max(similarities), key)\n            is_first(item)\n",
        "same_event",
        "both looked before either wrote",
    ),
    (
        "threshold ignored",
        "        SimilarityThreshold=THRESHOLD,\n",
        "",
        "settings",
        "Give SIMILARITY_THRESHOLD to compare_faces",
    ),
    (
        "marked before it is compared",
        SHORT[SHORT.rindex("        similarities =") : SHORT.rindex("            mail(")],
        '        item = {"media_key": {"S": key[7:-4]}}\n'
        '        post = dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=item)["Item"]\n'
        "        if is_first(item) and (similarities := find_or_explain(bucket, key)):\n",
        "throttling",
        "When Lambda tried again: No e-mail was sent",
    ),
]


@pytest.fixture(scope="module")
def benches(system: OfflineSystem) -> Iterator[list[Bench]]:
    pictures = make_pictures()
    made = [Bench(system, pictures) for _ in range(LANES)]
    yield made
    for bench in made:
        bench.stack.delete()


def failed(results: list[Result]) -> dict[str, str]:
    return {result.case: result.hint for result in results if result.hint}


def run(file: Path | str = "") -> tuple[int, str]:
    answer = CliRunner().invoke(check, [str(file)] if file else [])
    return answer.exit_code, " ".join(answer.output.split())


def test_compare_faces_passes_all() -> None:
    done = subprocess.run(
        [sys.executable, "workshop.py", "check", "compareFaces.py"],
        cwd=REPOSITORY / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("✓ passed") == len(CASES)
    assert f"{len(CASES)} of {len(CASES)} cases passed" in done.stdout


@pytest.mark.parametrize("name", ["short.py", "wordy.py"])
def test_another_right_solution_passes_as_well(benches: list[Bench], name: str) -> None:
    progress: list[int] = []
    assert not failed(check_code(benches, (SOLUTIONS / name).read_bytes(), progress.append))
    assert progress == list(range(1, len(CASES) + 1))


def test_the_starter_fails_where_something_is_to_be_done(benches: list[Bench]) -> None:
    hints = failed(check_code(benches, STARTER.encode()))
    assert {one.name for one in CASES} - hints.keys() == {"other_person", "no_face"}
    assert hints["match"].startswith("No e-mail was sent: Rekognition was not asked about this")


def test_a_first_try_fails_on_all_but_the_simple_photos(benches: list[Bench]) -> None:
    hints = failed(check_code(benches, (SOLUTIONS / "first_try.py").read_bytes()))
    assert {one.name for one in CASES} - hints.keys() == {
        "match",
        "metadata",
        "other_person",
        "throttling",
    }
    assert "InvalidParameterException" in hints["no_face"]
    assert "catch this error" in hints["no_face"]


@pytest.mark.parametrize(
    ("old", "new", "names", "hint"),
    [mistake[1:] for mistake in MISTAKES],
    ids=[mistake[0] for mistake in MISTAKES],
)
def test_a_mistake_fails_on_its_own_case_only(
    benches: list[Bench], old: str, new: str, names: str, hint: str
) -> None:
    assert SHORT.count(old) == 1
    wrong = names.split()
    tried = [one for one in CASES if one.name in wrong or one.name not in LONG]
    hints = failed(check_code(benches, SHORT.replace(old, new).encode(), cases=tried))
    assert list(hints) == wrong, hints
    assert hint in hints[wrong[0]]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("raise KeyError('FOO')", "in line 1, “raise KeyError('FOO')”: KeyError: 'FOO'"),
        ("import sys; sys.exit()", "The function failed: Worker process died"),
        ("def lambda_handler(event):\n    pass", "takes 1 positional argument but 2 were given"),
        ("def lambda_handler(event, context):\n    return {1}", "Lambda makes JSON of what"),
        (
            "import boto3\ndef lambda_handler(event, context):\n"
            "    boto3.client('rekognition').detect_faces(Image={'Bytes': b'x'})",
            "The function's role allows CompareFaces",
        ),
    ],
)
def test_a_crash_is_shown_with_its_line(benches: list[Bench], code: str, hint: str) -> None:
    benches[0].deploy(code.encode(), Patience())
    assert hint in try_case(benches[0], CASES[0]).hint


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ndef lambda_handler(event, context):\n    time.sleep(60)",
    ],
)
def test_a_function_without_end_ends_the_check(
    system: OfflineSystem, benches: list[Bench], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(check_bench, "FUNCTION_SECONDS", 2)
    impatient = [Bench(system, benches[0].pictures) for _ in range(2)]
    results = check_code(impatient, code.encode())
    assert "The function did not end within 2 s" in results[0].hint
    assert all("same error as in the first case" in r.hint for r in results[1:] if r.tried)
    assert [result.tried for result in results].count(True) <= TIMEOUTS + 1
    assert "ran into its time limit too often" in failed(results)["settings"]
    for bench in impatient:
        bench.stack.delete()


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (b"import os\nprint('x'\n", "cannot read it: line 2: '(' was never closed."),
        (b"def handler(event, context): pass", "It has no lambda_handler(event, context)"),
        (b"async def lambda_handler(event, context): pass", "does not await it"),
        (b"import os\nimport requests\n", "Line 2 imports requests, which Lambda does not have"),
        (b"def lambda_handler(event, context):\n    import PIL.Image", "Line 2 imports PIL, which"),
    ],
)
def test_code_that_cannot_be_loaded_is_not_even_tried(
    tmp_path: Path, code: bytes, hint: str
) -> None:
    file = tmp_path / "function.py"
    file.write_bytes(code)
    status, output = run(file)
    assert status == 1
    assert hint in load_problem(code)
    assert "✗ failed" in output


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xd8\xff\xe0 a photo", "is not a text in UTF-8"),
        (b"print('caf\xe9')", "is not a text in UTF-8"),
        (b"# -*- coding: nonsense -*-", "is not a text in UTF-8"),
        (b"x = 1\0", "is not a text in UTF-8"),
        (b"#" * 3_000_000, "has 3 MB"),
    ],
)
def test_a_file_without_code_is_wrong_input(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "function.py"
    file.write_bytes(content)
    status, output = run(file)
    assert status == 2
    assert f"function.py {reason}" in output


@pytest.mark.parametrize("name", ["gone.py", "", "/dev/null"])
def test_a_file_that_is_none_is_wrong_input(tmp_path: Path, name: str) -> None:
    status, output = run(tmp_path / name)
    assert status == 2
    assert "Traceback" not in output


def test_without_a_running_workshop_a_file_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FILE", tmp_path / "running.json")
    status, output = run()
    assert status == 2
    assert "No offline workshop is running: start it with “workshop.py start”, or" in output


def test_a_workshop_that_has_ended_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = running.Running("eu-west-1", f"http://127.0.0.1:{free_port()}", "", "", "", {})
    monkeypatch.setattr(running, "load", lambda: gone)
    status, output = run()
    assert status == 2
    assert "The offline workshop does not answer" in output


def test_the_deployed_code_is_found(system: OfflineSystem, benches: list[Bench]) -> None:
    workshop = running.Running(
        system.aws.region, system.aws.url, system.x_url, system.rekognition_url, "", {}
    )
    benches[-1].stack.replace_code(FUNCTION, "print('deployed')")
    with pytest.raises(WorkshopError, match=r"cannot be read: .*check_entry"):
        deployed_code(workshop)
    benches[-1].deploy(b"print('deployed')", Patience())
    code, source = deployed_code(workshop)
    assert code == ENTRY.read_bytes()
    assert source == f"RekognitionLambdaFunction of the stack {benches[-1].stack.name}"
