"""The plug-ins of the emulated AWS, seen from outside through boto3 and HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.stack.stack import EMAIL, Stack, left_over
from kit.stack.template import TEMPLATE, compact_body
from support import wait_for


def policy(stack: Stack, role: str) -> tuple[Any, dict[str, Any]]:
    iam, name = stack.aws.client("iam"), stack.resource(role)
    (policy_name,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    answer = iam.get_role_policy(RoleName=name, PolicyName=policy_name)
    return iam, {"RoleName": name, "PolicyName": policy_name, "document": answer["PolicyDocument"]}


def remove_statement(stack: Stack, role: str, sid: str) -> None:
    iam, found = policy(stack, role)
    document = found.pop("document")
    kept = [s for s in document["Statement"] if s["Sid"] != sid]
    assert len(kept) == len(document["Statement"]) - 1
    iam.put_role_policy(**found, PolicyDocument=json.dumps(document | {"Statement": kept}))


def on_the_instance(system: OfflineSystem, stack: Stack, program: str) -> str:
    """Run a Python program as it would run on the instance, with the instance's role."""
    root = instance.boot(system.folder, stack)
    environment = instance.environment(system.aws.url, system.x_url, root)
    environment["AWS_DEFAULT_REGION"] = system.aws.region
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_stack_is_what_the_template_says_and_leaves_nothing(system: OfflineSystem) -> None:
    stack = Stack.launch(system.aws, system.parameters(EMAIL))
    resources = json.loads(TEMPLATE.read_text())["Resources"]
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
        aws_access_key_id="test",
        aws_secret_access_key="test",
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
    ssh = {"KeyName": "mine", "SSHLocation": "203.0.113.7/32"}
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
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    assert attributes["Attributes"]["PendingConfirmation"] == "true"
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
    contents = wait_for(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    assert len(contents) == 1
    assert contents[0]["Key"].startswith("firehose/")
    body = s3.get_object(Bucket=bucket, Key=contents[0]["Key"])["Body"].read()
    assert body == b"".join(record["Data"] for record in records)


def test_the_instance_may_do_what_the_streamer_does_and_no_more(
    system: OfflineSystem, stack: Stack
) -> None:
    secret, stream = stack.resource("TwitterKeys"), stack.resource("DeliveryStream")
    bucket = stack.resource("TwitterBucket")
    system.aws.client("secretsmanager").create_secret(Name="somebody-else-s", SecretString="x")
    program = f"""
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
calls = {{
    "own secret": lambda: boto3.client("secretsmanager").get_secret_value(SecretId={secret!r}),
    "send": lambda: boto3.client("firehose").put_record_batch(
        DeliveryStreamName={stream!r}, Records=[{{"Data": b"x"}}]),
    "other secret": lambda: boto3.client("secretsmanager").get_secret_value(
        SecretId="somebody-else-s"),
    "read bucket": lambda: boto3.client("s3").list_objects_v2(Bucket={bucket!r}),
    "parameter": lambda: boto3.client("ssm").get_parameter(Name="x"),
}}
for name, call in calls.items():
    try:
        call()
        print(name, "yes")
    except Exception as error:
        print(name, "denied" if "AccessDenied" in str(error) else error)
"""
    output = on_the_instance(system, stack, program)
    assert stack.resource("StreamingInstanceRole") in output
    assert stack.resource("StreamingInstance") in output
    assert "own secret yes" in output
    assert "send yes" in output
    for denied in ("other secret", "read bucket", "parameter"):
        assert f"{denied} denied" in output, output


@pytest.fixture
def own_stack(system: OfflineSystem) -> Iterator[Stack]:
    """A stack to break."""
    launched = Stack.launch(system.aws, system.parameters(EMAIL))
    yield launched
    launched.delete()


def send_photo(system: OfflineSystem, stack: Stack, photo: bytes) -> None:
    media_id = system.x.upload(photo)
    system.x.post("x", [media_id])
    post = requests.get(f"{system.x_url}/_workshop/posts", timeout=5).json()[0]
    line = {"media_key": f"3_{media_id}", "url": post["media"][0]["url"]}
    system.aws.client("firehose").put_record_batch(
        DeliveryStreamName=stack.resource("DeliveryStream"),
        Records=[{"Data": json.dumps(line).encode()}],
    )


def objects(stack: Stack, bucket: str) -> list[Any]:
    answer = stack.aws.client("s3").list_objects_v2(Bucket=stack.resource(bucket))
    return list(answer.get("Contents", []))


def failures(stack: Stack) -> list[Any]:
    queue = stack.aws.client("sqs")
    answer = queue.receive_message(QueueUrl=stack.resource("FailureQueue"))
    return list(answer.get("Messages", []))


@pytest.mark.parametrize("sid", ["ReadPosts", "KeepMetadata", "StorePhotos"])
def test_what_its_role_does_not_allow_a_function_cannot_do(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path], sid: str
) -> None:
    remove_statement(own_stack, "TwitterLambdaRole", sid)
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    assert wait_for(lambda: failures(own_stack))
    assert "not authorized" in "".join(own_stack.log_lines("TwitterLambdaLogs"))
    assert objects(own_stack, "RekognitionBucket") == []


def test_a_failure_is_reported_only_if_the_role_may(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path]
) -> None:
    remove_statement(own_stack, "TwitterLambdaRole", "ReadPosts")
    remove_statement(own_stack, "TwitterLambdaRole", "ReportFailures")
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    wait_for(lambda: "".join(own_stack.log_lines("TwitterLambdaLogs")).count("REPORT") == 3)
    time.sleep(0.3)
    assert failures(own_stack) == []


def test_a_log_is_written_only_if_the_role_may(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path]
) -> None:
    remove_statement(own_stack, "TwitterLambdaRole", "WriteLogs")
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    wait_for(lambda: objects(own_stack, "RekognitionBucket"))
    assert own_stack.log_lines("TwitterLambdaLogs") == []


def test_firehose_delivers_only_if_its_role_may(
    system: OfflineSystem, own_stack: Stack, pictures: dict[str, Path]
) -> None:
    remove_statement(own_stack, "DeliveryStreamRole", "WritePosts")
    send_photo(system, own_stack, pictures["obama.jpg"].read_bytes())
    time.sleep(1)
    assert objects(own_stack, "TwitterBucket") == []


def test_what_the_emulated_rekognition_may_ask(system: OfflineSystem, stack: Stack) -> None:
    url = f"{system.aws.url}/_workshop/authorize"
    question = {"action": "rekognition:CompareFaces", "resource": "*"}
    answers = {
        key: requests.get(url, params={"access_key": key, **question}, timeout=5).json()
        for key in ("test", "ASIAUNKNOWN")
    }
    assert answers["test"] == {"allowed": True}
    assert answers["ASIAUNKNOWN"]["allowed"] is False


@pytest.mark.parametrize(
    ("path", "status"), [("authorize", 400), ("outbox?after=x", 400), ("unknown", 404)]
)
def test_a_question_that_nobody_understands_is_refused(
    system: OfflineSystem, path: str, status: int
) -> None:
    answer = requests.get(f"{system.aws.url}/_workshop/{path}", timeout=5)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux has /proc/net/tcp")
def test_all_servers_listen_on_loopback_only(system: OfflineSystem) -> None:
    urls = (system.aws.url, system.x_url, system.rekognition_url)
    ports = {int(url.rpartition(":")[2]) for url in urls}
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            address, _, port = local.partition(":")
            if state == "0A" and int(port, 16) in ports:  # listening
                addresses.add(address)
    assert addresses == {"0100007F"}
