"""Least privilege, shown: without any one action of any one statement, the workshop fails.

Each case takes one action out of a role of a running stack, and walks the part of the workshop in
which that role acts. The walk must end with that very refusal. So an action that nothing needs, or
that nobody tests, is noticed here. `make least-privilege` prints the table.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from kit.emulators import instance
from kit.stack.code import SOLUTION
from kit.stack.find import described
from kit.stack.journey import Journey
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import load_template
from support import s3_event, wait_until
from support.systems import BorrowedSystem

RESOURCES: dict[str, Any] = load_template()["Resources"]
# Why ministack cannot show it. Nothing else may be left out.
NOT_SHOWN = {
    **dict.fromkeys(
        [
            ("StreamingInstanceRole", "OpenSessions", f"{service}:{action}")
            for service, actions in {
                "ssm": ["UpdateInstanceInformation"],
                "ssmmessages": [
                    "CreateControlChannel",
                    "CreateDataChannel",
                    "OpenControlChannel",
                    "OpenDataChannel",
                ],
            }.items()
            for action in actions
        ],
        "offline there is no agent of Session Manager; AmazonSSMManagedInstanceCore has it",
    ),
    **dict.fromkeys(
        [
            ("DeliveryStreamRole", sid, f"s3:{action}")
            for sid, actions in {
                "FindTheBucket": ["GetBucketLocation", "ListBucket", "ListBucketMultipartUploads"],
                "WritePosts": ["AbortMultipartUpload", "GetObject"],
            }.items()
            for action in actions
        ],
        "ministack's Firehose only puts objects; Firehose's documentation requires it",
    ),
}
ACCOUNT = "000000000000"  # ministack's


@dataclass(frozen=True)
class Permission:
    """One action of one statement."""

    role: str
    sid: str
    action: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.role, self.sid, self.action


def permissions() -> Iterator[Permission]:
    for role, resource in RESOURCES.items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions = statement["Action"]
                    for action in [actions] if isinstance(actions, str) else actions:
                        yield Permission(role, statement["Sid"], action)


ALL = list(permissions())


class Refused(Exception):  # noqa: N818 - it is what the test hopes for
    """The walk met the refusal that it was looking for."""


class Walk:
    """Walks parts of the workshop, and stops at a refusal of `role` and `action`.

    Args:
        system: the offline system.
        stack: a stack with the exercise solved and a reference photo.
        face: a photo that matches.
    """

    def __init__(self, system: BorrowedSystem, stack: Stack, face: bytes) -> None:
        self.system = system
        self.stack = stack
        self.face = face
        self.s3, self.functions = stack.aws.client("s3"), stack.aws.client("lambda")
        self.buckets = [stack.resource(f"{name}Bucket") for name in ("Twitter", "Rekognition")]
        self.role = self.action = ""
        self.seen = len(self.refusals())
        self.parts: dict[str, Callable[[], None]] = {
            "StreamingInstanceRole": self.stream,
            "DeliveryStreamRole": self.deliver,
            "TwitterLambdaRole": self.store,
            "RekognitionLambdaRole": self.compare,
            "BucketEmptierRole": self.clean_up,
        }

    def refusals(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.system.admin("aws").get("refusals")
        return found

    def look_for(self, role: str, action: str) -> None:
        self.role, self.action, self.seen = role, action, len(self.refusals())

    def until(self, what: Callable[[], Any], stop: str) -> None:
        """Wait for a stop of the walk, or for the refusal that is looked for."""

        def arrived() -> bool:
            for refusal in self.refusals()[self.seen :]:
                if f"/{self.role}/" in refusal["who"] and refusal["action"] == self.action:
                    raise Refused(refusal["action"])
            return bool(what())

        wait_until(arrived, what=f"{stop}, or a refusal")

    def put_line(self) -> Journey:
        """Put the metadata of a new photo of the emulated X where Firehose does."""
        media_id = self.system.x.upload(self.face)
        post_id = self.system.x.post("hello", [media_id])
        posts = self.system.admin("x").get("posts?limit=1")
        (photo,) = posts[0]["media"]
        line = {"media_key": photo["media_key"], "url": photo["url"], "post_id": post_id}
        body = json.dumps(line).encode()
        self.s3.put_object(Bucket=self.buckets[0], Key=f"firehose/{media_id}", Body=body)
        return Journey(self.stack, post_id, media_id)

    def log(self, kind: str, text: str) -> Callable[[], bool]:
        return lambda: any(text in line for line in self.stack.log_lines(f"{kind}LambdaLogs"))

    def fail(self, kind: str) -> Callable[[], bool]:
        """Send an event that no try can process; it ends in the failure queue."""
        mark = uuid.uuid4().hex
        self.functions.invoke(
            FunctionName=self.stack.resource(f"{kind}LambdaFunction"),
            InvocationType="Event",
            Payload=json.dumps({"Records": [{"s3": {"mark": mark}}]}),  # of no bucket: it fails
        )
        queue, url = self.stack.aws.client("sqs"), self.stack.resource("FailureQueue")
        queue.purge_queue(QueueUrl=url)  # of what earlier walks could not do

        def found() -> bool:
            answer = queue.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0
            )
            return any(mark in message["Body"] for message in answer.get("Messages", []))

        return found

    # The parts of the workshop, by the role that acts in them

    def stream(self) -> None:
        folder, before = self.system.folder / uuid.uuid4().hex, self.objects()
        streamer = instance.start_streamer(self.system, instance.boot(folder, self.stack))
        try:
            self.until(lambda: "Connected" in streamer.log.read_text(), "the connection to X")
            self.system.x.post("hello", [self.system.x.upload(self.face)])
            self.until(self.new_object(before), "the post in S3")
        finally:
            streamer.stop()
            self.system.children.remove(streamer)

    def objects(self) -> int:
        count: int = self.s3.list_objects_v2(Bucket=self.buckets[0])["KeyCount"]
        return count

    def new_object(self, before: int) -> Callable[[], bool]:
        return lambda: self.objects() > before

    def deliver(self) -> None:
        stream, before = self.stack.resource("DeliveryStream"), self.objects()
        record = {"Data": b'{"url": "not a photo"}\n'}
        self.stack.aws.client("firehose").put_record(DeliveryStreamName=stream, Record=record)
        self.until(self.new_object(before), "the object in S3")

    def store(self) -> None:
        failed = self.fail("Twitter")
        photo = self.put_line()
        stored = f"Photo {photo.media_key} stored"
        self.until(self.log("Twitter", stored), "the photo")
        event = s3_event(self.buckets[0], f"firehose/{photo.media_key.removeprefix('3_')}")
        self.functions.invoke(
            FunctionName=self.stack.resource("TwitterLambdaFunction"),
            InvocationType="Event",
            Payload=json.dumps(event),
        )
        self.until(self.log("Twitter", f"Photo {photo.media_key} seen"), "the second event")
        self.until(failed, "the event in the failure queue")

    def compare(self) -> None:
        failed = self.fail("Rekognition")
        reference = {"Bucket": self.buckets[1], "Key": "celebrity.jpg"}
        self.s3.delete_object(**reference)
        early = uuid.uuid4().hex
        self.s3.put_object(Bucket=self.buckets[1], Key=f"images/{early}.jpg", Body=self.face)
        self.until(self.log("Rekognition", f"{early}.jpg: not compared"), "what to upload")
        self.s3.put_object(**reference, Body=self.face)
        photo = self.put_line()
        self.until(lambda: photo.item().get("outcome") == "match", "the outcome")
        self.until(photo.mail, "the mail")
        self.until(self.log("Rekognition", f"{photo.key}: match"), "the log")
        self.until(failed, "the event in the failure queue")

    def clean_up(self) -> None:
        # Not below images/: that starts a function, whose role goes with the stack.
        self.s3.put_object(Bucket=self.buckets[1], Key="full.jpg", Body=b"x")
        cloudformation = self.stack.cloudformation
        cloudformation.delete_stack(StackName=self.stack.name)
        self.until(lambda: not described(cloudformation, self.stack.name), "the deleted stack")

    def take(self, permission: Permission) -> None:
        """Walk the role's part; at its end the walk has met no refusal."""
        self.look_for(self.stack.resource(permission.role), permission.action)
        self.parts[permission.role]()


def without(document: dict[str, Any], permission: Permission) -> dict[str, Any]:
    """A policy without one action; a statement without actions goes, too."""
    document = copy.deepcopy(document)
    for statement in document["Statement"]:
        if statement["Sid"] == permission.sid:
            actions = statement["Action"]
            actions = [actions] if isinstance(actions, str) else actions
            statement["Action"] = [a for a in actions if a != permission.action]
    document["Statement"] = [s for s in document["Statement"] if s["Action"]]
    return document


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: it connects a streamer."""
    return own_system


@pytest.fixture(scope="module")
def rows() -> Iterator[dict[Permission, str]]:
    """What came out, by permission; printed in the end."""
    found: dict[Permission, str] = {}
    yield found
    table = Table("Role", "Statement", "Without this action", "the workshop")
    for permission in ALL:
        table.add_row(*permission.key, found.get(permission, "was not tried"))
    Console(width=160).print("\n", table)


def launch(system: BorrowedSystem, face: bytes) -> Walk:
    stack = Stack.launch(system.aws, system.parameters(EMAIL))
    stack.confirm_subscription()
    stack.replace_code("RekognitionLambdaFunction", SOLUTION.read_text())
    # The policy that a topic has by default lets everybody of the account publish in ministack.
    # With this one the roles' own policies count.
    topic, root = stack.resource("MatchTopic"), f"arn:aws:iam::{ACCOUNT}:root"
    allow = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sns:*", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sns = stack.aws.client("sns")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    walk = Walk(system, stack, face)
    walk.s3.put_object(Bucket=walk.buckets[1], Key="celebrity.jpg", Body=face)
    return walk


@pytest.fixture(scope="module")
def face(pictures: dict[str, Path]) -> bytes:
    return pictures["obama2.jpg"].read_bytes()


@pytest.fixture(scope="module")
def shared_walk(system: BorrowedSystem, face: bytes) -> Walk:
    return launch(system, face)


def test_with_all_of_them_every_part_of_the_workshop_passes(
    system: BorrowedSystem, shared_walk: Walk, face: bytes
) -> None:
    before = len(shared_walk.refusals())
    for role in {permission.role for permission in ALL} - {"BucketEmptierRole"}:
        shared_walk.take(Permission(role, "", ""))
    other = launch(system, face)
    other.take(Permission("BucketEmptierRole", "", ""))
    ours = (f"/{shared_walk.stack.name}-", f"/{other.stack.name}-")
    refused = shared_walk.refusals()[before:]
    assert [refusal for refusal in refused if any(name in refusal["who"] for name in ours)] == []


@pytest.mark.parametrize("permission", ALL, ids=lambda p: "-".join(p.key))
def test_without_one_it_fails(
    system: BorrowedSystem,
    shared_walk: Walk,
    face: bytes,
    rows: dict[Permission, str],
    permission: Permission,
) -> None:
    if reason := NOT_SHOWN.get(permission.key):
        rows[permission] = f"not shown: {reason}"
        return
    rows[permission] = "ENDS OTHERWISE"
    # A deletion ends a stack, so it takes one of its own.
    walk = launch(system, face) if permission.role == "BucketEmptierRole" else shared_walk
    iam, role = system.aws.client("iam"), walk.stack.resource(permission.role)
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        place = {"RoleName": role, "PolicyName": name}
        document = iam.get_role_policy(**place)["PolicyDocument"]
        less = without(document, permission)
        if less["Statement"]:
            iam.put_role_policy(**place, PolicyDocument=json.dumps(less))
        else:
            iam.delete_role_policy(**place)
        try:
            walk.take(permission)
        except Refused as refusal:
            rows[permission] = f"fails: {refusal} is refused"
        else:
            rows[permission] = "PASSES: it is superfluous"
        finally:
            if walk is shared_walk:
                iam.put_role_policy(**place, PolicyDocument=json.dumps(document))
    assert rows[permission].startswith("fails"), rows[permission]


@pytest.mark.unit
def test_what_cannot_be_shown_is_in_the_template() -> None:
    assert NOT_SHOWN.keys() <= {permission.key for permission in ALL}


@pytest.mark.unit
def test_the_sids_of_a_role_differ() -> None:
    assert len({permission.key for permission in ALL}) == len(ALL)
