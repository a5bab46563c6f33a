"""The stack in the emulated AWS: launch it, look into it, delete it, see what is left."""

from __future__ import annotations

import contextlib
import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from kit.aws_client import Aws
from kit.errors import WorkshopError
from kit.running import REPOSITORY
from kit.stack.template import TEMPLATE, compact_body

SOLUTION = REPOSITORY / "scripts" / "compareFaces.py"  # of the exercise
EMAIL = "learner@example.com"
POLL_SECONDS = 0.1
COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def unique_name() -> str:
    """A stack name that nobody has: several stacks fit into one account."""
    return f"celebrityrek-{uuid.uuid4().hex[:6]}"


class Stack:
    """A stack that was launched from the template."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.aws = aws
        self.name = name
        self.cloudformation = aws.client("cloudformation")

    @classmethod
    def launch(
        cls, aws: Aws, parameters: dict[str, str], template: str = "", name: str = ""
    ) -> Stack:
        """Launch the template, as it lies in the repository, and wait until the stack is there.

        Raises:
            WorkshopError: it failed; the text names the resource and the reason.
        """
        stack = cls(aws, name or unique_name())
        stack.cloudformation.create_stack(
            StackName=stack.name,
            TemplateBody=compact_body(template or TEMPLATE.read_text()),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        if stack.wait() != "CREATE_COMPLETE":
            raise WorkshopError(f"The stack was not created: {stack.first_failure()}")
        return stack

    def wait(self) -> str:
        """Wait until nothing is in progress; return the status."""
        while True:
            try:
                answer = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
            except ClientError:
                return "DELETE_COMPLETE"  # AWS no longer finds a deleted stack by its name
            status: str = answer["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(POLL_SECONDS)

    def first_failure(self) -> str:
        """Say which resource failed first, and why."""
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        failures = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        if not failures:
            return "no event says why"
        event = failures[-1]  # the newest comes first
        return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"

    def resource(self, logical_id: str) -> str:
        """The physical ID of a resource, such as the bucket's name."""
        detail = self._describe(logical_id)
        physical_id: str = detail["PhysicalResourceId"]
        return physical_id

    def init_files(self, logical_id: str) -> dict[str, Any]:
        """The files of AWS::CloudFormation::Init, as cfn-init would get them: path → file."""
        metadata = json.loads(self._describe(logical_id)["Metadata"])
        files: dict[str, Any] = metadata["AWS::CloudFormation::Init"]["config"]["files"]
        return files

    def _describe(self, logical_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.cloudformation.describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        detail: dict[str, Any] = answer["StackResourceDetail"]
        return detail

    def confirm_subscription(self) -> None:
        """Click the link in the confirmation mail, if that is not done yet."""
        sns, topic = self.aws.client("sns"), self.resource("MatchTopic")
        token = next(mail["token"] for mail in self.aws.outbox() if mail.get("topic") == topic)
        (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        arn = subscription["SubscriptionArn"]
        attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        if attributes["PendingConfirmation"] == "true":
            sns.confirm_subscription(TopicArn=topic, Token=token)

    def replace_code(self, logical_id: str, code: str) -> None:
        """Put other code into a function, as the Lambda console's editor does."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", code)
        functions = self.aws.client("lambda")
        name = self.resource(logical_id)
        functions.update_function_code(FunctionName=name, ZipFile=archive.getvalue())
        while functions.get_function(FunctionName=name)["Configuration"].get(
            "LastUpdateStatus"
        ) not in ("Successful", None):
            time.sleep(POLL_SECONDS)

    def log_lines(self, logical_id: str) -> list[str]:
        """What a function printed so far, oldest first; `logical_id` is its log group's."""
        logs = self.aws.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.resource(logical_id)
        )
        events = [event for page in pages for event in page["events"]]
        return [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]

    def delete(self) -> None:
        """Delete the stack and wait until it is gone.

        Raises:
            WorkshopError: something could not be deleted.
        """
        self.cloudformation.delete_stack(StackName=self.name)
        if self.wait() != "DELETE_COMPLETE":
            raise WorkshopError(f"The stack was not deleted: {self.first_failure()}")


def workshop_stacks(cloudformation: Any, logical_id: str) -> Iterator[dict[str, Any]]:
    """Yield CloudFormation's descriptions of the workshop's stacks, newest first.

    The template tells, because a stack that begins or that failed has no resources.

    Args:
        cloudformation: a boto3 client, of AWS or of offline AWS.
        logical_id: a resource that the template has.
    """
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    stacks = [stack for page in pages for stack in page["Stacks"]]
    for stack in sorted(stacks, key=lambda stack: stack["CreationTime"], reverse=True):
        body: Any = ""
        with contextlib.suppress(ClientError):  # no template yet, or deleted in the meantime
            body = cloudformation.get_template(StackName=stack["StackId"])["TemplateBody"]
        resources = body if isinstance(body, str) else body.get("Resources", {})  # YAML or JSON
        if logical_id in resources and stack["StackStatus"] != "DELETE_COMPLETE":
            yield stack


def find_stack(aws: Aws, logical_id: str) -> Stack | None:
    """The newest complete stack of the workshop that has a resource, or None."""
    for description in workshop_stacks(aws.client("cloudformation"), logical_id):
        if description["StackStatus"] in COMPLETE:
            return Stack(aws, description["StackName"])
    return None


def left_over(aws: Aws, name: str) -> list[str]:
    """What is in the account whose name has the stack's name in it: nothing, after a clean-up."""
    return sorted(resource for resource in every_resource(aws) if name in resource)


def every_resource(aws: Aws) -> Iterator[str]:
    """Yield names or ARNs of all that the account holds, of each type in the template."""
    for found in LISTS.values():
        yield from found(aws)


def functions(aws: Aws) -> list[str]:
    """The names of all functions."""
    return [f["FunctionName"] for f in aws.client("lambda").list_functions()["Functions"]]


def retries(aws: Aws) -> Iterator[str]:
    """What is to be done with events that functions fail for; it ends with the function."""
    for name in functions(aws):
        configs = aws.client("lambda").list_function_event_invoke_configs(FunctionName=name)
        yield from (f"retries of {c['FunctionArn']}" for c in configs["FunctionEventInvokeConfigs"])


def permissions(aws: Aws) -> Iterator[str]:
    """Who may call functions; it ends with the function."""
    for name in functions(aws):
        with suppress(ClientError):  # nobody may
            policy = aws.client("lambda").get_policy(FunctionName=name)["Policy"]
            yield from (f"permission {s['Sid']} of {name}" for s in json.loads(policy)["Statement"])


def buckets(aws: Aws) -> list[str]:
    """The names of all buckets."""
    return [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]]


def bucket_policies(aws: Aws) -> Iterator[str]:
    """Who may use buckets; it ends with the bucket."""
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

    def find(aws: Aws) -> list[str]:
        found = getattr(aws.client(service), operation)().get(member, [])
        return [entry[name] if name else entry for entry in found]

    return find


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
    "AWS::Lambda::EventInvokeConfig": retries,
    "AWS::Lambda::Function": functions,
    "AWS::Lambda::Permission": permissions,
    "AWS::Logs::LogGroup": listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "AWS::S3::Bucket": buckets,
    "AWS::S3::BucketPolicy": bucket_policies,
    "AWS::SNS::Subscription": listed(
        "sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"
    ),
    "AWS::SNS::Topic": listed("sns", "list_topics", "Topics", "TopicArn"),
    "AWS::SQS::Queue": listed("sqs", "list_queues", "QueueUrls"),
    "AWS::SecretsManager::Secret": listed("secretsmanager", "list_secrets", "SecretList", "Name"),
}
