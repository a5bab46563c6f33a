"""The real emulated X and AWS."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kit.aws_client import REGION, Aws
from kit.keys import ACCOUNT, select
from kit.x_client import XClient
from streamer.fakes import BEARER, RULES, FakeFirehose
from streamer.harness import FIELDS, KEYS, Streamer, a_post, play, sentence
from support import evidence, wait_until
from support.emulator import Emulator
from support.systems import BorrowedSystem


class Emulators:
    """An offline X, and in the AWS of all tests a delivery stream, its bucket and a secret."""

    def __init__(self, folder: Path, aws: Aws) -> None:
        environment = KEYS | {"TWITTER_BEARER_TOKEN": BEARER}
        options = ("--keep-alive", "0.5", "--photos", str(folder / "photos"))
        self.x_process = Emulator("x", folder, *options, environment=environment)
        self.x_url = self.x_process.url
        self.aws = aws
        self.account = select(aws.keys, ACCOUNT)
        self.x = XClient(self.x_url, KEYS["TWITTER_CONSUMER_KEY"], KEYS["TWITTER_TOKEN"])
        self.photo = self.x.upload(b"a photo")
        self.s3 = self.aws.client("s3")
        self.aws.client("secretsmanager").create_secret(
            Name="x-keys", SecretString=json.dumps(KEYS)
        )
        trust = {"Service": "firehose.amazonaws.com"}
        allow = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
        iam = self.aws.client("iam")
        self.role = iam.create_role(
            RoleName="delivery",
            AssumeRolePolicyDocument=json.dumps(
                {"Statement": [{"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}]}
            ),
        )["Role"]["Arn"]
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName="delivery", PolicyName="write", PolicyDocument=policy)

    def delivery_stream(self) -> str:
        """A new delivery stream; the bucket has the same name."""
        name = f"posts-{secrets.token_hex(4)}"
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "BucketARN": f"arn:aws:s3:::{name}",
                "RoleARN": self.role,
                "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 5},
            },
        )
        return name

    def delivered(self, bucket: str) -> list[dict[str, str]]:
        """All lines in the bucket, in the order of their objects."""
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        bodies = [self.s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in listed]
        return [json.loads(line) for line in b"".join(bodies).splitlines()]

    def rules(self) -> list[dict[str, str]]:
        headers = {"Authorization": f"Bearer {BEARER}"}
        answer = requests.get(self.x_url + RULES, headers=headers, timeout=60).json()
        rules: list[dict[str, str]] = answer.get("data", [])
        return rules

    def add_rule(self, **rule: str) -> None:
        headers = {"Authorization": f"Bearer {BEARER}"}
        requests.post(self.x_url + RULES, json={"add": [rule]}, headers=headers, timeout=60)

    def fault(self, **fault: Any) -> None:
        self.x_process.admin.post("faults", fault)

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self.x_process.admin.get("stats")
        return stats

    def stop(self) -> None:
        self.x_process.stop()


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, system: BorrowedSystem
) -> Iterator[Emulators]:
    folder = tmp_path_factory.mktemp("emulators")
    emulators = Emulators(folder, system.aws)
    with evidence.watch(folder):
        yield emulators
    emulators.stop()


@pytest.fixture
def emulators(started: Emulators) -> Emulators:
    """No faults, no rules, nobody connected."""
    started.fault(kind="reset")
    started.fault(kind="disconnect")
    headers = {"Authorization": f"Bearer {BEARER}"}
    ids = {"delete": {"ids": [rule["id"] for rule in started.rules()]}}
    requests.post(started.x_url + RULES, json=ids, headers=headers, timeout=60)
    wait_until(lambda: not started.stats()["connected"])
    return started


def test_from_the_emulated_x_into_a_bucket(tmp_path: Path, emulators: Emulators) -> None:
    stream = emulators.delivery_stream()
    emulators.add_rule(value="dog", tag="foreign")
    emulators.add_rule(value="old", tag="serverless-bytes")
    arguments = ["--delivery-stream", stream]
    environment: dict[str, str | None] = {
        **{"TWITTER_BEARER_TOKEN": None, **emulators.account},
    }
    x, photo = emulators.x, emulators.photo
    with Streamer(tmp_path, emulators.x_url, emulators.aws.url, arguments, environment) as streamer:
        streamer.says("Connected")
        rules = [(rule["value"], rule["tag"]) for rule in emulators.rules()]
        assert rules == [
            ("dog", "foreign"),
            ("from:learner has:images -is:retweet", "serverless-bytes"),
        ]
        posted = [x.post("Grüße 😃", [photo]), x.post("four", [photo] * 4)]
        x.post("not mine", [photo], username="somebody")
        x.post("retweet", [photo], retweet=True)
        x.post("a dog and a video", video=True)
        wait_until(lambda: len(emulators.delivered(stream)) == 5)
        assert streamer.finish(signal.SIGINT) == 0
    lines = emulators.delivered(stream)
    assert [line["post_id"] for line in lines] == [posted[0], *[posted[1]] * 4]
    assert [list(line) for line in lines] == [FIELDS] * 5
    assert (lines[0]["text"], lines[0]["username"]) == ("Grüße 😃", "learner")
    assert lines[0]["url"].startswith(f"{emulators.x_url}/media/")
    assert streamer.counts() == {
        **{"posts": 3, "photos": 5, "sent": 5, "failed": 0, "skipped": 1, "unreadable": 0}
    }


LONG = "R&D <3 " * 50  # 350 characters


def test_texts_arrive_whole_and_as_they_were_written(tmp_path: Path, emulators: Emulators) -> None:
    firehose, texts = FakeFirehose(), ["AT&T > others &amp; <b>", LONG]
    arguments = ["--delivery-stream", "posts", "--rule", "from:learner"]
    with Streamer(tmp_path, emulators.x_url, firehose, arguments) as streamer:
        streamer.says("Connected")
        for text in texts:
            emulators.x.post(text, [emulators.photo])
        wait_until(lambda: len(firehose.taken) == 2)
        assert streamer.finish(signal.SIGTERM) == 0
    assert [json.loads(line)["text"] for line in firehose.taken] == texts


def test_photos_that_were_posted_meanwhile_are_found(tmp_path: Path) -> None:
    environment = KEYS | {"TWITTER_BEARER_TOKEN": BEARER}
    options = ("--search-delay", "0", "--photos", str(tmp_path / "photos"))
    emulator, firehose = Emulator("x", tmp_path, *options, environment=environment), FakeFirehose()
    x = XClient(emulator.url, KEYS["TWITTER_CONSUMER_KEY"], KEYS["TWITTER_TOKEN"])
    photo = x.upload(b"a photo")
    arguments = ["--delivery-stream", "posts", "--rule", "from:learner"]
    with Streamer(tmp_path, emulator.url, firehose, arguments) as streamer:
        streamer.says("Connected")
        emulator.admin.post("faults", {"kind": "disconnect"})
        streamer.says("X closed the stream")
        x.post(LONG, [photo])
        wait_until(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    emulator.stop()
    line = json.loads(firehose.taken[0])
    assert (line["text"], line["username"], line["media_key"]) == (LONG, "learner", f"3_{photo}")


def test_a_second_streamer_says_that_another_one_is_connected(
    tmp_path: Path, emulators: Emulators
) -> None:
    arguments = ["--delivery-stream", "posts", "--rule", "from:learner"]
    with Streamer(tmp_path, emulators.x_url, "", arguments) as first:
        first.says("Connected")
        with Streamer(tmp_path, emulators.x_url, "", arguments) as second:
            second.says("X answered 429: another copy of this program is connected; stop it")
            assert second.finish(signal.SIGTERM) == 0
        assert first.finish(signal.SIGTERM) == 0


def test_posts_of_other_rules_are_not_sent(tmp_path: Path, emulators: Emulators) -> None:
    firehose = FakeFirehose()
    emulators.add_rule(value="dog", tag="foreign")
    emulators.add_rule(value="bird")
    arguments = ["--delivery-stream", "posts", "--rule", "from:learner cat"]
    with Streamer(tmp_path, emulators.x_url, firehose, arguments) as streamer:
        streamer.says("Connected")
        for rule in ("dog", "bird"):
            streamer.says(f"Posts of another rule, which X bills, are skipped: {rule}")
        for text in ("a dog", "a bird", "a cat and a dog", "a cat"):
            emulators.x.post(text, [emulators.photo])
        wait_until(lambda: len(firehose.taken) == 2)
        assert streamer.finish(signal.SIGTERM) == 0
    assert [json.loads(line)["text"] for line in firehose.taken] == ["a cat and a dog", "a cat"]
    counts = streamer.counts()
    assert (counts["posts"], counts["sent"], counts["skipped"]) == (4, 2, 2)


def test_a_rule_of_ours_that_somebody_else_made(tmp_path: Path, emulators: Emulators) -> None:
    firehose = FakeFirehose()
    emulators.add_rule(value="from:learner", tag="theirs")
    arguments = ["--delivery-stream", "posts", "--rule", "from:learner"]
    with Streamer(tmp_path, emulators.x_url, firehose, arguments) as streamer:
        streamer.says("Connected")
        emulators.x.post("theirs and ours", [emulators.photo])
        wait_until(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    assert "another rule" not in streamer.out


def test_the_keys_come_from_the_secret(tmp_path: Path, emulators: Emulators) -> None:
    stream = emulators.delivery_stream()
    file = {"delivery_stream": stream, "region": REGION, "secret": "x-keys"}
    config = json.dumps(file).encode()
    environment: dict[str, str | None] = dict.fromkeys((*KEYS, "TWITTER_BEARER_TOKEN"))
    environment |= {"AWS_DEFAULT_REGION": None, **emulators.account}
    urls = emulators.x_url, emulators.aws.url
    with Streamer(tmp_path, *urls, [], environment, config=config) as streamer:
        streamer.says("Connected to X. The rule: from:learner")
        emulators.x.post("by secret", [emulators.photo])
        wait_until(lambda: emulators.delivered(stream))
        assert streamer.finish(signal.SIGTERM) == 0
    assert emulators.delivered(stream)[0]["text"] == "by secret"


@pytest.mark.parametrize(
    ("secret", "said"), [("missing", "ResourceNotFoundException"), ("no-keys", "TWITTER_TOKEN")]
)
def test_a_secret_without_keys(
    tmp_path: Path, emulators: Emulators, secret: str, said: str
) -> None:
    if secret == "no-keys":
        manager = emulators.aws.client("secretsmanager")
        with contextlib.suppress(manager.exceptions.ResourceExistsException):
            manager.create_secret(Name=secret, SecretString='{"TWITTER_TOKEN": ""}')
    config = json.dumps({"delivery_stream": "any", "secret": secret}).encode()
    environment: dict[str, str | None] = {**emulators.account}
    urls = emulators.x_url, emulators.aws.url
    with Streamer(tmp_path, *urls, [], environment, config=config) as streamer:
        assert streamer.finish() == (2 if secret == "no-keys" else 1)
    assert said in sentence(streamer)


def test_a_delivery_stream_that_is_not_there(tmp_path: Path, emulators: Emulators) -> None:
    environment: dict[str, str | None] = {**emulators.account}
    with play(tmp_path, emulators.aws.url, a_post(1), environment=environment) as streamer:
        assert streamer.finish() == 1
    assert "ResourceNotFoundException" in sentence(streamer)
    assert streamer.counts()["failed"] == 1


def test_a_rule_that_the_emulated_x_refuses(tmp_path: Path, emulators: Emulators) -> None:
    arguments = ["--delivery-stream", "posts", "--rule", "has:images"]
    with Streamer(tmp_path, emulators.x_url, "", arguments) as streamer:
        assert streamer.finish() == 2
    assert "X refuses the rule" in sentence(streamer)
    assert emulators.stats()["connected"] is False


def test_wrong_keys_for_the_emulated_x(tmp_path: Path, emulators: Emulators) -> None:
    environment: dict[str, str | None] = {"TWITTER_BEARER_TOKEN": f"{BEARER[:-1]}."}
    with Streamer(tmp_path, emulators.x_url, "", None, environment) as streamer:
        assert streamer.finish() == 1
    assert "401" in sentence(streamer)
    assert streamer.err.count("\n") == 1


def test_the_faults_of_the_emulated_x(tmp_path: Path, emulators: Emulators) -> None:
    firehose = FakeFirehose()
    arguments = ["--delivery-stream", "posts", "--rule", "from:learner"]
    texts: list[str] = []

    def post() -> None:
        wait_until(lambda: emulators.stats()["connected"])
        texts.append(f"after {len(texts)} faults")
        emulators.x.post(texts[-1], [emulators.photo])
        wait_until(lambda: len(firehose.taken) == len(texts))

    with Streamer(tmp_path, emulators.x_url, firehose, arguments) as streamer:
        streamer.says("Connected")
        post()
        emulators.fault(kind="line", text="event: {garbage")
        post()
        emulators.fault(kind="silence", seconds=1)
        post()
        emulators.fault(kind="disconnect")
        streamer.says("X closed the stream")
        post()
        emulators.fault(kind="cut")
        emulators.x.post("lost", [emulators.photo])
        streamer.says("The connection to X broke")
        post()
        assert streamer.finish(signal.SIGTERM) == 0
    assert [json.loads(line)["text"] for line in firehose.taken] == texts
    assert emulators.stats()["connected"] is False
