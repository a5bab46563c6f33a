"""Stack updates do what Instructions.md says of them, "Change a parameter later"."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import WaiterError

from emulators.resources import key_pair
from kit.stack.find import failure_of
from kit.stack.stack import Stack
from kit.stack.template import load_template
from support import instructions
from support.systems import BorrowedSystem

PARAMETERS = load_template()["Parameters"]


def update(stack: Stack, **changed: str) -> None:
    """Change parameters of a stack, and wait until it is done."""
    values = {name: {"ParameterValue": value} for name, value in changed.items()}
    others = {name: {"UsePreviousValue": True} for name in PARAMETERS if name not in changed}
    stack.cloudformation.update_stack(
        StackName=stack.name,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": name, **value} for name, value in (values | others).items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    stack.cloudformation.get_waiter("stack_update_complete").wait(
        StackName=stack.name, WaiterConfig={"Delay": 1}
    )


@pytest.mark.unit
def test_the_text_names_each_parameter_once() -> None:
    named = [name for row in instructions.table("Changed | What") for name in row[0].split(", ")]
    keys = {name for name in PARAMETERS if name.startswith("Twitter")}
    assert sorted(named) == sorted([*(PARAMETERS.keys() - keys), "or a key"])


def test_another_rule_is_in_the_secret_which_the_streamer_reads_when_it_starts(
    system: BorrowedSystem, stack: Stack
) -> None:
    secrets, secret = system.aws.client("secretsmanager"), stack.resource("TwitterKeys")
    instance = stack.resource("StreamingInstance")
    for rule in ('from:learner ("black cat" OR -"a b") has:images', ""):
        update(stack, StreamRule=rule)
        keys = json.loads(secrets.get_secret_value(SecretId=secret)["SecretString"])
        assert keys["STREAM_RULE"] == rule
        assert keys["TWITTER_TOKEN"] == system.keys["TWITTER_TOKEN"]
    described = stack.cloudformation.describe_stack_resource(
        StackName=stack.name, LogicalResourceId="StreamingInstance"
    )
    assert described["StackResourceDetail"]["PhysicalResourceId"] == instance


class Effects(NamedTuple):
    """What parameters have an effect on.

    Attributes:
        functions: the environments of both functions.
        wait: how many seconds Firehose waits.
        instance: its ID, type, key and address.
        ports: that are open, and to whom.
        address: that the e-mails go to, and whether it has confirmed that.
    """

    functions: dict[str, str]
    wait: int
    instance: tuple[str, str, str, str]
    ports: list[tuple[int, str]]
    address: tuple[str, bool]


def effects(found: Stack) -> Effects:
    stack = Stack(found.aws, found.name)  # anew: the instance may be another one
    ec2, lambda_, sns = (stack.aws.client(name) for name in ("ec2", "lambda", "sns"))
    environment: dict[str, str] = {}
    for name in ("TwitterLambdaFunction", "RekognitionLambdaFunction"):
        answer = lambda_.get_function_configuration(FunctionName=stack.resource(name))
        environment |= answer["Environment"]["Variables"]
    stream = stack.aws.client("firehose").describe_delivery_stream(
        DeliveryStreamName=stack.resource("DeliveryStream")
    )["DeliveryStreamDescription"]
    hints = stream["Destinations"][0]["ExtendedS3DestinationDescription"]["BufferingHints"]
    reserved = ec2.describe_instances(InstanceIds=[stack.resource("StreamingInstance")])
    instance: dict[str, Any] = reserved["Reservations"][0]["Instances"][0]
    group = stack.resource("StreamingInstanceSecurityGroup")
    (rules,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    topic = stack.resource("MatchTopic")
    (address,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    details = ("InstanceId", "InstanceType", "KeyName", "PublicIpAddress")
    return Effects(
        environment,
        hints["IntervalInSeconds"],
        (*(instance.get(name, "") for name in details),),
        [(rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) for rule in rules["IpPermissions"]],
        (address["Endpoint"], address["SubscriptionArn"] != "PendingConfirmation"),
    )


FUNCTIONS = {
    "SimilarityThreshold": ("SIMILARITY_THRESHOLD", "90"),
    "PersonPhotoFilename": ("REFERENCE_PHOTO", "me.png"),
    "PhotoUrlPrefix": ("PHOTO_URL_PREFIX", "https://photos.example/"),
    "SampleUrlPrefix": ("SAMPLE_URL_PREFIX", "https://samples.example/"),
}


@pytest.mark.parametrize("parameter", FUNCTIONS)
def test_what_the_functions_read_holds_from_the_next_photo_on(stack: Stack, parameter: str) -> None:
    before = effects(stack)
    variable, value = FUNCTIONS[parameter]
    update(stack, **{parameter: value})
    assert effects(stack) == before._replace(functions=before.functions | {variable: value})


def test_firehose_waits_longer(stack: Stack) -> None:
    before = effects(stack)
    update(stack, BufferSeconds="60")
    assert effects(stack) == before._replace(wait=60)


def test_another_type_of_instance_is_the_same_one_with_another_address(stack: Stack) -> None:
    before = effects(stack)
    update(stack, InstanceType="t3.small")
    after = effects(stack)
    identity, _, key, address = before.instance
    assert after.instance[:3] == (identity, "t3.small", key)
    assert after.instance[3] != address
    assert after == before._replace(instance=after.instance)


def test_a_key_pair_replaces_the_instance_and_an_address_opens_the_port(stack: Stack) -> None:
    before = effects(stack)
    update(stack, KeyName=key_pair(stack.aws))
    after = effects(stack)
    assert after.instance[0] != before.instance[0]
    assert after.instance[2] == "mine"
    assert after == before._replace(instance=after.instance)
    for addresses in ("203.0.113.7/32", "198.51.100.0/24"):
        update(stack, SSHLocation=addresses)
        assert effects(stack) == after._replace(ports=[(22, addresses)])
    update(stack, SSHLocation="")
    assert effects(stack) == after


def test_another_address_is_asked(stack: Stack) -> None:
    before = effects(stack)
    update(stack, EmailAddress="other@example.com")
    assert effects(stack) == before._replace(address=("other@example.com", False))


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("KeyName", "nobody-s", "The key pair 'nobody-s' does not exist"),
        ("SubnetId", "subnet-0123456789abcdef0", "The subnet ID 'subnet-0123456789abcdef0' does"),
    ],
)
def test_what_the_instance_needs_must_exist_or_all_is_rolled_back(
    stack: Stack, parameter: str, value: str, message: str
) -> None:
    before = effects(stack)
    with pytest.raises(WaiterError):
        update(stack, **{parameter: value, "SimilarityThreshold": "95"})
    (found,) = stack.cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert f"StreamingInstance: Resource handler returned message: \"{message}" in failure_of(
        stack.cloudformation, stack.name
    )
    assert effects(stack) == before


def test_another_subnet_replaces_the_instance(stack: Stack) -> None:
    ec2, instance = stack.aws.client("ec2"), effects(stack).instance
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    update(stack, SubnetId=subnet)
    moved = Stack(stack.aws, stack.name).resource("StreamingInstance")
    (found,) = ec2.describe_instances(InstanceIds=[moved])["Reservations"][0]["Instances"]
    assert found["InstanceId"] != instance[0]
    groups = stack.cloudformation.describe_stack_resources(StackName=stack.name)["StackResources"]
    assert "StreamingInstanceSecurityGroup" not in [g["LogicalResourceId"] for g in groups]
