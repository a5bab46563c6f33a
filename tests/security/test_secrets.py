"""What a running workshop shows to others: no key of X anywhere, and no port but on 127.0.0.1.

The keys are planted, and looked for in all that the workshop writes, answers, prints and hands to
its processes. They may be in a few files, which this file names.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from kit.aws_client import Aws
from kit.emulators.system import SERVERS
from kit.keys import PAGE_TOKEN, TOKEN, X_KEYS, new_keys, select
from kit.processes import free_port
from kit.stack.stack import Stack
from support import REPOSITORY, evidence, wait_until
from support.terminal import Terminal

pytestmark = pytest.mark.linux
KEYS = {
    name: f"planted{number}{name[-9:].replace('_', 'x')}Kq7"
    for number, name in enumerate(new_keys())
}
# Files of the workshop that must hold keys. Only their owner can read them.
ALLOWED_FILES = {
    "parameters.json": "the parameters of the stack, which create-stack reads",
    "running.json": "the keys with which `workshop.py tweet` posts",
    "home/identity.json": "the keys that the emulated X knows again after a restart",
    "home/identity.copy.json": "its copy",
    "home/aws/state.json": "the secret and the stack's parameters, in the emulated AWS",
    "home/aws/previous.json": "the same, some seconds before",
}


class PlantedWorkshop(Terminal):
    """A workshop in a folder of its own, in which the keys are planted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        home = self.home / "home"
        home.mkdir(parents=True)
        ports = dict(zip(SERVERS, free_ports(len(SERVERS)), strict=True))
        (home / "identity.json").touch(0o600)
        (home / "identity.json").write_text(json.dumps([ports, KEYS]))
        bare = dict(self.environment)
        self.start("--at", "11")
        self.environment = bare  # commands find the workshop without the printed lines, too
        self.running: dict[str, Any] = json.loads((self.home / "running.json").read_text())
        self.aws = Aws(self.running["aws_url"], self.running["region"], self.running["keys"])
        self.stack = Stack(self.aws, "celebrityrek")

    def output_of(self, *command: str) -> str:
        """All that a command prints."""
        done = self.type(*command)
        return done.stdout + done.stderr

    def files(self) -> dict[str, str | bytes]:
        """The files that must hold no key, by name."""
        files = [path for path in self.home.rglob("*") if path.is_file()]
        names = {str(path.relative_to(self.home)): path for path in files}
        return {
            name: path.read_bytes() for name, path in names.items() if name not in ALLOWED_FILES
        }

    def processes(self) -> list[Path]:
        """The /proc folders of the workshop and all that it started, and what these started."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended
        assert self.process
        family = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return [Path("/proc") / str(pid) for pid in family]


def free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, Path]
) -> Iterator[PlantedWorkshop]:
    folder = tmp_path_factory.mktemp("secrets")
    started = PlantedWorkshop(folder)
    try:
        said = started.output_of("tweet", str(pictures["obama2.jpg"]))
        assert "Posted 1 photo" in said, said
        wait_until(lambda: len(started.aws.outbox()) >= 2, 60)  # the confirmation and the match
        with evidence.watch(folder, started.aws):
            yield started
    finally:
        started.stop()


def find_keys(places: dict[str, str | bytes]) -> list[str]:
    """Say which keys are in which places, also in base64 and as part of an address."""
    found = []
    for place, content in places.items():
        data = content.encode("utf-8", "replace") if isinstance(content, str) else content
        for name, key in KEYS.items():
            forms = {
                key.encode(),
                base64.b64encode(key.encode())[:-4],
                quote(key, safe="").encode(),
            }
            if any(form in data for form in forms):
                found.append(f"{name} is in {place}")
    return found


def text(answer: Any) -> str:
    return json.dumps(answer, default=str)


def test_the_keys_are_where_they_must_be(workshop: PlantedWorkshop) -> None:
    """Else the other tests would look for something that is nowhere."""
    secrets = workshop.aws.client("secretsmanager")
    secret = secrets.get_secret_value(SecretId=workshop.stack.resource("TwitterKeys"))
    assert json.loads(secret["SecretString"]) == select(KEYS, X_KEYS) | {"STREAM_RULE": ""}
    assert len(find_keys({"the secret": secret["SecretString"]})) == len(X_KEYS)
    for name in ("parameters.json", "running.json", "home/identity.json"):
        assert find_keys({name: (workshop.home / name).read_bytes()}), name
        assert (workshop.home / name).stat().st_mode & 0o077 == 0, name


def test_no_answer_of_aws_holds_a_key(workshop: PlantedWorkshop) -> None:
    stack, client = workshop.stack, workshop.aws.client
    name = {"StackName": stack.name}
    cloudformation, logs, functions = client("cloudformation"), client("logs"), client("lambda")
    places: dict[str, str | bytes] = {
        "the stack": text(cloudformation.describe_stacks(**name)),
        "the events": text(cloudformation.describe_stack_events(**name)),
        "the resources": text(cloudformation.describe_stack_resources(**name)),
        "the template": text(cloudformation.get_template(**name)),
        "the functions": text(functions.list_functions()),
        "the mails": text(workshop.aws.outbox()),
        "the items": text(client("dynamodb").scan(TableName=stack.resource("PostsTable"))),
        "the secret's description": text(client("secretsmanager").list_secrets()),
        "the instance": text(client("ec2").describe_instances()),
        "the queue": text(client("sqs").receive_message(QueueUrl=stack.resource("FailureQueue"))),
        "the topic": text(
            client("sns").get_topic_attributes(TopicArn=stack.resource("MatchTopic"))
        ),
        "the stream": text(
            client("firehose").describe_delivery_stream(
                DeliveryStreamName=stack.resource("DeliveryStream")
            )
        ),
        "what was refused": text(workshop.aws.admin.get("refusals")),
    }
    resources = cloudformation.describe_stack_resources(**name)["StackResources"]
    for logical_id in sorted(resource["LogicalResourceId"] for resource in resources):
        answer = cloudformation.describe_stack_resource(**name, LogicalResourceId=logical_id)
        places[f"the metadata of {logical_id}"] = text(answer)
    attribute = client("ec2").describe_instance_attribute(
        InstanceId=stack.resource("StreamingInstance"), Attribute="userData"
    )
    encoded = attribute.get("UserData", {}).get("Value", "")
    places["the user data"] = base64.b64decode(encoded + "==")
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])
        places[f"the log {group['logGroupName']}"] = text(events)
    s3 = client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for entry in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            found = s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])
            places[f"the object {entry['Key']}"] = (
                found["Body"].read() + text(found["Metadata"]).encode()
            )
    assert len(places) > 35
    assert find_keys(places) == []


def test_no_other_server_tells_a_key(workshop: PlantedWorkshop) -> None:
    keys = workshop.running["keys"]
    session = requests.Session()  # of the owner, whom they answer
    session.headers["Authorization"] = f"Bearer {keys[TOKEN]}"
    session.get(f"{workshop.running['page_url']}/?token={keys[PAGE_TOKEN]}").raise_for_status()
    paths = {
        "x_url": ["/_workshop/posts", "/_workshop/stats", "/2/users/me", "/oauth2/token"],
        "rekognition_url": ["/_workshop/stats", "/_workshop/comparisons"],
        "page_url": ["/", "/page.js", "/state", *(f"/stages/{stage}" for stage in ("x", "secret"))],
    }
    assert (
        find_keys(
            {
                path: session.get(workshop.running[server] + path, timeout=60).content
                for server, some in paths.items()
                for path in some
            }
        )
        == []
    )


def test_no_command_prints_a_key(workshop: PlantedWorkshop) -> None:
    commands = [
        ["--help"],
        ["doctor"],
        ["tweet", "/nonexistent.jpg"],
        ["tweet", str(REPOSITORY / "README.md")],
        ["connect", "env"],
        ["connect", "cat", "twitter_streaming.json"],
        ["connect", "python", "twitter_streaming.py", "--help"],
        ["connect", "python", "twitter_streaming.py", "--replay", "/nonexistent"],
        ["start"],  # it runs already
        ["check", "/nonexistent.py"],
    ]
    said: dict[str, str | bytes] = {" ".join(c): workshop.output_of(*c) for c in commands}
    assert all(said.values())
    printed, token = workshop.printed(), KEYS[PAGE_TOKEN]
    assert printed.count(token) == 1  # in the page's address, and nowhere else
    said["start --at 11"] = printed.replace(token, "")
    assert find_keys(said) == []


def test_no_file_but_the_named_ones_holds_a_key(workshop: PlantedWorkshop) -> None:
    assert len(workshop.files()) > 10
    assert find_keys(workshop.files()) == []


def test_no_process_shows_a_key(workshop: PlantedWorkshop) -> None:
    """Command lines are for everybody to read; an environment only for the owner and its heirs."""
    lines: dict[str, str | bytes] = {}
    environments: dict[str, str | bytes] = {}
    for process in workshop.processes():
        try:
            line = (process / "cmdline").read_bytes()
            lines[f"command line {line!r}"] = line
            environments[f"environment of {line!r}"] = (process / "environ").read_bytes()
        except OSError:
            continue  # it has ended
    assert len(lines) >= 6
    assert find_keys(lines) == []
    # The emulators check the keys: they get them as a program on AWS would, in no argument.
    emulators = ("kit.emulators.x\\x00", "kit.emulators.aws\\x00", "kit.emulators.rekognition\\x00")
    others = {
        name: text
        for name, text in environments.items()
        if not any(emulator in name for emulator in emulators)
    }
    assert len(others) == len(environments) - len(emulators)
    assert find_keys(others) == []


def test_every_port_is_on_this_computer_only(workshop: PlantedWorkshop) -> None:
    sockets = set()
    for process in workshop.processes():
        for descriptor in (process / "fd").glob("*"):
            try:
                target = os.readlink(descriptor)
            except OSError:
                continue
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    listening = {}
    for family in ("tcp", "tcp6", "udp", "udp6"):
        table = Path(f"/proc/net/{family}")
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            fields = line.split()
            # State 0A listens; an unconnected UDP socket, 07, takes whatever comes.
            if fields[9] in sockets and fields[3] in ("0A", "07"):
                address, port = fields[1].split(":")
                listening[f"{family}:{int(port, 16)}"] = address
    assert len({name.partition(":")[2] for name in listening}) == len(SERVERS)
    # 127.0.0.1, the lowest byte first; the page is at ::1, too, and tells its address there.
    local = {"0100007F", "00000000000000000000000001000000"}
    assert set(listening.values()) <= local, listening


def test_what_is_kept_for_the_next_start_holds_no_key_elsewhere(workshop: PlantedWorkshop) -> None:
    """Comes last: the emulated AWS writes its state when it stops."""
    workshop.stop()
    assert any(name.startswith("home/aws/") for name in workshop.files())
    assert find_keys(workshop.files()) == []
    assert (workshop.home / "home").stat().st_mode & 0o077 == 0
    for name in ("parameters.json", "home/identity.json"):
        assert (workshop.home / name).stat().st_mode & 0o077 == 0, name
    kept = {name: (workshop.home / name).read_bytes() for name in ALLOWED_FILES if "aws" in name}
    assert {place.rpartition(" ")[2] for place in find_keys(dict(kept))} == set(kept)
