"""The stack that doctor checks: its resources by the template's names, and AWS's answers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from kit.commands.doctor import fixes
from kit.jsonl import Json
from kit.stack.template import load_template

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
    """A resource of the stack no longer exists.

    Args:
        logical_id: its name in the template.
    """

    def __init__(self, logical_id: str) -> None:
        super().__init__(logical_id)
        self.logical_id = logical_id


def is_not_found(error: ClientError) -> bool:
    """Whether a service means that a resource does not exist; each has its own code for it."""
    code = error.response["Error"]["Code"]
    return bool(re.search("NotFound|NoSuch|NonExist|DoesNotExist", code))


class StackContext:
    """A stack, and what AWS says about its resources.

    Args:
        session: boto3's; with AWS_ENDPOINT_URL in the environment it talks to the emulated AWS.
        name: the stack's; None is the only stack of this workshop.
        x_url: the address of the emulated X, when offline.

    Attributes:
        endpoint: the address of the emulated AWS; empty on AWS.
        ids: logical ID → physical ID.
        outputs, parameters: the stack's, by name.
        partition, region, account: the parts of its ARNs.
        created: when it was launched.
        misleading: variables of this terminal that lead the AWS CLI away from the workshop.
    """

    def __init__(self, session: Any, name: str | None = None, x_url: str = "") -> None:
        self.session = session
        self.name = name
        self.x_url = x_url
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        self.template: Json = load_template()
        self.ids: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.partition = self.region = self.account = ""
        self.created: datetime | None = None
        self.misleading: tuple[str, ...] = ()
        self.clients: dict[str, Any] = {}
        self.functions: dict[str, Json] = {}

    def load(self, stack: Json) -> None:
        """Read what a complete stack consists of.

        Args:
            stack: what DescribeStacks says about it.
        """
        answer = self.client("cloudformation").describe_stack_resources(StackName=self.name)
        resources = answer["StackResources"]
        self.ids = {r["LogicalResourceId"]: r.get("PhysicalResourceId", "") for r in resources}
        self.created = stack.get("CreationTime")
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

    def locate(self, logical_id: str) -> tuple[str, Json]:
        """The service of a resource, and the argument that names it in a call."""
        service, parameter = SERVICES[self.resource(logical_id)["Type"]]
        physical_id = self.ids[logical_id]
        return service, {parameter: [physical_id] if parameter.endswith("s") else physical_id}

    def call(self, logical_id: str, operation: str, **arguments: Any) -> Json:
        """Call an operation on a resource.

        Raises:
            GoneError: the resource no longer exists.
            ClientError: AWS refuses for another reason.
        """
        service, name = self.locate(logical_id)
        try:
            answer: Json = getattr(self.client(service), operation)(**name, **arguments)
        except ClientError as error:
            if is_not_found(error):
                raise GoneError(logical_id) from error
            raise
        return answer

    def paginate(
        self, logical_id: str, operation: str, items: str, **arguments: Any
    ) -> Iterator[Any]:
        """Yield the items of all pages of an operation on a resource; raises as `call` does."""
        service, name = self.locate(logical_id)
        pages = self.client(service).get_paginator(operation)
        try:
            for page in pages.paginate(**name, **arguments):
                yield from page.get(items, [])
        except ClientError as error:
            if is_not_found(error):
                raise GoneError(logical_id) from error
            raise

    # What several stages need

    def objects(self, bucket: str, prefix: str = "") -> list[Json]:
        """The objects in a bucket; they stay there for 30 days."""
        return list(self.paginate(bucket, "list_objects_v2", "Contents", Prefix=prefix))

    def function(self, logical_id: str) -> Json:
        """What GetFunction says about a function, asked once."""
        if logical_id not in self.functions:
            self.functions[logical_id] = self.call(logical_id, "get_function")
        return self.functions[logical_id]

    def configuration(self, function: str) -> Json:
        """A function's configuration."""
        configuration: Json = self.function(function)["Configuration"]
        return configuration

    def relaunch(self) -> str:
        """How to launch the stack again."""
        return f"{fixes.delete_stack(str(self.name))}, then launch it again (step 3)"

    # The template, with its references resolved

    def resource(self, logical_id: str) -> Json:
        """A resource as the template declares it."""
        resource: Json = self.template["Resources"][logical_id]
        return resource

    def expected(self, logical_id: str, *path: str) -> Any:
        """A property of a resource, as the template gives it to this stack."""
        value: Any = self.resource(logical_id)["Properties"]
        for key in path:
            value = value[key]
        return self.resolve(value)

    def resolve(self, value: Any) -> Any:
        """Replace the template's references by their values in this stack."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": str(name)}:
                return self.value_of(name)
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
            "AWS::StackName": self.name or "",
        }
        return (pseudo | self.parameters | self.ids).get(name, "")

    def arn(self, logical_id: str) -> str:
        """A resource's ARN."""
        name, scope = self.ids.get(logical_id, ""), f"{self.region}:{self.account}"
        formats = {
            "AWS::DynamoDB::Table": f"dynamodb:{scope}:table/{name}",
            "AWS::IAM::Role": f"iam::{self.account}:role/{name}",
            "AWS::KinesisFirehose::DeliveryStream": f"firehose:{scope}:deliverystream/{name}",
            "AWS::Lambda::Function": f"lambda:{scope}:function:{name}",
            "AWS::Logs::LogGroup": f"logs:{scope}:log-group:{name}:*",
            "AWS::S3::Bucket": f"s3:::{name}",
            "AWS::SQS::Queue": f"sqs:{scope}:{name.rpartition('/')[2]}",
        }
        return f"arn:{self.partition}:{formats[self.resource(logical_id)['Type']]}"


def metric_sum(
    context: StackContext, namespace: str, metric: str, hours: float, **dimensions: str
) -> int:
    """The sum of a metric of CloudWatch, which is some minutes late.

    Raises:
        ClientError: AWS refuses.
    """
    now = datetime.now(UTC)
    answer = context.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=hours),
        EndTime=now,
        Period=300 if hours <= 24 else 3600,  # at most 1,440 points
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in answer["Datapoints"]))


def newest(objects: list[Json]) -> datetime:
    """When the latest object was written."""
    moment: datetime = max(entry["LastModified"] for entry in objects)
    return moment
