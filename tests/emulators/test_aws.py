"""The emulated AWS, seen from outside through boto3 and HTTP."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from emulators.resources import key_pair
from kit.emulators.system import OfflineSystem
from kit.stack.inventory import left_over
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import TEMPLATE, compact_body, load_template
from support import wait_until


def test_the_stack_is_what_the_template_says_and_leaves_nothing(system: OfflineSystem) -> None:
    stack = Stack.launch(system.aws, system.parameters(EMAIL))
    resources = load_template()["Resources"]
    listed = stack.cloudformation.describe_stack_resources(StackName=stack.name)["StackResources"]
    assert {r["LogicalResourceId"] for r in listed} == set(resources)
    assert left_over(system.aws, stack.name)
    for bucket in ("TwitterBucket", "RekognitionBucket"):
        system.aws.client("s3").put_object(Bucket=stack.resource(bucket), Key="a b/ü", Body=b"x")
    stack.delete()
    assert left_over(system.aws, stack.name) == []


def test_two_stacks_fit_into_one_account(system: OfflineSystem, stack: Stack) -> None:
    second = Stack.launch(system.aws, system.parameters(EMAIL))
    assert second.resource("TwitterBucket") != stack.resource("TwitterBucket")
    second.delete()


def test_a_wrong_parameter_is_refused(system: OfflineSystem) -> None:
    with pytest.raises(ClientError, match="EmailAddress"):
        Stack.launch(system.aws, system.parameters("not an address"))


def test_a_region_without_rekognition_is_refused(system: OfflineSystem) -> None:
    cloudformation = boto3.client(
        "cloudformation",
        endpoint_url=system.aws.url,
        region_name="eu-north-1",
        aws_access_key_id=system.keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=system.keys["AWS_SECRET_ACCESS_KEY"],
    )
    parameters = [
        {"ParameterKey": name, "ParameterValue": value}
        for name, value in system.parameters(EMAIL).items()
    ]
    with pytest.raises(ClientError, match="This region has no Amazon Rekognition"):
        cloudformation.create_stack(
            StackName="north",
            TemplateBody=compact_body(TEMPLATE.read_text()),
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
        )


def test_ssh_is_open_only_when_asked_for(system: OfflineSystem, stack: Stack) -> None:
    ec2 = system.aws.client("ec2")

    def ports(of: Stack) -> list[tuple[int, str]]:
        group = of.resource("StreamingInstanceSecurityGroup")
        (answer,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return [(p["FromPort"], p["IpRanges"][0]["CidrIp"]) for p in answer["IpPermissions"]]

    assert ports(stack) == []
    ssh = {"KeyName": key_pair(system.aws), "SSHLocation": "203.0.113.7/32"}
    second = Stack.launch(system.aws, system.parameters(EMAIL) | ssh)
    assert ports(second) == [(22, "203.0.113.7/32")]
    second.delete()


def test_an_address_gets_no_mail_before_it_is_confirmed(system: OfflineSystem) -> None:
    stack = Stack.launch(system.aws, system.parameters("new@example.com"))
    sns, topic = system.aws.client("sns"), stack.resource("MatchTopic")

    def subjects() -> list[str]:
        mails = [mail for mail in system.aws.outbox() if mail["to"] == "new@example.com"]
        return [mail["subject"] for mail in mails]

    sns.publish(TopicArn=topic, Subject="too early", Message="x")
    assert subjects() == ["AWS Notification - Subscription Confirmation"]
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["SubscriptionArn"] == "PendingConfirmation"
    stack.confirm_subscription()
    sns.publish(TopicArn=topic, Subject="in time", Message="hello")
    assert subjects()[1:] == ["in time"]
    stack.delete()


def test_records_that_arrive_together_become_one_object(stack: Stack) -> None:
    firehose, s3 = stack.aws.client("firehose"), stack.aws.client("s3")
    name, bucket = stack.resource("DeliveryStream"), stack.resource("TwitterBucket")
    records = [{"Data": f"line {number}\n".encode()} for number in range(500)]
    answer = firehose.put_record_batch(DeliveryStreamName=name, Records=records)
    assert answer["FailedPutCount"] == 0
    contents = wait_until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    assert len(contents) == 1
    assert contents[0]["Key"].startswith("firehose/")
    body = s3.get_object(Bucket=bucket, Key=contents[0]["Key"])["Body"].read()
    assert body == b"".join(record["Data"] for record in records)


@pytest.mark.parametrize(
    ("path", "status"), [("authorize", 400), ("outbox?after=x", 400), ("unknown", 404)]
)
def test_a_question_that_nobody_understands_is_refused(
    system: OfflineSystem, path: str, status: int
) -> None:
    admin = system.admin("aws")
    answer = admin.session.get(admin.url + path, timeout=60)
    assert answer.status_code == status
    assert answer.json()["error"]


SLOW = """
import pathlib, time

def lambda_handler(event, context):
    pathlib.Path(event["file"]).touch()
    time.sleep(2)
    return "old"
"""


def test_an_invocation_ends_with_the_code_with_which_it_began(
    system: OfflineSystem, tmp_path: Path
) -> None:
    stack = Stack.launch(system.aws, system.parameters(EMAIL))
    functions = system.aws.client("lambda")
    name = stack.resource("RekognitionLambdaFunction")
    stack.replace_code("RekognitionLambdaFunction", SLOW)
    begun = tmp_path / "begun"

    def answer() -> str:
        payload = json.dumps({"file": str(begun)})
        return str(functions.invoke(FunctionName=name, Payload=payload)["Payload"].read(), "utf-8")

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(answer)
        wait_until(begun.exists)
        stack.replace_code("RekognitionLambdaFunction", SLOW.replace("old", "new"))
        assert running.result() == '"old"'
    assert answer() == '"new"'
    stack.delete()
