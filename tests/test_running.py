"""How the commands find the running workshop, whatever else is set in the learner's terminal."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from kit.emulators.system import OfflineSystem
from kit.keys import new_keys
from kit.processes import free_port
from kit.running import Running
from support import MEASURED, REPOSITORY, aws_cli
from support.terminal import COMMAND, running_workshop

CONFIGS = {
    "for CLI 2": "[default]\noutput = yaml\ncli_pager =\n",
    "no configuration": "[default\nregion",
    "of a service": "[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://127.0.0.1:1\n",
}
LEFT_OVER = {
    "AWS_PROFILE": "nobody-s",
    "AWS_DEFAULT_PROFILE": "nobody-s",
    "AWS_DEFAULT_OUTPUT": "yaml",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_SESSION_TOKEN": "old",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "no such mode",
    "AWS_DEFAULTS_MODE": "no such mode",
    "AWS_MAX_ATTEMPTS": "many",
    "AWS_METADATA_SERVICE_TIMEOUT": "long",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "no such word",
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES": "small",
    "AWS_RETRY_MODE": "no such mode",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "no such word",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
}


@pytest.fixture
def folder(system: OfflineSystem, tmp_path: Path) -> Path:
    """The folder of a running workshop."""
    workshop = running_workshop(system)
    (tmp_path / "running.json").write_text(json.dumps(asdict(workshop)))
    return tmp_path


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A terminal's environment."""
    return (
        {"PATH": aws_cli.path(), "HOME": str(folder), "WORKSHOP_FOLDER": str(folder)}
        | MEASURED
        | more
    )


def typed(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Type a command of the workshop."""
    return subprocess.run(
        [*COMMAND, *command], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_what_is_set_for_aws_itself_does_not_count(folder: Path, config: str) -> None:
    file = folder / "config"
    file.write_text(config)
    variables = environment(folder, AWS_CONFIG_FILE=str(file), **LEFT_OVER)
    done = typed(variables, "mail")
    assert (done.returncode, "mail(s)" in done.stdout) == (0, True), done.stderr
    done = typed(variables, "doctor", "--stack", "nobody-s")
    assert "There is no stack of this workshop called nobody-s" in " ".join(done.stderr.split())
    script = 'eval "$("$@" env)"; aws s3 ls && aws cloudformation describe-stacks'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *COMMAND],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Stacks" in json.loads(done.stdout[done.stdout.index("{") :])


@pytest.mark.parametrize("command", [["doctor"], ["redrive"], ["publish", "--bucket", "mine-1234"]])
@pytest.mark.parametrize("old", ["address", "key"])
def test_lines_of_an_earlier_workshop_are_named(
    system: OfflineSystem, folder: Path, old: str, command: list[str]
) -> None:
    lines = running_workshop(system).environment()
    if old == "address":
        lines["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{free_port()}"
    lines["AWS_ACCESS_KEY_ID"] = "AKIAOFANEARLIERHOME0"
    done = typed(environment(folder, **lines), *command)
    assert done.returncode == 2
    assert "are of an earlier workshop. Type again: eval" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_damaged_file_is_named(folder: Path) -> None:
    (folder / "running.json").write_text('{"region"')
    for command in ["mail"], ["env"], ["connect"]:
        done = typed(environment(folder), *command)
        assert done.returncode == 2
        assert "running.json is damaged" in " ".join(done.stderr.split())


# Root may write everywhere, but not without these capabilities (capabilities(7)).
ROOT = os.geteuid() == 0
LIMITED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown"]


@pytest.mark.unit
@pytest.mark.parametrize("command", [["start"], ["start", "--fresh"], ["mail"], ["env"]])
def test_a_folder_of_somebody_else_is_named(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "locked" / "workshop"
    folder.mkdir(parents=True)
    (folder / "running.json").write_text("{}")
    if ROOT:
        os.chown(folder, 12_345, 12_345)
        folder.chmod(0o700)
        os.chown(folder / "running.json", 12_345, 12_345)
        (folder / "running.json").chmod(0o600)
    else:
        (folder / "running.json").unlink()
        folder.rmdir()
    folder.parent.chmod(0o500)
    done = subprocess.run(
        [*(LIMITED if ROOT else []), *COMMAND, *command],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    folder.parent.chmod(0o700)
    said = " ".join(done.stderr.split())
    assert "Traceback" not in said
    assert done.returncode == 2, said
    if ROOT or command[0] == "start":
        assert "The workshop cannot use its folder (" in said
        assert "export WORKSHOP_FOLDER=" in said
    assert ("It belongs to user 12345." in said) == ROOT


@pytest.mark.unit
def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "workshop").write_text("a file")
    done = typed(environment(tmp_path / "workshop"), "start")
    assert done.returncode == 2
    assert "cannot use its folder" in " ".join(done.stderr.split())


@pytest.mark.unit
def test_a_proxy_s_exceptions_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example,127.0.0.1")
    lines = Running("eu-west-1", "http://127.0.0.1:1", "x", "r", "p", new_keys()).export_lines()
    assert "export NO_PROXY=intranet.example,127.0.0.1,localhost" in lines
    assert str(REPOSITORY) not in lines


@pytest.mark.unit
@pytest.mark.parametrize("command", [["mail"], ["env"], ["connect"]])
def test_a_workshop_that_was_killed_is_not_taken_for_a_running_one(
    tmp_path: Path, command: list[str]
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    left = asdict(Running("eu-west-1", url, url, url, url, {}))
    (tmp_path / "running.json").write_text(json.dumps(left))
    done = typed(environment(tmp_path), *command)
    assert done.returncode == 2
    assert "workshop is running" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
