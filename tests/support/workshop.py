"""A workshop whose steps are calls: with a stack, a streamer, and whatever a test breaks in it."""

from __future__ import annotations

import os
import signal
from typing import Any

from kit import samples
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.processes import ManagedProcess
from kit.stack.code import SOLUTION
from kit.stack.stack import EMAIL, Stack
from support import end_of


class Faults:
    """Lets the emulators fail; what they can do is in their own `faults.py`."""

    def __init__(self, system: OfflineSystem) -> None:
        self.admin = {name: system.admin(name) for name in ("x", "aws", "rekognition")}

    def x(self, **fault: Any) -> None:
        self.admin["x"].post("faults", fault)

    def aws(self, service: str, action: str = "", **fault: Any) -> None:
        self.admin["aws"].post("faults", {"service": service, "action": action, **fault})

    def rekognition(self, code: str, **fault: Any) -> None:
        self.admin["rekognition"].post("faults", {"code": code, **fault})

    def end(self) -> None:
        """End all of them."""
        for admin in self.admin.values():
            admin.delete("faults")


class Workshop:
    """An offline system, and the steps of the workshop in it.

    Args:
        system: running, and closed by its owner.
    """

    def __init__(self, system: OfflineSystem) -> None:
        self.system = system
        self.pictures = samples.ensure()
        self.faults = Faults(system)
        self.launched: Stack | None = None
        self.streamer: ManagedProcess | None = None

    @property
    def stack(self) -> Stack:
        assert self.launched, "call launch() first"
        return self.launched

    def client(self, service: str) -> Any:
        return self.system.aws.client(service)

    # The steps

    def do_all_steps(self, confirm: bool = True) -> None:
        """Launched, confirmed, streaming, with a reference and the solution; nothing is posted."""
        self.launch()
        if confirm:
            self.stack.confirm_subscription()
        self.put_code()
        self.upload_reference()
        self.start_streamer()

    def launch(self) -> Stack:
        self.launched = Stack.launch(self.system.aws, self.system.parameters(EMAIL))
        return self.launched

    def start_streamer(self) -> ManagedProcess:
        """Start the streamer on the instance, and wait until it is connected."""
        root = instance.boot(self.system.folder, self.stack)
        self.streamer = instance.start_streamer(self.system, root)
        instance.wait_until_connected(self.streamer)
        return self.streamer

    def stop_streamer(self) -> int:
        """SIGTERM, and wait until it has ended; return the exit code."""
        assert self.streamer, "call start_streamer() first"
        self.system.children.remove(self.streamer)
        os.killpg(self.streamer.process.pid, signal.SIGTERM)
        return end_of(self.streamer.process)

    def photo(self, name: str) -> bytes:
        """A sample."""
        return self.pictures[name].read_bytes()

    def upload_reference(
        self, photo: str | bytes = samples.REFERENCE, name: str = "celebrity.jpg"
    ) -> None:
        """Upload a photo, or a sample by its name, beside images/."""
        body = self.photo(photo) if isinstance(photo, str) else photo
        bucket = self.stack.resource("RekognitionBucket")
        self.client("s3").put_object(Bucket=bucket, Key=name, Body=body)

    def put_code(self, code: str = SOLUTION.read_text()) -> None:
        """Replace the code of the exercise's function."""
        self.stack.replace_code("RekognitionLambdaFunction", code)

    def tweet(self, picture: str = samples.MATCH, text: str = "Look who is here") -> str:
        """Post a sample and return the photo's media key."""
        media_id = self.system.x.upload(self.photo(picture))
        self.system.x.post(text, [media_id])
        return f"3_{media_id}"

    # What came of them

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
        """Stop the streamer, if it still runs, and delete the stack."""
        if self.streamer in self.system.children and self.streamer.running:
            self.stop_streamer()
        if self.launched:
            self.launched.delete()
