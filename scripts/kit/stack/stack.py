"""A stack: launch it, do the learner's steps with it, delete it; on AWS and in the emulated AWS."""

from __future__ import annotations

import json
import uuid
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from kit.aws_client import Account
from kit.errors import WorkshopError
from kit.jsonl import Json
from kit.stack import code
from kit.stack.find import described, failure_of, find_stack
from kit.stack.template import TEMPLATE, compact_body

STACK_NAME = "celebrityrek"
EMAIL = "learner@example.com"
WAIT = {"Delay": 0.1, "MaxAttempts": 18_000}  # half an hour, more than any stack takes


def unique_name() -> str:
    """A stack name that nobody has: several stacks fit into one account."""
    return f"{STACK_NAME}-{uuid.uuid4().hex[:6]}"


class Stack:
    """A stack that was launched from the template."""

    def __init__(self, aws: Account, name: str) -> None:
        self.aws = aws
        self.name = name
        self.cloudformation = aws.client("cloudformation")
        self._ids: dict[str, str] = {}  # physical by logical; they stay as they are

    @classmethod
    def find(cls, aws: Account, logical_id: str) -> Stack | None:
        """The newest complete stack of the workshop that has a resource, or None."""
        found = find_stack(aws.client("cloudformation"), logical_id)
        return cls(aws, found["StackName"]) if found else None

    @classmethod
    def launch(
        cls, aws: Account, parameters: dict[str, str], template: str = "", name: str = ""
    ) -> Stack:
        """Launch the template, and wait until the stack is complete.

        Args:
            aws: where to launch it.
            parameters: name → value.
            template: another body. Default: the template as it lies in the repository.
            name: of the stack. Default: one that nobody has.

        Raises:
            WorkshopError: it failed; the message names the resource and the reason.
        """
        stack = cls(aws, name or unique_name())
        stack.create(parameters, template)
        stack._wait("stack_create_complete", "created")
        return stack

    def create(self, parameters: dict[str, str], template: str = "") -> str:
        """Ask for the stack, without waiting for it; return its ID. See `launch`."""
        answer = self.cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=compact_body(template or TEMPLATE.read_text()),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
            ClientRequestToken=uuid.uuid4().hex,  # boto3 may send it again: it is the same request
        )
        return str(answer["StackId"])

    def _wait(self, waiter: str, done: str) -> None:
        """Wait with one of boto3's waiters.

        Raises:
            WorkshopError: the stack was not `done`; the message names the resource and the reason.
        """
        try:
            self.cloudformation.get_waiter(waiter).wait(StackName=self.name, WaiterConfig=WAIT)
        except WaiterError as error:
            failure = failure_of(self.cloudformation, self.name)
            raise WorkshopError(f"The stack was not {done}: {failure}") from error

    def resource(self, logical_id: str) -> str:
        """The physical ID of a resource, such as the bucket's name.

        Raises:
            WorkshopError: it is yet to be created.
        """
        if logical_id not in self._ids:
            physical_id = self._describe(logical_id).get("PhysicalResourceId")
            if not physical_id:
                raise WorkshopError(
                    f"{self.name} has no {logical_id} yet: wait until the stack is complete."
                )
            self._ids[logical_id] = str(physical_id)
        return self._ids[logical_id]

    def init_files(self, logical_id: str) -> dict[str, Any]:
        """The files of AWS::CloudFormation::Init, as cfn-init would get them: path → file.

        Raises:
            WorkshopError: CloudFormation hands back none; some emulators have no metadata.
        """
        text = self._describe(logical_id).get("Metadata")
        if not text:
            raise WorkshopError(f"CloudFormation hands back no metadata of {logical_id}.")
        metadata = json.loads(text)
        files: dict[str, Any] = metadata["AWS::CloudFormation::Init"]["config"]["files"]
        return files

    def _describe(self, logical_id: str) -> Json:
        answer: Json = self.cloudformation.describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        return dict(answer["StackResourceDetail"])

    def confirm_subscription(self) -> None:
        """Click the link in the confirmation mail, if that is not done yet."""
        sns, topic = self.aws.client("sns"), self.resource("MatchTopic")
        subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        if any(one["SubscriptionArn"] == "PendingConfirmation" for one in subscriptions):
            mails = [mail for mail in self.aws.outbox() if mail.get("topic") == topic]
            sns.confirm_subscription(TopicArn=topic, Token=mails[-1]["token"])

    def upload_reference(self, photo: bytes) -> None:
        """Upload the reference photo under the name that the function looks for."""
        bucket, name = self.resource("RekognitionBucket"), self.reference_name()
        self.aws.client("s3").put_object(Bucket=bucket, Key=name, Body=photo)

    def reference_name(self) -> str:
        """The name of the reference photo, as it was chosen at the launch."""
        (found,) = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        parameters = {p["ParameterKey"]: p["ParameterValue"] for p in found["Parameters"]}
        return str(parameters["PersonPhotoFilename"])

    def reference(self) -> bytes | None:
        """The reference photo; None if there is none yet."""
        bucket, name = self.resource("RekognitionBucket"), self.reference_name()
        try:
            answer = self.aws.client("s3").get_object(Bucket=bucket, Key=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        photo: bytes = answer["Body"].read()
        return photo

    def has_photos(self) -> bool:
        """Whether a photo of a post is stored already."""
        bucket = self.resource("RekognitionBucket")
        answer = self.aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="images/", MaxKeys=1)
        return bool(answer.get("Contents"))

    def exists(self) -> bool:
        """Whether there is a stack of this name, in whatever status."""
        found = described(self.cloudformation, self.name)
        return any(stack["StackStatus"] != "DELETE_COMPLETE" for stack in found)

    def replace_code(self, logical_id: str, text: str) -> None:
        """Deploy other code into a function, and wait until it is in use."""
        code.replace_code(self.aws.client("lambda"), self.resource(logical_id), {"index.py": text})

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
        self._wait("stack_delete_complete", "deleted")
