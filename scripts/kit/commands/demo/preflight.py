"""What is looked at before a stack is launched on AWS: who calls, and what would fail.

Nothing of it changes anything or costs anything. What the caller may not look at is said, and is
not called well.

AWS: EC2 API Reference, "RunInstances" (without a subnet it takes a default one of the default VPC)
and "DescribeInstanceTypeOfferings".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from kit.aws_client import Account
from kit.commands.demo.progress import Progress
from kit.errors import InputError
from kit.jsonl import Json
from kit.stack import inventory
from kit.stack.find import described
from kit.stack.template import load_template, parameter_default, rekognition_regions

# AWS lets the caller not look, or an emulator has no such operation. Some answer that with 500.
NOT_SHOWN = (
    "AccessDenied",
    "AccessDeniedException",
    "InvalidAction",
    "NotImplemented",
    "UnauthorizedOperation",
    "UnknownOperationException",
)
BUCKET_NAME = 63  # characters that S3 allows


@dataclass(frozen=True)
class Caller:
    """Who calls, as STS knows it."""

    account: str
    arn: str


def identify(account: Account) -> Caller:
    """Who calls; first whether the region can have the stack.

    Raises:
        InputError: there is no region, or one without Rekognition.
        BotoCoreError, ClientError: the credentials are missing or not taken.
    """
    if account.region not in rekognition_regions(load_template()):
        problem = f"{account.region} has no Amazon Rekognition" if account.region else "none is set"
        raise InputError(
            f"The stack needs a region with Rekognition, and {problem}. Choose one: export "
            "AWS_DEFAULT_REGION=eu-west-1"
        )
    answer = account.client("sts").get_caller_identity()
    return Caller(answer["Account"], answer["Arn"])


def check_all(account: Account, name: str, subnet: str, progress: Progress) -> None:
    """Look for what would fail, and say what was looked at.

    Args:
        account: in which the stack will be.
        name: of the stack.
        subnet: in which its instance will be; empty is one of the default VPC.
        progress: gets a line for each check.

    Raises:
        InputError: it would fail; the message says why and what to do.
        ClientError: AWS refuses, such as what the account lacks; see `kit.commands.errors`.
    """
    network = {f"the subnet {subnet} exists": partial(check_subnet, subnet=subnet)}
    for text, check in (CHECKS | (network if subnet else DEFAULT_NETWORK)).items():
        try:
            with progress.step(text.format(name=name), "preflight"):
                check(account, name)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            failed = error.response["ResponseMetadata"].get("HTTPStatusCode", 400) >= 500
            if code not in NOT_SHOWN and not failed:
                raise
            progress.note(f"not looked at ({code}): {text.format(name=name)}")


def check_rekognition(account: Account, _: str) -> None:
    """Rekognition answers."""
    account.client("rekognition").list_collections(MaxResults=1)


def check_firehose(account: Account, _: str) -> None:
    """Firehose answers."""
    account.client("firehose").list_delivery_streams(Limit=1)


def check_network(account: Account, _: str) -> None:
    """The default VPC has a subnet from which the instance reaches the internet.

    Raises:
        InputError: it has none, or there is no default VPC.
    """
    ec2 = account.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        raise InputError(
            f"The region {account.region} of your account has no default VPC, in which the "
            "instance would be. Create it, which costs nothing: aws ec2 create-default-vpc "
            f"--region {account.region}; or "
            "name a subnet from which the internet is reached: --subnet ID"
        )
    subnets = default_subnets(account, vpcs[0]["VpcId"])
    if not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets):
        fix = f"aws ec2 create-default-subnet --availability-zone {account.region}a"
        if subnets:
            fix = (
                "aws ec2 modify-subnet-attribute --map-public-ip-on-launch --subnet-id "
                f"{subnets[0]['SubnetId']}"
            )
        fix += f" --region {account.region}"
        raise InputError(
            "No default subnet of the default VPC gives an instance a public address, without "
            "which it reaches neither CloudFormation nor Firehose, and the launch fails after ten "
            f"minutes. Let one do so: {fix}"
        )


def check_subnet(account: Account, _: str, subnet: str) -> None:
    """There is this subnet. Whether it reaches the internet, only its routes and gateways know.

    Raises:
        InputError: there is none.
    """
    try:
        account.client("ec2").describe_subnets(SubnetIds=[subnet])
    except ClientError as error:
        if not error.response["Error"]["Code"].startswith("InvalidSubnetID"):
            raise
        raise InputError(
            f"The region {account.region} of your account has no subnet {subnet}. List those that "
            f"it has: aws ec2 describe-subnets --region {account.region}"
        ) from error


def default_subnets(account: Account, vpc: str) -> list[Json]:
    """The default subnets of a VPC, one in each zone."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = account.client("ec2").describe_subnets(Filters=filters)["Subnets"]
    return [subnet for subnet in subnets if subnet["DefaultForAz"]]


def check_instance_type(account: Account, _: str) -> None:
    """The region has instances of the template's type.

    Raises:
        InputError: it has none.
    """
    name = parameter_default("InstanceType")
    filters = [{"Name": "instance-type", "Values": [name]}]
    offers = account.client("ec2").describe_instance_type_offerings(Filters=filters)
    if not offers["InstanceTypeOfferings"]:
        raise InputError(
            f"The region {account.region} has no {name}. Choose another one: export "
            "AWS_DEFAULT_REGION=eu-west-1"
        )


def check_name(caller: Caller, region: str, name: str) -> None:
    """A stack can have this name, and so can its buckets, whose names hold it.

    Amazon S3 User Guide, "General purpose bucket naming rules"; CloudFormation API Reference,
    "CreateStack", StackName.

    Raises:
        InputError: they cannot.
    """
    most = BUCKET_NAME - len(f"-rekognition-{caller.account}-{region}")
    if not re.fullmatch("[a-z][a-z0-9-]*", name) or len(name) > most:
        raise InputError(
            f"The stack cannot be called {name}, because the names of its buckets hold its name. "
            f"Take lower-case letters, digits and hyphens, a letter first, at most {most} of them: "
            "--stack NAME"
        )


def check_names(account: Account, name: str) -> None:
    """The names of the stack and of its buckets are free.

    Raises:
        InputError: one is taken.
    """
    stacks = described(account.client("cloudformation"), name)
    if stacks and stacks[0]["StackStatus"] != "DELETE_COMPLETE":
        raise InputError(
            f"There is a stack called {name} already, which is {stacks[0]['StackStatus']}. It may "
            "be of a demo that was ended hard. Delete it: aws cloudformation delete-stack "
            f"--stack-name {name} --region {account.region}; or take another name: --stack NAME"
        )
    taken = inventory.buckets(account, f"{name}-twitter") + inventory.buckets(
        account, f"{name}-rekognition"
    )
    if taken:
        raise InputError(
            f"A bucket of an earlier stack is left: {taken[0]}. Delete it with what is in it: aws "
            f"s3 rb --force s3://{taken[0]}; or take another name: --stack NAME"
        )


Check = Callable[[Account, str], None]
CHECKS: dict[str, Check] = {
    "Rekognition is open to this account": check_rekognition,
    "Firehose is open to this account": check_firehose,
    "the region has the type of the instance": check_instance_type,
    "no stack is called {name}, and no bucket is left of one": check_names,
}
DEFAULT_NETWORK: dict[str, Check] = {"the default VPC has a public subnet": check_network}
