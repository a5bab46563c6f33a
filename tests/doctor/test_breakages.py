"""What users report as "nothing happens": the doctor names each of them, why, and what to do.

One workshop is broken and repaired, row by row. `doctor` says of none that nothing is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from unittest import mock

import pytest
import requests

from doctor.checked_workshop import HANDLER, CheckedWorkshop, shown, wrong
from kit.commands.doctor import finding as at
from kit.commands.doctor import functions
from kit.emulators import instance
from kit.keys import X_KEYS
from kit.stack.code import SOLUTION, replace_code
from support import wait_until
from support.systems import BorrowedSystem

pytestmark = pytest.mark.usefixtures("terminal")
STREAMING = "StreamingInstance"
DAMAGED = b"\xff\xd8\xff\xe0 begins as a JPEG"


class Work(CheckedWorkshop):
    """A workshop, and what the rows of the table do to it."""

    def name(self, logical_id: str) -> str:
        return self.stack.resource(logical_id)

    def rename_reference(self, name: str) -> None:
        self.remove_reference("celebrity.jpg")
        self.upload_reference(name=name)

    def rename_back(self, name: str) -> None:
        self.remove_reference(name)
        self.upload_reference()

    def remove_reference(self, name: str) -> None:
        self.client("s3").delete_object(Bucket=self.name("RekognitionBucket"), Key=name)

    def configure(self, **settings: str) -> None:
        """Change variables in the environment of the exercise's function."""
        service, function = self.client("lambda"), self.name(at.REKOGNITION)
        found = service.get_function_configuration(FunctionName=function)["Environment"]
        changed = {"Variables": found["Variables"] | settings}
        service.update_function_configuration(FunctionName=function, Environment=changed)
        service.get_waiter("function_updated_v2").wait(
            FunctionName=function, WaiterConfig={"Delay": 1}
        )

    def post_with(self, code: str, text: str = "Look who is here") -> None:
        """Deploy code, and post a photo with which it fails for good."""
        self.put_code(code)
        self.tweet(text=text)
        wait_until(self.failures)

    def loop(self) -> None:
        """Deploy code that never ends, and post a photo."""
        before = self.log().count("begun")
        self.put_code(HANDLER + "    print('begun')\n    while True:\n        pass\n")
        self.tweet()
        wait_until(lambda: self.log().count("begun") > before)

    def end_loop(self) -> None:
        admin = self.system.admin("aws")
        for one in admin.get("invocations")["invocations"]:
            admin.delete(f"invocations/{one['id']}")
        self.put_code()
        self.compare()

    def correct_code(self) -> None:
        self.put_code()
        self.client("sqs").purge_queue(QueueUrl=self.name("FailureQueue"))

    def put_file(self, name: str) -> None:
        """Deploy the solution in a file of another name."""
        code = SOLUTION.read_bytes()
        replace_code(self.client("lambda"), self.name(at.REKOGNITION), {name: code})

    def delete_rules(self) -> None:
        """Delete the rules of the stream, as another program of the same app can."""
        if rules := self.rules():
            self.change_rules({"delete": {"ids": [rule["id"] for rule in rules]}})

    def replace_rules(self, rule: str) -> None:
        """The same, and another rule is left."""
        self.delete_rules()
        self.change_rules({"add": [{"value": rule}]})

    def rules(self) -> list[Any]:
        return list(self.system.admin("x").get("stats")["rules"])

    def change_rules(self, change: dict[str, Any]) -> None:
        app = (self.system.keys[X_KEYS[0]], self.system.keys[X_KEYS[1]])
        grant = {"grant_type": "client_credentials"}
        url = self.system.x_url
        token = requests.post(f"{url}/oauth2/token", grant, auth=app, timeout=60).json()
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        rules = f"{url}/2/tweets/search/stream/rules"
        requests.post(rules, json=change, headers=bearer, timeout=60).raise_for_status()

    def restart_streamer(self) -> None:
        self.stop_streamer()
        self.delete_rules()
        self.start_streamer()

    def refuse_streamer(self, status: int) -> None:
        """Start the streamer when X refuses it."""
        self.stop_streamer()
        self.faults.x(kind="status", status=status, times=9)
        self.streamer = instance.start_streamer(
            self.system, self.system.folder / self.name("StreamingInstance")
        )
        wait_until(lambda: self.system.admin("x").get("stats")["refusal"])

    def let_streamer_in(self) -> None:
        self.faults.end()
        if self.streamer_runs():
            self.stop_streamer()
        else:
            self.system.children.remove(self.streamer)  # type: ignore[arg-type]
        self.start_streamer()

    def unsubscribe(self) -> None:
        sns = self.client("sns")
        found = sns.list_subscriptions_by_topic(TopicArn=self.name("MatchTopic"))["Subscriptions"]
        sns.unsubscribe(SubscriptionArn=found[0]["SubscriptionArn"])

    def subscribe(self) -> None:
        self.fix(self.check()[at.SUBSCRIPTION])
        self.stack.confirm_subscription()

    def throttle(self) -> None:
        self.client("lambda").put_function_concurrency(
            FunctionName=self.name(at.TWITTER), ReservedConcurrentExecutions=0
        )

    def fix_as_told(self, stage: str) -> None:
        self.fix(self.check()[stage])


class Breakage(NamedTuple):
    """A row of the table: what is done, and what doctor says."""

    name: str
    do: Callable[[Work], object]
    undo: Callable[[Work], object]
    stage: str
    message: str
    cause: str
    fix: str


BREAKAGES = [
    Breakage(
        "the reference is called celebrity.jpg.jpg",
        lambda work: work.rename_reference("celebrity.jpg.jpg"),
        lambda work: work.rename_back("celebrity.jpg.jpg"),
        *(at.REFERENCE, "but it has celebrity.jpg.jpg", "reads exactly the key", "aws s3 cp s3:"),
    ),
    Breakage(
        "there is no reference",
        lambda work: work.remove_reference("celebrity.jpg"),
        lambda work: work.upload_reference(),
        *(at.REFERENCE, "celebrity.jpg is not in", "no photo can match", "aws s3 cp YOUR-PHOTO"),
    ),
    Breakage(
        "the reference only begins as a JPEG",
        lambda work: work.upload_reference(DAMAGED),
        lambda work: work.upload_reference(),
        *(at.REFERENCE, "cannot use celebrity.jpg", "image format", "Upload a JPEG or PNG"),
    ),
    Breakage(
        "the reference shows no face",
        lambda work: work.upload_reference("landscape.jpg"),
        lambda work: work.upload_reference(),
        *(at.REFERENCE, "shows no face", "no photo can match", "one face from the front"),
    ),
    Breakage(
        "SimilarityThreshold is 100",
        lambda work: work.configure(SIMILARITY_THRESHOLD="100"),
        lambda work: work.fix_as_told(at.REKOGNITION),
        *(at.REKOGNITION, "SIMILARITY_THRESHOLD is 100", "nothing matches", "aws lambda update-"),
    ),
    Breakage(
        "a post without text, and code that expects one",
        lambda work: work.post_with(
            SOLUTION.read_text().replace('post.get("text", "")', 'post["text"]'), text=""
        ),
        lambda work: work.correct_code(),
        *(
            at.REKOGNITION,
            "failed",
            "KeyError: 'text' (A post can lack its text",
            "update-function",
        ),
    ),
    Breakage(
        "an endless loop",
        lambda work: work.loop(),
        lambda work: work.end_loop(),
        *(at.REKOGNITION, "and does not end", "A loop without end", "update-function-code"),
    ),
    Breakage(
        "the code is deployed in a file of another name",
        lambda work: work.put_file("lambda_function.py"),
        lambda work: work.put_code(),
        *(at.REKOGNITION, "cannot load its code", "there is no index.py", "update-function-code"),
    ),
    Breakage(
        "somebody pressed Throttle",
        lambda work: work.throttle(),
        lambda work: work.fix_as_told(at.TWITTER),
        *(at.TWITTER, "reserved concurrency is 0", "pressed Throttle", "delete-function-concurr"),
    ),
    Breakage(
        "another program has deleted the rule of the stream",
        lambda work: work.delete_rules(),
        lambda work: work.restart_streamer(),
        *(at.STREAMER, "its rule is gone", "none of your posts", "start it again (step 5)"),
    ),
    Breakage(
        "another program has deleted the rule, and left its own",
        lambda work: work.replace_rules("cats"),
        lambda work: work.restart_streamer(),
        *(at.STREAMER, "its rule is gone", "1 rule of other programs: cats", "start it again"),
    ),
    Breakage(
        "the streamer's terminal is closed",
        lambda work: work.stop_streamer(),
        lambda work: work.start_streamer(),
        *(at.STREAMER, "not connected", "was not started, or it stopped", "twitter_streaming.py"),
    ),
    Breakage(
        "another copy of the streamer is connected",
        lambda work: work.refuse_streamer(429),
        lambda work: work.let_streamer_in(),
        *(at.STREAMER, "not connected", "refused it with 429", "python twitter_streaming.py"),
    ),
    Breakage(
        "the keys of X are wrong",
        lambda work: work.refuse_streamer(401),
        lambda work: work.let_streamer_in(),
        *(at.STREAMER, "not connected", "refused it with 401", "python twitter_streaming.py"),
    ),
    Breakage(
        "the instance is stopped",
        lambda work: work.client("ec2").stop_instances(InstanceIds=[work.name(STREAMING)]),
        lambda work: work.client("ec2").start_instances(InstanceIds=[work.name(STREAMING)]),
        *(at.INSTANCE, "is stopped", "no post arrives", "aws ec2 start-instances"),
    ),
    Breakage(
        "a link scanner has unsubscribed the address",
        lambda work: work.unsubscribe(),
        lambda work: work.subscribe(),
        *(at.SUBSCRIPTION, "nobody is subscribed", "program that checks links", "sns subscribe"),
    ),
    Breakage(
        "the terminal has an endpoint of its own for S3",
        lambda work: os.environ.update(AWS_ENDPOINT_URL_S3="http://127.0.0.1:9"),
        lambda work: os.environ.pop("AWS_ENDPOINT_URL_S3", None),
        *(
            at.WORKSHOP,
            "has AWS_ENDPOINT_URL_S3",
            "asks another server",
            "workshop.py env",
        ),
    ),
    Breakage(
        "the terminal has a profile for AWS",
        lambda work: os.environ.update(AWS_PROFILE="mine"),
        lambda work: os.environ.pop("AWS_PROFILE", None),
        *(at.WORKSHOP, "has AWS_PROFILE", "wins over the workshop's", "workshop.py env"),
    ),
]


@pytest.fixture(scope="module")
def work(system: BorrowedSystem) -> Iterator[Work]:
    """All steps are done, once for all rows."""
    done = Work(system)
    done.do_all_steps()
    yield done
    done.close()


@pytest.mark.parametrize("row", BREAKAGES, ids=lambda row: row.name)
def test_doctor_names_what_is_broken(work: Work, row: Breakage) -> None:
    row.do(work)
    with mock.patch.object(functions, "LONG_RUN", timedelta(0)):
        findings = work.check()
    output = shown(findings)
    assert wrong(findings) == [row.stage], output
    assert "Nothing is wrong" not in output
    assert "1 problem found" in output
    found = findings[row.stage]
    assert (row.message in found.message, row.cause in found.cause, row.fix in found.fix) == (
        *(True, True, True),
    ), output
    row.undo(work)
    work.is_well()


def test_rules_of_other_programs_are_named_and_no_fault(work: Work) -> None:
    work.change_rules({"add": [{"value": "cats", "tag": "zoo"}]})
    message = work.is_well()[at.STREAMER].message
    assert "1 rule of other programs: cats, whose posts it skips" in message
    (other,) = [rule["id"] for rule in work.rules() if rule.get("tag") == "zoo"]
    work.change_rules({"delete": {"ids": [other]}})
    assert work.is_well()[at.STREAMER].message == "connected to the emulated X"


def test_a_photo_that_was_rejected_is_named_and_no_fault(work: Work) -> None:
    work.compare()
    work.faults.x(kind="photo", name="*", status=404)
    media_key = work.tweet()
    wait_until(lambda: f"Photo {media_key} rejected" in work.log("Twitter"))
    work.faults.end()
    message = work.is_well()[at.PHOTOS].message
    assert message.endswith("; the last run rejected one: the photo host answered 404")
    work.compare()  # and the others arrive


def test_a_run_of_some_seconds_is_neither_good_nor_bad(work: Work) -> None:
    work.loop()
    found = work.is_well()[at.REKOGNITION]
    assert found.status == at.UNKNOWN
    assert "it has been running since" in found.message
    work.end_loop()
    work.is_well()
