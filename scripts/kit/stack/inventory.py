"""What an account holds, of each type in the template: to see that nothing is left of a stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from kit.aws_client import Account

SUBSCRIPTION = "subscription"
# Lists what there is of a type, as names or ARNs; those with a text in them.
Lister = Callable[[Account, str], Iterable[str]]


def left_over(aws: Account, name: str) -> list[str]:
    """The resources with the stack's name in theirs: none, after a clean-up.

    Raises:
        ClientError: AWS does not let the caller look.
    """
    return sorted({found for list_names in LISTS.values() for found in list_names(aws, name)})


def pages(aws: Account, service: str, operation: str, member: str) -> Iterator[Any]:
    """Yield what a listing operation returns, of all its pages."""
    client = aws.client(service)
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate():
            yield from page.get(member, [])
    else:  # Firehose's, which has no pages in boto3, and ten names without a limit
        yield from getattr(client, operation)(Limit=10_000)[member]


def functions(aws: Account, name: str = "") -> list[str]:
    """The names of functions."""
    found = [each["FunctionName"] for each in pages(aws, "lambda", "list_functions", "Functions")]
    return [function for function in found if name in function]


def invoke_configs(aws: Account, name: str = "") -> Iterator[str]:
    """The event invoke configs of functions."""
    for function in functions(aws, name):
        with suppress(ClientError):  # deleted in the meantime
            answer = aws.client("lambda").list_function_event_invoke_configs(FunctionName=function)
            for config in answer["FunctionEventInvokeConfigs"]:
                yield f"event invoke config of {config['FunctionArn']}"


def permissions(aws: Account, name: str = "") -> Iterator[str]:
    """The statements of functions' policies."""
    for function in functions(aws, name):
        with suppress(ClientError):  # it has none
            policy = json.loads(aws.client("lambda").get_policy(FunctionName=function)["Policy"])
            yield from (f"permission {each['Sid']} of {function}" for each in policy["Statement"])


def buckets(aws: Account, name: str = "") -> list[str]:
    """The names of buckets."""
    found = [each["Name"] for each in pages(aws, "s3", "list_buckets", "Buckets")]
    return [bucket for bucket in found if name in bucket]


def bucket_policies(aws: Account, name: str = "") -> Iterator[str]:
    """The policies of buckets."""
    for bucket in buckets(aws, name):
        with suppress(ClientError):  # it has none
            aws.client("s3").get_bucket_policy(Bucket=bucket)
            yield f"policy of {bucket}"


def instances(aws: Account, name: str = "") -> Iterator[str]:
    """The instances that are not terminated; their tags have the stack's name."""
    for reservation in pages(aws, "ec2", "describe_instances", "Reservations"):
        for instance in reservation["Instances"]:
            text = f"{instance['InstanceId']} {instance.get('Tags', '')}"
            if instance["State"]["Name"] != "terminated" and name in text:
                yield text


def secrets(aws: Account, name: str = "") -> Iterator[str]:
    """The secrets; the stack's name may be only in their tags.

    CloudFormation tags what it creates with aws:cloudformation:stack-name (CloudFormation Template
    Reference Guide, "Resource tag").
    """
    for secret in pages(aws, "secretsmanager", "list_secrets", "SecretList"):
        text = f"{secret['Name']} {secret.get('Tags', '')}"
        if name in text:
            yield text


def subscriptions(aws: Account, name: str = "") -> Iterator[str]:
    """The subscriptions to topics; one that is not confirmed is listed without its ARN."""
    for entry in pages(aws, "sns", "list_subscriptions", "Subscriptions"):
        if name in entry["TopicArn"]:
            yield f"{SUBSCRIPTION} to {entry['TopicArn']}"


def listed(service: str, operation: str, member: str, key: str = "") -> Lister:
    """A lister that calls one operation, in whose answer each member, or its key, is a name."""

    def list_names(aws: Account, name: str = "") -> Iterator[str]:
        for entry in pages(aws, service, operation, member):
            found = str(entry[key] if key else entry)
            if name in found:
                yield found

    return list_names


# How to list what there is of each type in the template.
LISTS: dict[str, Lister] = {
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
    "AWS::SNS::Subscription": subscriptions,
    "AWS::SNS::Topic": listed("sns", "list_topics", "Topics", "TopicArn"),
    "AWS::SQS::Queue": listed("sqs", "list_queues", "QueueUrls"),
    "AWS::SecretsManager::Secret": secrets,
}
