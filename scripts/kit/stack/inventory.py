"""What the emulated account holds, of each type in the template: to see that nothing is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from botocore.exceptions import ClientError

from kit.aws_client import Aws


def left_over(aws: Aws, name: str) -> list[str]:
    """The resources with the stack's name in theirs: none, after a clean-up."""
    return sorted(resource for resource in every_resource(aws) if name in resource)


def every_resource(aws: Aws) -> Iterator[str]:
    """Yield the names or ARNs of all that the account holds, of each type in the template."""
    for list_names in LISTS.values():
        yield from list_names(aws)


def functions(aws: Aws) -> list[str]:
    """The names of all functions."""
    return [f["FunctionName"] for f in aws.client("lambda").list_functions()["Functions"]]


def invoke_configs(aws: Aws) -> Iterator[str]:
    """The event invoke configs of all functions."""
    for name in functions(aws):
        with suppress(ClientError):  # deleted in the meantime
            answer = aws.client("lambda").list_function_event_invoke_configs(FunctionName=name)
            for config in answer["FunctionEventInvokeConfigs"]:
                yield f"event invoke config of {config['FunctionArn']}"


def permissions(aws: Aws) -> Iterator[str]:
    """The statements of all functions' policies."""
    for name in functions(aws):
        with suppress(ClientError):  # it has none
            policy = aws.client("lambda").get_policy(FunctionName=name)["Policy"]
            yield from (f"permission {s['Sid']} of {name}" for s in json.loads(policy)["Statement"])


def buckets(aws: Aws) -> list[str]:
    """The names of all buckets."""
    return [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]]


def bucket_policies(aws: Aws) -> Iterator[str]:
    """The policies of all buckets."""
    for name in buckets(aws):
        with suppress(ClientError):  # it has none
            aws.client("s3").get_bucket_policy(Bucket=name)
            yield f"policy of {name}"


def instances(aws: Aws) -> Iterator[str]:
    """The instances that are not terminated."""
    for reservation in aws.client("ec2").describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] != "terminated":
                yield f"{instance.get('Tags')} {instance['InstanceId']}"


def listed(service: str, operation: str, member: str, name: str = "") -> Callable[[Aws], list[str]]:
    """A function that calls a listing operation and returns the names in its answer."""

    def list_names(aws: Aws) -> list[str]:
        found = getattr(aws.client(service), operation)().get(member, [])
        return [entry[name] if name else entry for entry in found]

    return list_names


# How to list what there is of each type in the template.
LISTS: dict[str, Callable[[Aws], Iterable[str]]] = {
    "AWS::DynamoDB::Table": listed("dynamodb", "list_tables", "TableNames"),
    "AWS::EC2::Instance": instances,
    "AWS::EC2::SecurityGroup": listed(
        "ec2", "describe_security_groups", "SecurityGroups", "GroupName"
    ),
    "AWS::IAM::InstanceProfile": listed(
        "iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"
    ),
    "AWS::IAM::Role": listed("iam", "list_roles", "Roles", "RoleName"),
    "AWS::KinesisFirehose::DeliveryStream": listed(
        "firehose", "list_delivery_streams", "DeliveryStreamNames"
    ),
    "AWS::Lambda::EventInvokeConfig": invoke_configs,
    "AWS::Lambda::Function": functions,
    "AWS::Lambda::Permission": permissions,
    "AWS::Logs::LogGroup": listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "AWS::S3::Bucket": buckets,
    "AWS::S3::BucketPolicy": bucket_policies,
    # One that is not confirmed is listed without its ARN.
    "AWS::SNS::Subscription": listed("sns", "list_subscriptions", "Subscriptions", "TopicArn"),
    "AWS::SNS::Topic": listed("sns", "list_topics", "Topics", "TopicArn"),
    "AWS::SQS::Queue": listed("sqs", "list_queues", "QueueUrls"),
    "AWS::SecretsManager::Secret": listed("secretsmanager", "list_secrets", "SecretList", "Name"),
}
