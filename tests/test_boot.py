"""The boot of the instance: UserData, run by a shell with stand-ins for dnf and AWS's helpers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from kit.stack.template import load_template

pytestmark = pytest.mark.unit

TARGET = "--stack celebrityrek --region eu-west-1 --resource StreamingInstance"
HANDLE = "https://cloudformation-waitcondition.example/arn%3Aaws?Expires=1&Signature=a%2Bb"
PROGRAMS = ("dnf", "sleep", "cfn-init", "cfn-signal")


def user_data() -> str:
    instance = load_template()["Resources"]["StreamingInstance"]["Properties"]
    lines = instance["UserData"]["Fn::Base64"]["Fn::Join"][1]
    text = "\n".join(line if isinstance(line, str) else line["Fn::Sub"] for line in lines)
    values = {"AWS::StackName": "celebrityrek", "AWS::Region": "eu-west-1", "BootHandle": HANDLE}
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def boot(folder: Path, **scripts: str) -> list[str]:
    """Run it; a stand-in notes how it is called, and then does what its script says."""
    log = folder / "calls"
    for name in PROGRAMS:
        program = folder / name
        script = scripts.get(name.replace("-", "_"), "")
        program.write_text(f'#!/bin/bash\necho "{name} $*" >> "{log}"\n{script}\n')
        program.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", user_data()], env=environment, check=False)
    return log.read_text().splitlines()


def failing(times: int, folder: Path) -> str:
    """A script that fails so many times."""
    return f'echo x >> "{folder}/tries"; [ "$(grep -c x "{folder}/tries")" -gt {times} ]'


def test_what_is_needed_is_installed_and_success_is_signalled(tmp_path: Path) -> None:
    assert boot(tmp_path) == [
        "dnf install -y aws-cfn-bootstrap python3.12 tmux",
        f"cfn-init {TARGET}",
        f"cfn-signal -e 0 -r  {HANDLE}",
        f"cfn-signal -e 0 {TARGET}",
    ]


def test_a_lock_that_another_program_holds_at_first_boot_is_waited_for(tmp_path: Path) -> None:
    """https://github.com/amazonlinux/amazon-linux-2023/issues/397."""
    calls = boot(tmp_path, dnf=failing(2, tmp_path))
    assert [call for call in calls if call.startswith("sleep")] == ["sleep 10", "sleep 20"]
    assert calls[-1] == f"cfn-signal -e 0 {TARGET}"


def test_a_boot_that_fails_says_why(tmp_path: Path) -> None:
    """To the wait condition, whose event has the reason, before the instance's event ends all."""
    error = "Error occurred during build: Command 1-packages failed"
    calls = boot(tmp_path, cfn_init=f"echo 'Collecting boto3'; echo '{error}' >&2; exit 1")
    assert calls[-2:] == [f"cfn-signal -e 1 -r {error} {HANDLE}", f"cfn-signal -e 1 {TARGET}"]


@pytest.mark.parametrize("said", ["", "x" * 2000, "--success true", '"$(reboot)"'])
def test_it_fails_whatever_it_says(tmp_path: Path, said: str) -> None:
    calls = boot(tmp_path, cfn_init=f"echo '{said}'; exit 3", cfn_signal="exit 1")
    assert calls[-2:] == [f"cfn-signal -e 3 -r {said} {HANDLE}", f"cfn-signal -e 3 {TARGET}"]


def test_an_instance_is_signaled_under_its_own_id_alone() -> None:
    """CloudFormation ignores a signal to an instance that has another ID, and waits on.

    https://github.com/aws/aws-cli/issues/7133; cfn-signal's default is the instance's ID.
    """
    assert not re.search("cfn-signal .*(-i|--id) ", user_data())
