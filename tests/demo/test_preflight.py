"""`demo --aws` against the emulated AWS: what it refuses before it launches anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from kit.commands.demo import preflight
from kit.commands.demo.command import NAME
from kit.stack.stack import EMAIL, Stack
from support.stub_server import Answer, StubServer
from support.systems import BorrowedSystem
from support.workshop import Faults


def said(done: Result) -> str:
    """All that it has printed, in one line."""
    return " ".join(done.output.split())


def test_nothing_is_launched_before_the_question_is_answered(
    run: Callable[..., Result], system: BorrowedSystem
) -> None:
    done = run(typed="n\n")
    assert done.exit_code == 1
    lines = [
        "account 000000000000, region eu-west-1, as arn:aws:sts::000000000000:assumed-role/demo-",
        "Rekognition is open to this account",
        "Firehose is open to this account",
        "the region has the type of the instance",
        f"no stack is called {NAME}",
        "the default VPC has a public subnet",
        "it takes about 15 minutes and costs about $0.01: $0.018 an hour, and 9 photos",
        f"Launch {NAME} in account 000000000000? [y/N]: n",
    ]
    assert "not looked at" not in done.output
    positions = [said(done).find(line) for line in lines]
    assert -1 not in positions, lines[positions.index(-1)] + done.output
    assert positions == sorted(positions)
    assert not Stack(system.aws, NAME).exists()


@pytest.mark.parametrize(
    ("service", "action", "code"),
    [
        ("rekognition", "ListCollections", "SubscriptionRequiredException"),
        ("firehose", "ListDeliveryStreams", "SubscriptionRequiredException"),
        ("ec2", "DescribeVpcs", "OptInRequired"),
    ],
)
def test_a_service_that_a_new_account_lacks(
    run: Callable[..., Result], faults: Faults, service: str, action: str, code: str
) -> None:
    if service == "rekognition":
        faults.rekognition(code, operation=action)
    else:
        faults.aws(service, action, code=code, status=400)
    done = run("--yes")
    assert done.exit_code == 2
    assert f"Your account cannot use {action} yet: {code}" in said(done)
    assert "its free plan lacks some" in said(done)


def test_what_the_caller_may_not_look_at_is_not_called_well(
    run: Callable[..., Result], faults: Faults
) -> None:
    faults.aws("firehose", "ListDeliveryStreams", code="AccessDeniedException", status=400)
    done = run(typed="n\n")
    assert done.exit_code == 1
    assert "not looked at (AccessDeniedException): Firehose is open to this account" in said(done)


def test_no_default_vpc_or_none_with_a_public_subnet(
    run: Callable[..., Result], system: BorrowedSystem
) -> None:
    ec2 = system.aws.client("ec2")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]]
    for subnet in subnets:
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    done = run("--yes")
    assert done.exit_code == 2
    assert "gives an instance a public address" in said(done)
    region = f"--region {system.aws.region}"  # also where the CLI has another one
    fix = f"modify-subnet-attribute --map-public-ip-on-launch --subnet-id {subnets[0]} {region}"
    assert fix in said(done)
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    done = run("--yes")
    assert (done.exit_code, "create-default-subnet --avail" in said(done)) == (2, True)
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        place = {"InternetGatewayId": gateway["InternetGatewayId"]}
        ec2.detach_internet_gateway(**place, VpcId=vpc["VpcId"])
        ec2.delete_internet_gateway(**place)
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    done = run("--yes")
    assert (done.exit_code, "has no default VPC" in said(done)) == (2, True)
    assert f"aws ec2 create-default-vpc {region}; or" in said(done)
    done = run("--yes", "--subnet", subnets[0])
    assert (done.exit_code, f"has no subnet {subnets[0]}" in said(done)) == (2, True)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    done = run("--subnet", subnet, typed="n\n")
    assert f"the subnet {subnet} exists" in said(done)
    assert "default VPC" not in said(done)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    ec2.create_default_vpc()  # the command that it names
    assert "has no default VPC" not in said(run(typed="n\n"))


def test_the_region_lacks_the_type_of_the_instance(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "parameter_default", lambda _: "t9.micro")
    done = run("--yes")
    assert (done.exit_code, "eu-west-1 has no t9.micro" in said(done)) == (2, True)


@pytest.mark.parametrize(
    "name", ["a" * 29, "MyDemo", "my_demo", "1demo", "-demo", "my.demo", "dèmo", ""]
)
def test_a_name_that_a_bucket_cannot_hold(run: Callable[..., Result], name: str) -> None:
    done = run("--yes", "--stack", name)
    assert done.exit_code == 2
    assert f"The stack cannot be called {name}, because the names of its buckets" in said(done)
    assert "at most 28 of them: --stack NAME" in said(done)  # in eu-west-1
    assert "Rekognition is open" not in done.output


def test_a_stack_or_a_bucket_of_this_name(
    run: Callable[..., Result], system: BorrowedSystem
) -> None:
    launched = Stack.launch(system.aws, system.parameters(EMAIL), name=NAME)
    done = run("--yes")
    assert done.exit_code == 2
    assert f"There is a stack called {NAME} already, which is CREATE_COMPLETE." in said(done)
    delete = f"aws cloudformation delete-stack --stack-name {NAME} --region {system.aws.region}"
    assert delete in said(done)
    launched.delete()
    s3, bucket = system.aws.client("s3"), f"{NAME}-twitter-1"
    place = {"LocationConstraint": system.aws.region}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    done = run("--yes")
    assert (done.exit_code, f"aws s3 rb --force s3://{bucket}" in said(done)) == (2, True)
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1 has no Amazon Rekognition"),
        ({"AWS_DEFAULT_REGION": ""}, "none is set. Choose one: export AWS_DEFAULT_REGION"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS does not take your credentials"),
        (
            dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"], ""),
            "There are no credentials for AWS: aws login",
        ),
    ],
)
def test_who_cannot_call(
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    sentence: str,
) -> None:
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    for name, value in (nowhere | variables | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
    done = run("--yes")
    assert (done.exit_code, sentence in said(done)) == (2, True), done.output


def test_credentials_that_have_expired(run: Callable[..., Result], faults: Faults) -> None:
    faults.aws("sts", "GetCallerIdentity", code="ExpiredToken", status=403)
    done = run("--yes")
    assert done.exit_code == 2
    assert "AWS does not take your credentials (made on purpose): aws login" in said(done)


def test_something_else_than_aws_answers(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = StubServer(Answer(200, {"Content-Type": "text/html"}, b"<!doctype html>Welcome!"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", page.url)
    done = run("--yes")
    page.close()
    assert (done.exit_code, "boto3 does not understand what answers (" in said(done)) == (1, True)
    assert "See AWS_ENDPOINT_URL, and whether a proxy stands between." in said(done)


def test_photos_of_the_learner_are_for_offline(
    run: Callable[..., Result], pictures: dict[str, Any]
) -> None:
    photo = str(pictures["obama.jpg"])
    done = run("--reference", photo, "--tweet", photo)
    assert (done.exit_code, "--aws takes the sample posts" in said(done)) == (2, True)
