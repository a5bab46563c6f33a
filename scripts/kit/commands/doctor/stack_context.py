"""The stack that is looked at: its resources by the names of the template, and AWS's answers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from kit.stack.template import TEMPLATE

Json = dict[str, Any]

# For each type of resource: its service, and the parameter that names a resource in a call.
SERVICES = {
    "AWS::DynamoDB::Table": ("dynamodb", "TableName"),
    "AWS::EC2::Instance": ("ec2", "InstanceIds"),
    "AWS::IAM::Role": ("iam", "RoleName"),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose", "DeliveryStreamName"),
    "AWS::Lambda::Function": ("lambda", "FunctionName"),
    "AWS::Logs::LogGroup": ("logs", "logGroupName"),
    "AWS::S3::Bucket": ("s3", "Bucket"),
    "AWS::SNS::Topic": ("sns", "TopicArn"),
    "AWS::SQS::Queue": ("sqs", "QueueUrl"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "SecretId"),
}


class GoneError(Exception):
    """A resource of the stack does not exist any more; the argument is its name there."""


def is_not_found(error: ClientError) -> bool:
    """Each service has its own word for it."""
    code = error.response["Error"]["Code"]
    return bool(re.search("NotFound|NoSuch|NonExist|DoesNotExist", code))


class Patient:
    """A stack, and what AWS says of its resources.

    Args:
        session: boto3's; with AWS_ENDPOINT_URL in the environment it talks to the emulated AWS.
        stack: the stack's name; None is the only one of this workshop.
        x_url: where the emulated X is, offline.

    Attributes:
        endpoint: the address of the emulated AWS; empty on AWS.
        ids: logical ID → physical ID.
        outputs, parameters: the stack's, by name.
        partition, region, account: the parts of its ARNs.
    """

    def __init__(self, session: Any, stack: str | None = None, x_url: str = "") -> None:
        self.session = session
        self.stack = stack
        self.x_url = x_url
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        self.template: Json = json.loads(TEMPLATE.read_text())
        self.ids: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.partition = self.region = self.account = ""
        self.clients: dict[str, Any] = {}
        self.functions: dict[str, Json] = {}

    def admit(self, stack: Json) -> None:
        """Take in a complete stack, as DescribeStacks gives it."""
        answer = self.client("cloudformation").describe_stack_resources(StackName=self.stack)
        resources = answer["StackResources"]
        self.ids = {r["LogicalResourceId"]: r.get("PhysicalResourceId", "") for r in resources}
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        parameters = stack.get("Parameters", [])
        self.parameters = {p["ParameterKey"]: p["ParameterValue"] for p in parameters}
        self.partition, _, self.region, self.account = stack["StackId"].split(":")[1:5]

    def client(self, service: str) -> Any:
        """A client that does not keep the learner waiting."""
        if service not in self.clients:
            config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3})
            self.clients[service] = self.session.client(service, config=config)
        return self.clients[service]

    def named(self, logical_id: str) -> tuple[str, Json]:
        """The service of a resource, and how a call names it."""
        service, parameter = SERVICES[self.declared(logical_id)["Type"]]
        physical_id = self.ids[logical_id]
        return service, {parameter: [physical_id] if parameter.endswith("s") else physical_id}

    def ask(self, logical_id: str, operation: str, **more: Any) -> Json:
        """Call an operation on a resource.

        Raises:
            GoneError: the resource does not exist any more.
            ClientError: AWS says something else.
        """
        service, name = self.named(logical_id)
        try:
            answer: Json = getattr(self.client(service), operation)(**name, **more)
        except ClientError as error:
            if is_not_found(error):
                raise GoneError(logical_id) from error
            raise
        return answer

    def pages(self, logical_id: str, operation: str, items: str, **more: Any) -> Iterator[Any]:
        """Yield the items of all pages of an operation on a resource; raises as `ask` does."""
        service, name = self.named(logical_id)
        pages = self.client(service).get_paginator(operation)
        try:
            for page in pages.paginate(**name, **more):
                yield from page.get(items, [])
        except ClientError as error:
            if is_not_found(error):
                raise GoneError(logical_id) from error
            raise

    # What several hops want to know

    def objects(self, bucket: str, prefix: str = "") -> list[Json]:
        """What is in a bucket; 30 days are kept."""
        return list(self.pages(bucket, "list_objects_v2", "Contents", Prefix=prefix))

    def function(self, logical_id: str) -> Json:
        """What GetFunction says of a function, asked once."""
        if logical_id not in self.functions:
            self.functions[logical_id] = self.ask(logical_id, "get_function")
        return self.functions[logical_id]

    def configuration(self, function: str) -> Json:
        """A function's configuration."""
        configuration: Json = self.function(function)["Configuration"]
        return configuration

    def failures(self) -> int:
        """How many events are in the failure queue; asking takes none of them out."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = self.ask("FailureQueue", "get_queue_attributes", AttributeNames=names)
        return sum(int(answer["Attributes"].get(name, 0)) for name in names)

    def relaunch(self) -> str:
        """The commands before launching again."""
        return (
            f"aws cloudformation delete-stack --stack-name {self.stack} && aws cloudformation wait "
            f"stack-delete-complete --stack-name {self.stack}, then launch it again (step 3)"
        )

    # The template, with what it refers to

    def declared(self, logical_id: str) -> Json:
        """A resource as the template declares it."""
        resource: Json = self.template["Resources"][logical_id]
        return resource

    def wanted(self, logical_id: str, *path: str) -> Any:
        """What the template says of a resource's property in this stack."""
        value: Any = self.declared(logical_id)["Properties"]
        for step in path:
            value = value[step]
        return self.resolve(value)

    def resolve(self, value: Any) -> Any:
        """Replace what the template refers to by what it is in this stack."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": str(name)}:
                return self.value_of(name)
            case {"Fn::GetAtt": [str(name), _]}:
                return self.arn(name)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:.]+)\}", lambda match: self.value_of(match[1]), text)
        return {key: self.resolve(item) for key, item in value.items()}

    def value_of(self, name: str) -> str:
        """A parameter's value or a resource's physical ID; with .Arn behind the name, its ARN."""
        if name.endswith(".Arn"):
            return self.arn(name.removesuffix(".Arn"))
        pseudo = {
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
            "AWS::StackName": self.stack or "",
        }
        return (pseudo | self.parameters | self.ids).get(name, "")

    def arn(self, logical_id: str) -> str:
        """A resource's ARN."""
        name, place = self.ids.get(logical_id, ""), f"{self.region}:{self.account}"
        formats = {
            "AWS::DynamoDB::Table": f"dynamodb:{place}:table/{name}",
            "AWS::IAM::Role": f"iam::{self.account}:role/{name}",
            "AWS::Lambda::Function": f"lambda:{place}:function:{name}",
            "AWS::Logs::LogGroup": f"logs:{place}:log-group:{name}:*",
            "AWS::S3::Bucket": f"s3:::{name}",
            "AWS::SQS::Queue": f"sqs:{place}:{name.rpartition('/')[2]}",
        }
        return f"arn:{self.partition}:{formats[self.declared(logical_id)['Type']]}"


def newest(objects: list[Json]) -> datetime:
    """When the last object was written."""
    moment: datetime = max(entry["LastModified"] for entry in objects)
    return moment
