"""Workshops for tests: one whose steps are calls, and one whose steps are typed in a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3

from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.processes import ManagedProcess
from kit.stack.stack import EMAIL, Stack
from support import REPOSITORY, end_of, wait_until

SOLUTION = (REPOSITORY / "scripts" / "compareFaces.py").read_text()
COMMAND = [sys.executable, str(REPOSITORY / "scripts" / "workshop.py")]


class Workshop:
    """An offline system, and the workshop's steps as a test needs them.

    Args:
        system: running, and closed by its owner.
        pictures: the samples by name.
    """

    def __init__(self, system: OfflineSystem, pictures: dict[str, Path]) -> None:
        self.system = system
        self.pictures = pictures
        self.clients: dict[str, Any] = {}  # making one takes longer than a call
        self.launched: Stack | None = None
        self.streamer: ManagedProcess | None = None

    @property
    def stack(self) -> Stack:
        assert self.launched, "call launch() first"
        return self.launched

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.system.aws.client(service)
        return self.clients[service]

    def launch(self) -> Stack:
        self.launched = Stack.launch(self.system.aws, self.system.parameters(EMAIL))
        return self.launched

    def start_streamer(self) -> ManagedProcess:
        root = instance.boot(self.system.folder, self.stack)
        self.streamer = instance.start_streamer(self.system, root)
        instance.wait_until_connected(self.streamer)
        return self.streamer

    def stop_streamer(self) -> None:
        if self.streamer:
            self.streamer.stop()

    def upload(self, picture: str = "obama.jpg", name: str = "celebrity.jpg") -> None:
        """Upload a sample beside images/, where the reference photo is."""
        bucket = self.stack.resource("RekognitionBucket")
        self.client("s3").upload_file(str(self.pictures[picture]), bucket, name)

    def put_code(self, code: str = SOLUTION) -> None:
        """Replace the code of the exercise's function."""
        self.stack.replace_code("RekognitionLambdaFunction", code)

    def do_all_steps(self, confirm: bool = True) -> None:
        """Launched, confirmed, streaming, with a reference and the solution; nothing is posted."""
        self.launch()
        if confirm:
            self.stack.confirm_subscription()
        self.start_streamer()
        self.upload()
        self.put_code()

    def post(self, picture: str = "obama2.jpg", text: str = "Look who is here") -> str:
        """Post a sample and return the photo's media key."""
        media_id = self.system.x.upload(self.pictures[picture].read_bytes())
        self.system.x.post(text, [media_id])
        return f"3_{media_id}"

    def items(self) -> list[Any]:
        """The items of the table."""
        table = self.stack.resource("PostsTable")
        return list(self.client("dynamodb").scan(TableName=table)["Items"])

    def log(self, function: str = "Rekognition") -> str:
        """All that a function has printed."""
        group = self.stack.resource(f"{function}LambdaLogs")
        answer = self.client("logs").filter_log_events(logGroupName=group)
        return "\n".join(event["message"] for event in answer["events"])

    def failures(self) -> int:
        """How many messages the failure queue has."""
        url, name = self.stack.resource("FailureQueue"), "ApproximateNumberOfMessages"
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def close(self) -> None:
        self.stop_streamer()
        if self.launched:
            self.launched.delete()


class Terminal:
    """A terminal whose workshop writes into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "workshop"
        self.environment = os.environ | {"WORKSHOP_FOLDER": str(self.home), "COLUMNS": "200"}
        self.log = folder / "start.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> str:
        """Start the workshop and return what it prints until it runs."""
        with self.log.open("wb") as log:
            command = [*COMMAND, "start", *options]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: "The workshop runs." in self.printed(), 120)
        for line in self.printed().splitlines():
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                self.environment[name] = value
        return self.printed()

    def printed(self) -> str:
        """All that the start has printed so far."""
        return self.log.read_text()

    def stop(self) -> int:
        """Press Ctrl-C; return the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return end_of(self.process)

    def type(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the workshop."""
        return subprocess.run(
            [*COMMAND, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def client(self, service: str) -> Any:
        """A client as boto3 makes it from the printed lines."""
        session = boto3.session.Session(
            self.environment["AWS_ACCESS_KEY_ID"],
            self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_DEFAULT_REGION"],
        )
        return session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])
