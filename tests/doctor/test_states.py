"""What doctor says of states that the emulated AWS hardly ever has: AWS's answers are made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from doctor.checked_workshop import fake_context, refuse
from kit import running
from kit.commands.doctor import finding as at
from kit.commands.doctor import functions, streamer, triggers
from kit.commands.doctor.account import how_to_get_in
from kit.commands.doctor.delivery import check_stream
from kit.commands.doctor.finding import OK, UNKNOWN, WRONG
from kit.commands.doctor.functions import explain_denied, not_active
from kit.commands.doctor.matches import check_table
from kit.commands.doctor.stack_context import GoneError
from kit.commands.doctor.stages import Stage, check, check_all
from kit.running import Running

pytestmark = pytest.mark.unit

STOP = "aws ec2 stop-instances"
START = "aws ec2 start-instances"


@pytest.mark.parametrize(
    ("state", "system", "reachable", "status", "told"),
    [
        ("pending", "", "", UNKNOWN, "run doctor again"),
        ("running", "", "", OK, ""),  # EC2 has not checked it yet
        ("running", "initializing", "initializing", OK, ""),
        ("running", "ok", "ok", OK, ""),
        ("running", "impaired", "ok", WRONG, STOP),
        ("running", "ok", "impaired", WRONG, STOP),
        ("stopping", "", "", WRONG, START),
        ("stopped", "", "", WRONG, START),
        ("shutting-down", "", "", WRONG, "launch it again"),
        ("terminated", "", "", WRONG, "launch it again"),
    ],
)
def test_an_instance(
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    system: str,
    reachable: str,
    status: str,
    told: str,
) -> None:
    """EC2 API Reference, "InstanceState" and "InstanceStatusSummary"."""
    monkeypatch.setattr(streamer, "lost_permissions", lambda *_: None)
    checks = [{"SystemStatus": {"Status": system}, "InstanceStatus": {"Status": reachable}}]
    context = fake_context(
        describe_instances={"Reservations": [{"Instances": [{"State": {"Name": state}}]}]},
        describe_instance_status={"InstanceStatuses": checks if system else []},
    )
    found = streamer.check_instance(context)
    assert found.status == status
    assert told in found.fix + found.next_step
    assert STOP not in found.fix or "fails EC2's status checks" in found.message


@pytest.mark.parametrize(
    ("state", "status", "told"),
    [
        ("CREATING", UNKNOWN, "run doctor again"),
        ("CREATING_FAILED", WRONG, "launch it again"),
        ("DELETING", WRONG, "launch it again"),
        ("DELETING_FAILED", WRONG, "launch it again"),
    ],
)
def test_a_delivery_stream(state: str, status: str, told: str) -> None:
    """Data Firehose API Reference, "DeliveryStreamDescription"."""
    answer = {"DeliveryStreamDescription": {"DeliveryStreamStatus": state}}
    found = check_stream(fake_context(describe_delivery_stream=answer))
    assert found.status == status
    assert told in found.fix + found.next_step


@pytest.mark.parametrize(
    ("configuration", "concurrency", "status", "told"),
    [
        ({"State": "Active", "LastUpdateStatus": "Successful"}, {}, None, ""),
        ({"State": "Active"}, {"ReservedConcurrentExecutions": 1}, None, ""),
        ({"State": "Active"}, {"ReservedConcurrentExecutions": 0}, WRONG, "pressed Throttle"),
        ({"State": "Pending"}, {}, UNKNOWN, "run doctor again"),
        ({"State": "Active", "LastUpdateStatus": "InProgress"}, {}, UNKNOWN, "run doctor again"),
        ({"State": "Failed", "StateReason": "no KMS key"}, {}, WRONG, "no KMS key"),
        ({"State": "Failed"}, {}, WRONG, "no reason given"),
        (
            {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no memory"},
            {},
            WRONG,
            "no memory",
        ),
    ],
)
def test_a_function(
    configuration: dict[str, str], concurrency: dict[str, int], status: str | None, told: str
) -> None:
    """Lambda API Reference, "FunctionConfiguration"."""
    context = fake_context(
        get_function={"Configuration": configuration}, get_function_concurrency=concurrency
    )
    found = not_active(context, at.REKOGNITION)
    assert (found.status if found else None) == status
    if found:
        assert told in found.cause + found.next_step
        assert bool(found.fix) == (status == WRONG)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ApproximateNumberOfMessages", WRONG),
        ("ApproximateNumberOfMessagesNotVisible", WRONG),  # somebody is just reading it
        ("ApproximateNumberOfMessagesDelayed", WRONG),
        ("DelaySeconds", OK),
    ],
)
def test_what_is_in_the_queue(monkeypatch: pytest.MonkeyPatch, name: str, status: str) -> None:
    """SQS API Reference, "GetQueueAttributes"."""
    for runs in ("recent_runs", "all_runs"):
        monkeypatch.setattr(functions, runs, lambda *_: [])
    counts = dict.fromkeys(functions.QUEUE_COUNTS, "0") | {name: "1"}
    context = fake_context()

    def call(_: str, __: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        return {"Attributes": {one: counts[one] for one in AttributeNames}}

    monkeypatch.setattr(context, "call", call)
    assert functions.check_queue(context).status == status


IN_ORDER = {
    "REFERENCE_PHOTO": "celebrity.jpg",
    "SIMILARITY_THRESHOLD": "80",
    "TABLE_NAME": "x",
    "TOPIC_ARN": "x",
}


def without(name: str) -> dict[str, str]:
    """All variables but one."""
    return {other: value for other, value in IN_ORDER.items() if other != name}


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (IN_ORDER, ""),
        (IN_ORDER | {"REFERENCE_PHOTO": "me.jpg", "SIMILARITY_THRESHOLD": "90", "MINE": "1"}, ""),
        (IN_ORDER | {"TABLE_NAME": "another"}, "TABLE_NAME is another"),
        (IN_ORDER | {"TOPIC_ARN": ""}, "TOPIC_ARN is "),
        (without("TOPIC_ARN"), "TOPIC_ARN is not set"),
        (without("REFERENCE_PHOTO"), "REFERENCE_PHOTO is not set"),
    ],
)
def test_the_environment_of_a_function(variables: dict[str, str], told: str) -> None:
    """Another photo or threshold is the learner's choice; what names resources is not."""
    context = fake_context(
        get_function={"Configuration": {"Environment": {"Variables": variables}}}
    )
    context.parameters = {"PersonPhotoFilename": "celebrity.jpg", "SimilarityThreshold": "80"}
    found = functions.other_environment(context, at.REKOGNITION)
    assert (found.message if found else "") == (told and f"its environment was changed: {told}")
    if found:
        assert "update-function-configuration" in found.fix


@pytest.mark.parametrize(
    ("seconds", "status", "told"), [(10, UNKNOWN, "has been running"), (40, WRONG, "does not end")]
)
def test_a_run_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, seconds: int, status: str, told: str
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=seconds)
    monkeypatch.setattr(functions, "running_since", lambda *_: began)
    context = fake_context(get_function={"Configuration": {"Timeout": 60}})
    found = functions.endless_run(context, at.REKOGNITION)
    assert found
    assert found.status == status
    assert told in found.message
    assert status == UNKNOWN or "Lambda stops it after 60 s" in found.cause


@pytest.mark.parametrize(
    ("bucket", "seconds", "event"),
    [
        ("RekognitionBucket", 0, triggers.PUT),
        ("TwitterBucket", 0, triggers.MULTIPART),
        ("TwitterBucket", 59, triggers.MULTIPART),
        ("TwitterBucket", 60, triggers.PUT),
    ],
)
def test_the_event_of_a_new_object(bucket: str, seconds: int, event: str) -> None:
    context = fake_context()
    context.parameters = {"BufferSeconds": str(seconds)}
    assert triggers.event_of(context, bucket) == event


@pytest.mark.parametrize(("state", "status"), [("ACTIVE", OK), ("UPDATING", UNKNOWN)])
def test_a_table(state: str, status: str) -> None:
    found = check_table(fake_context(describe_table={"Table": {"TableStatus": state}}))
    assert found.status == status
    assert found.message == f"x is {state}"


@pytest.mark.parametrize(
    ("action", "status", "told", "consequence"),
    [
        ("s3:GetObject", UNKNOWN, "the role allows it now", ()),
        ("SNS:Publish", UNKNOWN, "the role allows it now", ()),
        ("kms:Decrypt", WRONG, "put-bucket-encryption", (at.REFERENCE,)),
        ("s3:DeleteBucket", WRONG, "Remove the call that needs s3:DeleteBucket", ()),
    ],
)
def test_a_denied_action(action: str, status: str, told: str, consequence: tuple[str, ...]) -> None:
    found = explain_denied(fake_context(), at.REKOGNITION, "its last run failed", action)
    assert (found.status, found.consequence_of) == (status, consequence)
    assert told in found.message + found.fix


def test_a_function_whose_policy_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    context = fake_context()

    def call(logical_id: str, operation: str) -> dict[str, Any]:
        if operation == "get_policy":
            raise GoneError(logical_id)
        return {}

    monkeypatch.setattr(context, "call", call)
    found = triggers.missing_permission(context, at.TWITTER, "TwitterBucket")
    assert found
    assert found.message == f"S3 is not allowed to invoke {at.TWITTER}"
    assert "aws lambda add-permission" in found.fix


@pytest.mark.parametrize(
    ("logical_id", "fix"),
    [
        ("RekognitionLambdaLogs", "aws logs create-log-group --log-group-name x, and post again"),
        ("RekognitionBucket", "aws s3 mb s3://x --region eu-west-1 && aws cloudformation"),
        ("RekognitionLambdaRole", "aws cloudformation delete-stack"),
    ],
)
def test_a_resource_that_somebody_deleted(logical_id: str, fix: str) -> None:
    context = fake_context()
    context.region = "eu-west-1"

    def gone(_: object) -> at.Finding:
        raise GoneError(logical_id)

    found = check(Stage("its own", gone), context)
    assert found.status == UNKNOWN  # the stage that owns it says more
    found = check(Stage(found.message.removeprefix("see "), gone), context)
    assert (found.status, found.message) == (WRONG, f"x ({logical_id}) no longer exists")
    assert found.fix.startswith(fix)


def test_without_rights_to_see_the_stack_nothing_is_checked() -> None:
    context = fake_context(get_caller_identity={"Account": "123456789012"})
    refuse(context, "get_paginator")  # that of DescribeStacks
    context.ids = {}
    findings = check_all(context)
    assert findings[at.CREDENTIALS].message == "AWS account 123456789012, region eu-west-1"
    assert findings[at.STACK].status == WRONG
    assert "ReadOnlyAccess" in findings[at.STACK].fix
    assert at.WORKSHOP not in findings  # that is offline only
    assert findings[at.COMPARISON] == at.unknown(f"not checked: see {at.STACK}")


HERE = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("endpoint", "runs", "told"),
    [
        (HERE, True, "Stop the workshop with Ctrl-C and start it again"),
        (HERE, False, "Start the workshop: python scripts/workshop.py start"),
        ("http://127.0.0.1:1", True, "Start the workshop: python scripts/workshop.py start"),
        ("", True, "Use aws login, or aws configure"),
    ],
)
def test_an_account_that_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, runs: bool, told: str
) -> None:
    workshop = Running("eu-west-1", HERE, "x", "r", "p", {}) if runs else None
    monkeypatch.setattr(running, "find", lambda: workshop)
    assert how_to_get_in(endpoint).startswith(told)
