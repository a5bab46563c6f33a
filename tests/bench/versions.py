"""Both versions as the bench runs them: in this process, on a stack without its triggers.

The triggers are taken off so that each step runs when the bench says so, and is measured alone.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3

from bench import streaming
from bench.calls import Calls
from kit.emulators.system import OfflineSystem
from kit.keys import ACCOUNT, select
from kit.stack.code import SOLUTION
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import code_of, load_template
from support import s3_event

V1_FOLDER = Path(__file__).resolve().parent / "v1"
RESOURCES: dict[str, Any] = load_template()["Resources"]


@dataclass(frozen=True)
class Version:
    """A design: its streamer, and the code of its two functions."""

    name: str
    streamer: Callable[[Iterable[bytes], Any], None]
    store: str
    compare: str


V2 = Version(
    "v2", streaming.v2, code_of("TwitterLambdaFunction"), SOLUTION.read_text(encoding="utf-8")
)
V1 = Version(
    "v1",
    streaming.v1,
    (V1_FOLDER / "twitter_lambda.py").read_text(encoding="utf-8"),
    (V1_FOLDER / "compare_lambda.py").read_text(encoding="utf-8"),
)


@dataclass
class Used:
    """What some photos used.

    Attributes:
        calls: of AWS, by operation.
        objects: that Firehose wrote.
        billed: bytes, as Firehose bills them.
        seconds: of each function's invocations, by its logical ID.
        invocations: of the functions.
        mails: that were sent.
    """

    calls: Counter[str] = field(default_factory=Counter)
    objects: int = 0
    billed: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    invocations: Counter[str] = field(default_factory=Counter)
    mails: int = 0


# What Lambda tells a function, as far as v2 asks.
CONTEXT = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)


class Firehose:
    """The delivery stream of a stack, by the name that the streamers do not know."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name
        self.counted = streaming.Firehose(seconds=0)

    def put_record(self, DeliveryStreamName: str, Record: dict[str, bytes]) -> Any:  # noqa: N803
        """v1's call."""
        self.counted.take([Record["Data"]])
        return self.client.put_record(DeliveryStreamName=self.name, Record=Record)

    def put_record_batch(self, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> Any:  # noqa: N803
        """v2's call."""
        self.counted.take([record["Data"] for record in Records])
        return self.client.put_record_batch(DeliveryStreamName=self.name, Records=Records)


class Harness:
    """A stack of its own on which one version works.

    Args:
        system: the emulators, which both versions share.
        version: which one.
        reference: the photo of the person to look for.
    """

    def __init__(self, system: OfflineSystem, version: Version, reference: Path) -> None:
        self.system = system
        self.version = version
        self.calls = Calls(system)
        # Both get the posts of one round in one object, so the round may last a second.
        parameters = system.parameters(EMAIL) | {"BufferSeconds": "2"}
        self.stack = Stack.launch(system.aws, parameters)
        self.stack.confirm_subscription()
        self.s3 = system.aws.client("s3")
        self.posts, self.photos = (
            self.stack.resource(name) for name in ("TwitterBucket", "RekognitionBucket")
        )
        for bucket in self.posts, self.photos:
            self.s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={}
            )
        self.s3.upload_file(str(reference), self.photos, "celebrity.jpg")
        self.store = self.load(version.store, "TwitterLambdaFunction")
        self.compare = self.load(version.compare, "RekognitionLambdaFunction")
        with self.environment({}):
            self.firehose = self.calls.session.client("firehose")
        self.delivered: set[str] = set()

    def environment(self, variables: dict[str, str]) -> Any:
        """The environment in which boto3 finds the emulators."""
        return mock.patch.dict(
            os.environ,
            {
                "AWS_ENDPOINT_URL": self.system.aws.url,
                "AWS_ENDPOINT_URL_REKOGNITION": self.system.rekognition_url,
                "AWS_DEFAULT_REGION": self.system.aws.region,
                **select(self.system.keys, ACCOUNT),
                **variables,
            },
        )

    def variables(self, logical_id: str) -> dict[str, str]:
        """The environment variables of a function of the stack."""
        found: dict[str, str] = self.system.aws.client("lambda").get_function_configuration(
            FunctionName=self.stack.resource(logical_id)
        )["Environment"]["Variables"]
        return found

    def load(self, code: str, logical_id: str) -> Callable[[dict[str, Any]], Any]:
        """Load a function's code as Lambda does; its clients are counted."""
        names: dict[str, Any] = {"__name__": logical_id, "print": lambda *_, **__: None}
        with (
            self.environment(self.variables(logical_id)),
            mock.patch.object(boto3, "DEFAULT_SESSION", self.calls.session),
        ):
            exec(compile(code, f"{logical_id}.py", "exec"), names)
        topic = self.variables(logical_id).get("TOPIC_ARN", "")

        def handler(event: dict[str, Any]) -> Any:
            with mock.patch.dict(os.environ, {"TOPIC_ARN": topic}):
                return names["lambda_handler"](event, CONTEXT)

        return handler

    def new_objects(self, photos: int) -> list[str]:
        """Wait until Firehose has written so many photos; return the new objects' keys."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.s3.list_objects_v2(Bucket=self.posts).get("Contents", [])
            new = [entry["Key"] for entry in found if entry["Key"] not in self.delivered]
            bodies = [self.s3.get_object(Bucket=self.posts, Key=k)["Body"].read() for k in new]
            if b"".join(bodies).count(b'"media_key"') >= photos:
                self.delivered.update(new)
                return new
            time.sleep(0.2)
        raise TimeoutError(f"Firehose did not deliver {photos} photos within 60 s")

    def take(self, lines: list[bytes]) -> Used:
        """Let the posts of some lines of the stream travel all the way, step by step."""
        used, before = Used(), len(self.system.aws.outbox())
        self.calls.made.clear()
        self.calls.stored.clear()
        firehose = Firehose(self.firehose, self.stack.resource("DeliveryStream"))
        with self.calls.counted():
            self.version.streamer(lines, firehose)
        objects = self.new_objects(firehose.counted.photos)
        with self.calls.counted():
            for key in objects:
                self.invoke("TwitterLambdaFunction", self.store, self.posts, key, used)
        with self.calls.counted():
            for key in self.calls.stored:  # S3 sends an event for each object that is put
                self.invoke("RekognitionLambdaFunction", self.compare, self.photos, key, used)
        used.calls = Counter(self.calls.made)
        used.objects, used.billed = len(objects), firehose.counted.billed
        used.mails = len(self.system.aws.outbox()) - before
        return used

    def invoke(
        self,
        logical_id: str,
        handler: Callable[[dict[str, Any]], Any],
        bucket: str,
        key: str,
        used: Used,
    ) -> None:
        """Call a function for one object, and note how long it took."""
        started = time.perf_counter()
        handler(s3_event(bucket, key))
        used.seconds[logical_id] += time.perf_counter() - started
        used.invocations[logical_id] += 1
