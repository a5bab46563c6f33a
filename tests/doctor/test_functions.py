"""The functions: their code, settings, permissions and runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from doctor.checked_workshop import HANDLER, CheckedWorkshop, fake_context, refuse
from kit.commands.doctor import finding as at
from kit.commands.doctor import functions
from kit.commands.doctor.delivery import check_stream
from kit.commands.doctor.finding import UNKNOWN, WRONG, Finding, unknown
from kit.commands.doctor.function_runs import Run, begun, runs_of
from kit.commands.doctor.functions import check_queue, explain_error, useless_threshold
from kit.commands.doctor.stack_context import StackContext
from kit.commands.doctor.stages import Stage, check
from kit.events_without_photo import OF_OTHER_SERVICES, WITHOUT_RECORDS
from kit.stack.code import SOLUTION
from kit.stack.template import code_of
from support import remove_statement, wait_until

pytestmark = pytest.mark.usefixtures("terminal")


def test_the_functions_code_is_broken(workshop: CheckedWorkshop) -> None:
    name = workshop.stack.resource("RekognitionLambdaFunction")

    def diagnose(code: str) -> Finding:
        workshop.put_code(code)
        workshop.tweet()
        wait_until(lambda: workshop.failures() > before)
        finding = workshop.diagnose(at.REKOGNITION)
        assert f"update-function-code --function-name {name}" in finding.fix
        return finding

    before = 0
    assert "KeyError: 'oh'" in diagnose(HANDLER + "    raise KeyError('oh')\n").cause
    before = 1
    assert "division by zero" in diagnose("1 / 0\n" + HANDLER + "    pass\n").cause
    workshop.put_code("import os\ndef lambda_handler(:\n")
    assert "line 2" in workshop.diagnose(at.REKOGNITION).cause
    workshop.put_code("def handler(event, context): pass\n")
    assert "no function lambda_handler" in workshop.diagnose(at.REKOGNITION).cause
    workshop.put_code()
    workshop.is_well()
    workshop.compare()
    findings = workshop.is_well()  # though the queue holds what failed before
    assert findings[at.QUEUE].status == UNKNOWN
    assert "workshop.py redrive" in findings[at.QUEUE].message


def test_a_functions_settings_are_changed(workshop: CheckedWorkshop) -> None:
    functions, name = workshop.client("lambda"), workshop.stack.resource(at.REKOGNITION)
    emptier = workshop.client("iam").get_role(RoleName=workshop.stack.resource("BucketEmptierRole"))
    updated = functions.get_waiter("function_updated_v2")
    settings: list[tuple[dict[str, Any], str]] = [
        ({"Handler": "lambda_function.lambda_handler"}, "--handler index.lambda_handler"),
        ({"Environment": {"Variables": {}}}, "celebrity.jpg"),
        ({"Role": emptier["Role"]["Arn"]}, "RekognitionLambdaRole"),
    ]
    for setting, fix in settings:
        functions.update_function_configuration(FunctionName=name, **setting)
        updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
        finding = workshop.diagnose(at.REKOGNITION)
        assert fix in finding.fix
        workshop.fix(finding)
        updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
        workshop.is_well()
    functions.update_function_configuration(FunctionName=name, Timeout=1)
    updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
    workshop.put_code(HANDLER + "    import time; time.sleep(5)\n")
    workshop.tweet()
    wait_until(lambda: "timed out" in workshop.log())
    assert "--timeout 120" in workshop.diagnose(at.REKOGNITION).fix


def test_the_function_does_what_its_role_does_not_allow(workshop: CheckedWorkshop) -> None:
    code = HANDLER + "    import boto3\n    boto3.client('s3').list_buckets()\n"
    workshop.put_code(code)
    workshop.tweet()
    wait_until(lambda: "not authorized" in workshop.log())
    assert "s3:ListAllMyBuckets" in workshop.diagnose(at.REKOGNITION).message


def test_a_permission_is_removed(workshop: CheckedWorkshop) -> None:
    def denied(function: str) -> bool:
        return "not authorized" in workshop.log(function)

    cases: list[tuple[str, str, str, Callable[[], object]]] = [
        ("TwitterLambdaRole", "ReadPosts", at.TWITTER, lambda: denied("Twitter")),
        ("RekognitionLambdaRole", "CompareFaces", at.REKOGNITION, lambda: denied("Rekognition")),
        ("RekognitionLambdaRole", "MailMatches", at.REKOGNITION, lambda: True),
        ("DeliveryStreamRole", "WritePosts", at.STREAM, lambda: True),
        ("StreamingInstanceRole", "SendPosts", at.INSTANCE, lambda: not workshop.streamer_runs()),
    ]
    for role, sid, stage, logged in cases:
        remove_statement(workshop.stack, role, sid)
        media_key = workshop.tweet()
        wait_until(logged)
        finding = workshop.diagnose(stage)
        assert f"{role} lacks {sid} (" in finding.message
        workshop.fix(finding)
        if stage == at.INSTANCE:  # the streamer stopped when it was refused
            workshop.diagnose(at.STREAMER)
            workshop.start_streamer()
        elif stage in (at.TWITTER, at.REKOGNITION):
            workshop.settle(media_key)
        workshop.is_well()
    workshop.compare()
    workshop.is_well()


def test_a_permission_is_denied_or_narrowed(workshop: CheckedWorkshop) -> None:
    iam = workshop.client("iam")
    role = workshop.stack.resource("RekognitionLambdaRole")
    answer = iam.get_role_policy(RoleName=role, PolicyName="Compare")["PolicyDocument"]
    for change in ({"Effect": "Deny"}, {"Resource": "arn:aws:sns:eu-west-1:000000000000:other"}):
        statements = [
            s | (change if s["Sid"] == "MailMatches" else {}) for s in answer["Statement"]
        ]
        document = json.dumps(answer | {"Statement": statements})
        iam.put_role_policy(RoleName=role, PolicyName="Compare", PolicyDocument=document)
        finding = workshop.diagnose(at.REKOGNITION)
        assert "MailMatches (sns:Publish)" in finding.message
        workshop.fix(finding)
        workshop.is_well()


UNSHIELDED = HANDLER + "    print(event['Records'][0]['s3']['object']['key'])\n"
TEST_EVENTS = [*WITHOUT_RECORDS, *OF_OTHER_SERVICES]


def test_the_button_test_makes_nobody_ill(workshop: CheckedWorkshop) -> None:
    """Whatever code gets an event of it, before a photo has come and after one has failed."""

    def press(function: str, code: str = "") -> None:
        if code:
            workshop.put_code(code)
        for event in TEST_EVENTS:
            before = workshop.log(function).count("REPORT")
            workshop.client("lambda").invoke(
                FunctionName=workshop.stack.resource(f"{function}LambdaFunction"),
                Payload=json.dumps(event),
            )
            wait_until(lambda n=before: workshop.log(function).count("REPORT") > n)  # type: ignore[misc]

    press("Twitter")
    for code in (code_of(at.REKOGNITION), SOLUTION.read_text(), UNSHIELDED):
        press("Rekognition", code)
        findings = workshop.is_well()
        for stage in (at.TWITTER, at.REKOGNITION):
            assert findings[stage].status == UNKNOWN
            assert "the button Test does not count" in findings[stage].message
    workshop.put_code(HANDLER + "    print(event['Records'][0]['oh'])\n")
    workshop.tweet()
    wait_until(workshop.failures)
    press("Rekognition")
    assert "KeyError: 'oh'" in workshop.diagnose(at.REKOGNITION).cause  # and no test hides it


def test_an_event_that_is_not_of_s3_fails_three_times(workshop: CheckedWorkshop) -> None:
    workshop.put_code(UNSHIELDED)
    function = workshop.stack.resource(at.REKOGNITION)
    workshop.client("lambda").invoke(
        FunctionName=function, InvocationType="Event", Payload=json.dumps({})
    )
    wait_until(workshop.failures)
    assert "an event that is not from S3" in workshop.is_well()[at.QUEUE].message


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("100", "nothing matches"),
        ("0", "everybody matches"),
        ("80 %", "It must be a number"),
        ("200", "It must be a number"),
    ],
)
def test_a_threshold_with_which_nothing_can_be_told(value: str, cause: str) -> None:
    variables = {"SIMILARITY_THRESHOLD": value, "TABLE_NAME": "x"}
    context = fake_context(
        get_function={"Configuration": {"Environment": {"Variables": variables}}}
    )
    found = useless_threshold(context, at.REKOGNITION)
    assert found
    assert cause in found.cause
    assert '"SIMILARITY_THRESHOLD":"80"' in found.fix
    assert '"TABLE_NAME":"x"' in found.fix
    variables["SIMILARITY_THRESHOLD"] = "99.5"
    assert useless_threshold(context, at.REKOGNITION) is None
    assert useless_threshold(context, at.TWITTER) is None


@pytest.mark.parametrize(
    ("seconds", "status", "follows"), [(1, UNKNOWN, ()), (-1, WRONG, (at.REFERENCE,))]
)
def test_a_run_before_the_reference_is_no_fault(
    seconds: int, status: str, follows: tuple[str, ...]
) -> None:
    ended = datetime(2026, 11, 27, tzinfo=UTC)
    variables = {"REFERENCE_PHOTO": "celebrity.jpg"}
    uploaded = {"Key": "celebrity.jpg", "LastModified": ended + timedelta(seconds=seconds)}
    context = fake_context(
        get_function={"Configuration": {"Environment": {"Variables": variables}}},
        list_objects_v2={"Contents": [uploaded]},
    )
    run = Run(ended, ("Traceback (most recent call last):", "InvalidParameterException: no face"))
    found = explain_error(context, at.REKOGNITION, "it failed", run)
    assert (found.status, found.consequence_of) == (status, follows)


@pytest.mark.parametrize(
    ("function", "error", "timeout", "cause", "fix"),
    [
        (at.TWITTER, "Task timed out after 3.00 seconds", 3, "Task timed out", "--timeout 120"),
        (at.TWITTER, "Task timed out after 120.00 seconds", 120, "Task timed out", "post again"),
        (at.REKOGNITION, "KeyError: 'text'", 60, "A post can lack its text", "post again"),
        (at.REKOGNITION, "KeyError: 'texts'", 60, "KeyError: 'texts'", "post again"),
        (at.TWITTER, "KeyError: 'text'", 120, "KeyError: 'text'", "post again"),
    ],
)
def test_the_cause_of_an_error(
    monkeypatch: pytest.MonkeyPatch, function: str, error: str, timeout: int, cause: str, fix: str
) -> None:
    code = "kit.commands.doctor.function_code.deployed_files"
    monkeypatch.setattr(code, lambda _: {"index.py": b"# mine"})
    context = fake_context(get_function={"Configuration": {"Timeout": timeout}})
    found = explain_error(
        context, function, "its last run failed", Run(datetime.now(UTC), (f"[ERROR] {error}",))
    )
    assert cause in found.cause
    assert ("A post can lack" in found.cause) == ("A post can lack" in cause)
    assert fix in found.fix
    assert ("--timeout" in found.fix) == ("--timeout" in fix)


WELL, BADLY = ("Photo images/3_1.jpg: match",), ("[ERROR] KeyError: 'text'",)


@pytest.mark.parametrize(
    ("twitter", "rekognition", "status", "told"),
    [
        (WELL, WELL, UNKNOWN, "but the last run went well"),
        (WELL, None, UNKNOWN, "but the last run went well"),
        (WELL, BADLY, UNKNOWN, "see RekognitionLambdaFunction, and then: "),
        (BADLY, WELL, UNKNOWN, "see TwitterLambdaFunction, and then: "),
        (None, None, WRONG, "1 event failed three times"),
    ],
)
def test_what_waits_in_the_queue_is_explained_by_the_last_runs(
    monkeypatch: pytest.MonkeyPatch,
    twitter: tuple[str, ...] | None,
    rekognition: tuple[str, ...] | None,
    status: str,
    told: str,
) -> None:
    lines = {at.TWITTER: twitter, at.REKOGNITION: rekognition}

    def runs(_: StackContext, function: str) -> list[Run]:
        found = lines[function]
        return [Run(datetime(2026, 11, 27, tzinfo=UTC), found)] if found else []

    monkeypatch.setattr(functions, "recent_runs", runs)
    monkeypatch.setattr(functions, "all_runs", runs)
    waiting = {"ApproximateNumberOfMessages": "1"}
    found = check_queue(fake_context(get_queue_attributes={"Attributes": waiting}))
    assert found.status == status
    assert told in found.message


def test_only_the_queue_knows_of_a_failure(workshop: CheckedWorkshop) -> None:
    sqs, url = workshop.client("sqs"), workshop.stack.resource("FailureQueue")
    sqs.send_message(QueueUrl=url, MessageBody="an event")
    assert "workshop.py redrive" in workshop.diagnose(at.QUEUE).fix
    workshop.diagnose(at.QUEUE)  # it is still there


def aws_events(*messages: str) -> list[dict[str, Any]]:
    return [
        {"logStreamName": "2026/11/23/[$LATEST]1", "timestamp": 1795395575918, "message": message}
        for message in messages
    ]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File x", "KeyError: 'x'"),
        (
            "[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'index'\nTraceback (most",
            "Runtime.UserCodeSyntaxError: Syntax error in module 'index'",
        ),
        ("2026-11-23T01:02:03Z 1 Task timed out after 120.00 seconds\n\n", "Task timed out"),
        ("Photo 3_1 failed: the photo host answered 503\n", "the photo host answered 503"),
        ("Photo images/3_1.jpg: match, similarity 99.00 %\n", ""),
        ("Photos of this event: {'failed': 1, 'stored': 1}\n", ""),
    ],
)
def test_a_log_of_aws(message: str, error: str) -> None:
    report = "REPORT RequestId: 1\tDuration: 1 ms\n"
    start = ["INIT_START Runtime Version: python:3.13\n", "START RequestId: 1 Version: $LATEST\n"]
    first, last = runs_of(
        aws_events(*start, message, "END RequestId: 1\n", report, start[1], report)
    )
    assert (error in first.error, bool(first.error)) == (True, bool(error))
    assert last.lines == ()


def test_a_run_that_the_log_does_not_end() -> None:
    start, end = "START RequestId: 1 Version: $LATEST\n", "END RequestId: 1\n"
    assert begun(aws_events(start, "x\n", end)) == []
    (moment,) = begun(aws_events(start, end, start, "x\n"))
    assert moment.timestamp() == pytest.approx(1795395575.918)
    others = [event | {"logStreamName": "another"} for event in aws_events(start)]
    assert len(begun([*aws_events(start), *others, *aws_events(end)])) == 1


def test_the_signed_url_of_the_code_is_not_shown() -> None:
    def download(_: StackContext) -> Finding:
        raise requests.ConnectionError("https://code.example.com/?X-Amz-Signature=s3cr3t")

    found = check(Stage("function", download), fake_context())
    assert found == unknown("cannot be checked: ConnectionError")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("SubscriptionRequiredException", "the account lacks a service"),
        ("ProvisionedThroughputExceededException", "AWS throttled it"),
    ],
)
def test_a_run_that_aws_refused_for_the_account(
    workshop: CheckedWorkshop, code: str, message: str
) -> None:
    workshop.put_code("import boto3\n" + HANDLER + "    raise ValueError('" + code + "')\n")
    workshop.tweet()
    wait_until(workshop.failures)
    finding = workshop.diagnose(at.REKOGNITION)
    assert message in finding.message
    assert code in finding.cause


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        ("SubscriptionRequiredException", WRONG, "AWS refuses: SubscriptionRequiredException"),
        ("ThrottlingException", UNKNOWN, "AWS throttled this check (ThrottlingException)"),
    ],
)
def test_what_aws_refuses_to_the_doctor(code: str, status: str, text: str) -> None:
    context = fake_context()
    refuse(context, "describe_delivery_stream", code)
    stage = Stage(at.STREAM, check_stream)
    found = check(stage, context)
    assert (found.status, found.message) == (status, text)
    assert found.fix if status == WRONG else found.next_step
