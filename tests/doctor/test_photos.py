"""Photos, the reference photo and what was compared: by what the buckets, logs and table hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from doctor.checked_workshop import fake_context
from kit.commands.doctor import delivery
from kit.commands.doctor import finding as at
from kit.commands.doctor.finding import OK, UNKNOWN, WRONG
from kit.commands.doctor.function_runs import Run
from kit.commands.doctor.functions import explain_error
from kit.commands.doctor.matches import check_comparison, delivered_mails
from kit.commands.doctor.reference import check_reference, encrypted_reference, missing_reference
from kit.commands.doctor.stack_context import StackContext, metric_sum
from kit.commands.doctor.streamer import incoming_records

pytestmark = pytest.mark.unit


def written(key: str, seconds: float = 0.0) -> dict[str, Any]:
    """An object in a bucket, written so many seconds ago."""
    return {"Key": key, "LastModified": datetime.now(UTC) - timedelta(seconds=seconds)}


def run_of(*lines: str) -> Run:
    return Run(datetime.now(UTC), lines)


OLD, NEW = ("firehose/1", 120.0), ("firehose/2", 20.0)  # keys, and how many seconds ago
STORED, EARLIER = ("images/3_2.jpg", 0.0), ("images/3_1.jpg", 3600.0)
URL = "Photo 3_1 rejected: its URL is of another host"
METADATA = "Photo a.jpg rejected: not the metadata of a post"


@pytest.mark.parametrize(
    ("metadata", "photos", "lines", "status", "told", "consequence"),
    [
        ([], [], [], UNKNOWN, "none yet in x/images/", ()),
        ([NEW], [], [], UNKNOWN, "none yet in x/images/", ()),
        ([OLD, NEW], [], [], UNKNOWN, "none yet in x/images/", ()),  # the newest counts
        (
            [OLD],
            [],
            [],
            WRONG,
            "though metadata arrived at",
            (at.STREAM, at.OBJECTS, at.TRIGGERS, at.TWITTER),
        ),
        ([OLD], [], [URL], WRONG, "all were rejected", (at.TWITTER,)),
        ([OLD], [], [METADATA], WRONG, "all were rejected", (at.TWITTER, at.REFERENCE)),
        ([OLD], [STORED], [], OK, "1 photo, the latest at", ()),
        ([OLD], [STORED, EARLIER], [URL], OK, "the last run rejected one: its URL is of", ()),
    ],
)
def test_photos(
    monkeypatch: pytest.MonkeyPatch,
    metadata: list[tuple[str, float]],
    photos: list[tuple[str, float]],
    lines: list[str],
    status: str,
    told: str,
    consequence: tuple[str, ...],
) -> None:
    monkeypatch.setattr(delivery, "recent_runs", lambda *_: [run_of(line) for line in lines])
    context = fake_context()
    held = {("TwitterBucket", ""): metadata, ("RekognitionBucket", "images/"): photos}

    def objects(bucket: str, prefix: str = "") -> list[dict[str, Any]]:
        return [written(*entry) for entry in held[bucket, prefix]]

    monkeypatch.setattr(context, "objects", objects)
    found = delivery.check_photos(context)
    assert (found.status, found.consequence_of) == (status, consequence)
    assert told in found.message


def item(outcome: str = "", similarity: str = "", created_at: str = "") -> dict[str, Any]:
    values = {"outcome": outcome, "created_at": created_at}
    found: dict[str, Any] = {name: {"S": value} for name, value in values.items() if value}
    return found | ({"similarity": {"N": similarity}} if similarity else {})


@pytest.mark.parametrize(
    ("items", "status", "told"),
    [
        ([], UNKNOWN, "no photo yet"),
        ([item(), item()], UNKNOWN, "no photo has an outcome yet; photos: 2 not compared"),
        (
            [
                item("other person"),
                item("other person", created_at="2026-11-27T09:00:00Z"),
                item("match", "99.5", "2026-11-27T10:00:00Z"),
                item(),
            ],
            OK,
            "match, 99.5 % similar, posted at 2026-11-27T10:00:00Z; photos: "
            "2 other person, 1 match, 1 not compared",
        ),
        ([item("match")], OK, "match, posted at an unknown time; photos: 1 match"),
    ],
)
def test_what_was_compared(items: list[dict[str, Any]], status: str, told: str) -> None:
    found = check_comparison(fake_context(scan={"Items": items}))
    assert (found.status, found.message) == (status, told)


@pytest.mark.parametrize(
    ("faces", "endpoint", "status", "told"),
    [
        (0, "", WRONG, "celebrity.jpg shows no face that Rekognition finds"),
        (1, "", OK, "celebrity.jpg shows 1 face (AWS bills this check as one image)"),
        (1, "http://127.0.0.1:1", OK, "celebrity.jpg shows 1 face"),
        (2, "http://127.0.0.1:1", OK, "celebrity.jpg shows 2 faces; the largest one is compared"),
    ],
)
def test_the_faces_of_the_reference(faces: int, endpoint: str, status: str, told: str) -> None:
    variables = {"Variables": {"REFERENCE_PHOTO": "celebrity.jpg"}}
    context = fake_context(
        get_function={"Configuration": {"Environment": variables}},
        detect_faces={"FaceDetails": [{}] * faces},
        head_object={},
        list_objects_v2={"Contents": [written("celebrity.jpg"), written("celebrity.jpg.bak")]},
    )
    context.endpoint = endpoint
    found = check_reference(context)
    assert (found.status, found.message) == (status, told)


@pytest.mark.parametrize(
    ("beside", "elsewhere", "fix"),
    [
        ([], [], "aws s3 cp YOUR-PHOTO s3://photos/celebrity.jpg"),
        (["images/3_1.jpg"], ["firehose/1"], "aws s3 cp YOUR-PHOTO s3://photos/celebrity.jpg"),
        ([], ["firehose/1", "me.JPG"], "aws s3 mv s3://posts/me.JPG s3://photos/celebrity.jpg"),
        ([], ["me.jpeg"], "aws s3 mv s3://posts/me.jpeg s3://photos/celebrity.jpg"),
        ([], ["me.png"], "aws s3 mv s3://posts/me.png s3://photos/celebrity.jpg"),
        (["me.jpg"], ["me.png"], "aws s3 cp s3://photos/me.jpg s3://photos/celebrity.jpg"),
        (
            ["Celebrity.JPG", "holidays.jpg", "images/3_1.jpg"],
            [],
            "aws s3 cp s3://photos/Celebrity.JPG s3://photos/celebrity.jpg",
        ),
    ],
)
def test_where_the_reference_is_instead(
    monkeypatch: pytest.MonkeyPatch, beside: list[str], elsewhere: list[str], fix: str
) -> None:
    context = fake_context()
    context.ids |= {"RekognitionBucket": "photos", "TwitterBucket": "posts"}
    keys = {"RekognitionBucket": beside, "TwitterBucket": elsewhere}
    monkeypatch.setattr(context, "objects", lambda bucket: [written(key) for key in keys[bucket]])
    found = missing_reference(context, "celebrity.jpg")
    assert found.status == WRONG
    assert found.fix.startswith(fix)


def test_without_a_name_no_reference_is_looked_for() -> None:
    found = check_reference(fake_context(get_function={"Configuration": {}}))
    assert found.status == UNKNOWN
    assert "has no REFERENCE_PHOTO: see RekognitionLambdaFunction" in found.message


def refuse(context: StackContext, operation: str) -> None:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
    getattr(context.client("any"), operation).side_effect = error


@pytest.mark.parametrize(("encryption", "is_locked"), [("aws:kms:dsse", True), ("AES256", False)])
def test_a_key_that_nobody_may_look_at_is_not_the_functions(
    encryption: str, is_locked: bool
) -> None:
    context = fake_context(head_object={"ServerSideEncryption": encryption, "SSEKMSKeyId": "k"})
    refuse(context, "describe_key")
    found = encrypted_reference(context, "celebrity.jpg")
    assert bool(found) == is_locked
    if found:
        assert found.fix == "aws s3 cp s3://x/celebrity.jpg s3://x/celebrity.jpg --sse AES256"


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
    found = explain_error(context, function, "its last run failed", run_of(f"[ERROR] {error}"))
    assert cause in found.cause
    assert ("A post can lack" in found.cause) == ("A post can lack" in cause)
    assert fix in found.fix
    assert ("--timeout" in found.fix) == ("--timeout" in fix)


def test_metrics_are_summed_over_the_time_that_is_meant() -> None:
    """CloudWatch API Reference, "GetMetricStatistics": at most 1,440 points."""
    context = fake_context(get_metric_statistics={"Datapoints": [{"Sum": 2.0}, {"Sum": 40.0}]})
    asked = context.client("cloudwatch").get_metric_statistics
    assert incoming_records(context, minutes=15) == 42
    arguments = asked.call_args.kwargs
    assert (arguments["Namespace"], arguments["MetricName"]) == ("AWS/Firehose", "IncomingRecords")
    assert arguments["Dimensions"] == [{"Name": "DeliveryStreamName", "Value": "x"}]
    assert arguments["EndTime"] - arguments["StartTime"] == timedelta(minutes=15)
    assert (arguments["Period"], arguments["Statistics"]) == (300, ["Sum"])
    context.ids["MatchTopic"] = "arn:aws:sns:eu-west-1:000000000000:topic"
    assert delivered_mails(context) == 42
    arguments = asked.call_args.kwargs
    assert (arguments["Namespace"], arguments["MetricName"]) == (
        "AWS/SNS",
        "NumberOfNotificationsDelivered",
    )
    assert arguments["Dimensions"] == [{"Name": "TopicName", "Value": "topic"}]
    assert arguments["EndTime"] - arguments["StartTime"] == timedelta(days=14)
    assert timedelta(days=14) / timedelta(seconds=arguments["Period"]) <= 1440
    refuse(context, "get_metric_statistics")
    assert delivered_mails(context) == 0  # only a hint
    with pytest.raises(ClientError):
        metric_sum(context, "AWS/SNS", "any", 1)
