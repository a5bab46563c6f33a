"""From X to the photos: the streamer, delivery and its triggers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from doctor.checked_workshop import CheckedWorkshop, fake_context
from kit.commands.doctor.finding import (
    INSTANCE,
    PHOTOS,
    STREAM,
    STREAMER,
    TRIGGERS,
    UNKNOWN,
    WRONG,
    ok,
)
from kit.commands.doctor.streamer import check_streamer
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.stack.stack import EMAIL
from support import wait_until

pytestmark = pytest.mark.usefixtures("terminal")


def test_the_streamer_or_the_instance_is_stopped(workshop: CheckedWorkshop) -> None:
    workshop.compare()
    workshop.stop_streamer()
    assert "python twitter_streaming.py" in workshop.diagnose(STREAMER).fix
    workshop.faults.x(kind="status", status=402)
    with pytest.raises(WorkshopError):
        workshop.start_streamer()
    assert "402 CreditsDepleted" in workshop.diagnose(STREAMER).cause
    (ec2, name) = workshop.client("ec2"), workshop.stack.resource("StreamingInstance")
    ec2.stop_instances(InstanceIds=[name])
    assert f"aws ec2 start-instances --instance-ids {name}" in workshop.diagnose(INSTANCE).fix


def test_on_aws_the_streamer_shows_only_by_what_it_sent() -> None:
    context = fake_context(get_metric_statistics={"Datapoints": [{"Sum": 2.0}, {"Sum": 1.0}]})
    assert check_streamer(context) == ok("it sent 3 records in the last 15 minutes")
    context = fake_context(get_metric_statistics={"Datapoints": []})
    context.outputs["ConnectToInstance"] = "https://console"
    finding = check_streamer(context)
    assert finding.status == UNKNOWN
    assert "only its terminal" in finding.message
    assert "https://console" in finding.next_step


@pytest.mark.parametrize(("hours", "status"), [(0.2, UNKNOWN), (3, WRONG)])
def test_on_aws_an_instance_that_began_after_the_launch_has_no_streamer(
    hours: float, status: str
) -> None:
    now = datetime.now(UTC)
    instance = {"LaunchTime": now - timedelta(hours=1)}
    context = fake_context(
        get_metric_statistics={"Datapoints": []},
        describe_instances={"Reservations": [{"Instances": [instance]}]},
    )
    context.created = now - timedelta(hours=1 + hours)
    finding = check_streamer(context)
    assert finding.status == status
    if status == WRONG:
        assert "The instance was replaced, or stopped and started" in finding.cause
        assert "python twitter_streaming.py" in finding.fix


def test_the_delivery_stream_is_deleted(workshop: CheckedWorkshop) -> None:
    workshop.compare()
    name = workshop.stack.resource("DeliveryStream")
    workshop.client("firehose").delete_delivery_stream(DeliveryStreamName=name)
    workshop.diagnose(STREAM)
    workshop.tweet()
    wait_until(lambda: not workshop.streamer_runs())  # it has nowhere to send the post to
    finding = workshop.diagnose(STREAM)
    assert f"{name} does not exist" in finding.message
    workshop.fix(finding)
    workshop.start_streamer()
    workshop.compare()
    workshop.is_well()


def test_the_delivery_stream_writes_elsewhere(workshop: CheckedWorkshop) -> None:
    firehose, name = workshop.client("firehose"), workshop.stack.resource("DeliveryStream")
    answer = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=answer["VersionId"],
        DestinationId=answer["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"BucketARN": "arn:aws:s3:::elsewhere"},
    )
    finding = workshop.diagnose(STREAM)
    assert "arn:aws:s3:::elsewhere" in finding.message
    workshop.fix(finding)
    workshop.is_well()


def test_s3_does_not_invoke_a_function(workshop: CheckedWorkshop) -> None:
    functions, s3 = workshop.client("lambda"), workshop.client("s3")
    for name in ("Twitter", "Rekognition"):
        function = workshop.stack.resource(f"{name}LambdaFunction")
        policy = json.loads(functions.get_policy(FunctionName=function)["Policy"])
        for statement in policy["Statement"]:
            functions.remove_permission(FunctionName=function, StatementId=statement["Sid"])
        finding = workshop.diagnose(TRIGGERS)
        assert f"S3 is not allowed to invoke {name}LambdaFunction" in finding.message
        workshop.fix(finding)
        bucket = workshop.stack.resource(f"{name}Bucket")
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        workshop.tweet()
        finding = workshop.diagnose(TRIGGERS)
        assert f"does not invoke {name}LambdaFunction" in finding.message
        workshop.fix(finding)
    workshop.compare()
    workshop.is_well()


def test_the_notification_is_about_other_events_or_keys(workshop: CheckedWorkshop) -> None:
    other_keys = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "photos/"}]}}
    for name, change in (
        ("Twitter", {"Events": ["s3:ObjectCreated:Put"]}),  # Firehose's objects come in parts
        ("Rekognition", {"Filter": other_keys}),
    ):
        s3, bucket = workshop.client("s3"), workshop.stack.resource(f"{name}Bucket")
        found = s3.get_bucket_notification_configuration(Bucket=bucket)
        (notification,) = found["LambdaFunctionConfigurations"]
        changed = {"LambdaFunctionConfigurations": [notification | change]}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=changed)
        finding = workshop.diagnose(TRIGGERS)
        assert f"does not invoke {name}LambdaFunction" in finding.message
        workshop.fix(finding)
    workshop.compare()
    workshop.is_well()


def test_all_photos_are_rejected(system: OfflineSystem) -> None:
    parameters = system.parameters(EMAIL)
    del parameters["PhotoUrlPrefix"]  # forgotten, so it is X's own
    with mock.patch.object(system, "parameters", return_value=parameters):
        workshop = CheckedWorkshop(system)
        workshop.do_all_steps()
    workshop.tweet()
    wait_until(lambda: "rejected" in workshop.log("Twitter"))
    finding = workshop.diagnose(PHOTOS)
    assert "below https://pbs.twimg.com/media/" in finding.cause
    assert "PhotoUrlPrefix" in finding.fix
    workshop.close()
