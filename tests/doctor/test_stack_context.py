"""The template as the doctor reads it, with its references resolved; and metrics, summed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from doctor.checked_workshop import fake_context, refuse
from kit.commands.doctor.matches import delivered_mails
from kit.commands.doctor.stack_context import metric_sum
from kit.commands.doctor.stages import OWNERS
from kit.commands.doctor.streamer import incoming_records
from kit.stack.template import load_template

pytestmark = pytest.mark.unit

ROLES = [name for name in OWNERS if name.endswith("Role")]


@pytest.mark.parametrize("role", ROLES)
def test_the_policies_of_a_role_resolve(role: str) -> None:
    context = fake_context()
    context.partition, context.region, context.account = "aws", "eu-west-1", "123456789012"
    (policy,) = context.expected(role, "Policies")
    text = json.dumps(policy["PolicyDocument"])
    assert "Fn::" not in text
    assert "${" not in text
    for statement in policy["PolicyDocument"]["Statement"]:
        resource = statement["Resource"]
        for arn in resource if isinstance(resource, list) else [resource]:
            assert arn in ("*", "x") or arn.startswith("arn:aws:"), arn  # x is the fake's every ID


def test_each_resource_that_a_stage_owns_is_in_the_template() -> None:
    assert set(OWNERS) <= set(load_template()["Resources"])


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
