"""The emulated EC2 instance: a folder with the files of AWS::CloudFormation::Init.

cfn-init writes them to the disk of a real instance; here they go below a folder. The streamer runs
from there, and asks the metadata service for its role's credentials, as on EC2.

    root = instance.boot(system.folder, stack)
    streamer = instance.start_streamer(system, root)
    instance.wait_until_connected(streamer)
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from kit import private
from kit.aws_client import Aws
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.keys import TOKEN, metadata_key
from kit.processes import SCRIPTS, ManagedProcess, minimal_environment
from kit.stack.stack import Stack
from kit.waiting import wait_until

LOGICAL_ID = "StreamingInstance"
HOME = "home/ec2-user"
WORKSHOP = f"{HOME}/rekognition-workshop"
CONNECTED = "Connected to X"  # the streamer prints it


def boot(folder: Path, stack: Stack) -> Path:
    """Write the files of the deployed stack into `folder`/<instance ID>, and return that."""
    root = folder / stack.resource(LOGICAL_ID)
    # A new one gets its name when it is complete: whatever stops us, it boots the next time.
    unfinished = root if root.exists() else folder / f"new-{root.name}"
    private.make_folder(unfinished)
    for path, file in stack.init_files(LOGICAL_ID).items():
        target = unfinished / path.removeprefix("/")
        for parent in reversed(target.relative_to(unfinished).parents[:-1]):
            private.make_folder(unfinished / parent)
        content = file["content"]  # cfn-init writes an object as JSON
        private.write(target, content if isinstance(content, str) else json.dumps(content))
    return unfinished.rename(root)


def terminated(aws: Aws, instances: set[str]) -> set[str]:
    """Those of the instances that do not exist any more.

    While a stack is being updated, or when its creation has failed, its instance lives on.
    """
    if not instances:
        return set()
    pages = aws.client("ec2").get_paginator("describe_instances").paginate()
    listed = [one for page in pages for group in page["Reservations"] for one in group["Instances"]]
    return instances - {one["InstanceId"] for one in listed if one["State"]["Name"] != "terminated"}


def environment(aws_url: str, x_url: str, token: str, root: Path) -> dict[str, str]:
    """The environment of a terminal on the instance whose files are below `root`.

    The token is the workshop's. It does not go into the environment, but what follows from it.

    On EC2 it has no key and no address in it; here it has the emulators' addresses and no key.
    """
    metadata = f"{root.name}/{metadata_key(token, root.name)}"
    variables = minimal_environment(root) | {
        "HOME": str(root / HOME),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{aws_url}/_workshop/instances/{metadata}/",
        "TWITTER_API_URL": x_url,
        # A tmux of its own: the learner's has another environment, which leads to the real AWS.
        "TMUX_TMPDIR": str(root),
    }
    del variables["AWS_EC2_METADATA_DISABLED"]
    del variables["PYTHONPATH"]  # the instance has the files of the template, and no others
    return variables


def start_streamer(system: OfflineSystem, root: Path) -> ManagedProcess:
    """Type `python twitter_streaming.py` on the instance; the system stops it in the end."""
    log = system.folder / "streamer.log"
    log.unlink(missing_ok=True)  # of an earlier streamer, which was connected as well
    streamer = streamer_process(system.aws.url, system.x_url, system.keys[TOKEN], root, log)
    system.children.append(streamer)
    return streamer


def streamer_process(aws_url: str, x_url: str, token: str, root: Path, log: Path) -> ManagedProcess:
    """The same for who has only the addresses and the token, and who stops it."""
    return ManagedProcess(
        "the streamer",
        [sys.executable, "-m", "kit.emulators.instance_process"],
        environment(aws_url, x_url, token, root) | {"PYTHONPATH": str(SCRIPTS)},
        log,
        folder=root / WORKSHOP,
    )


def wait_until_connected(streamer: ManagedProcess, seconds: float = 30.0) -> None:
    """Wait until the streamer says that it is connected.

    Raises:
        WorkshopError: it ended, or did not get there in time.
    """

    def connected() -> bool:
        if CONNECTED in streamer.log.read_text():
            return True
        if not streamer.running:
            raise WorkshopError(f"The streamer did not connect to X. Its log: {streamer.log}")
        return False

    wait_until(connected, seconds, f"the streamer's connection to X (its log: {streamer.log})")
