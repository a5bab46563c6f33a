"""The commands that the doctor prints: quoted for a shell, with options that the AWS CLI has."""

from __future__ import annotations

import inspect
import json
import shlex
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kit.commands.doctor import fixes
from kit.commands.doctor.fixes import aws
from support import aws_cli

ARN = "arn:aws:iam::123456789012:role/my role's"
STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ARN}
DESTINATION = {"BucketARN": "arn:aws:s3:::it's-mine", "RoleARN": ARN}
NOTIFICATION = {"LambdaFunctionArn": ARN, "Events": ["s3:ObjectCreated:*"]}

# Each function of fixes, and arguments as the checks give them.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "delete_stack": ("celebrityrek",),
    "wait_for_deletion": ("celebrityrek",),
    "restore_secret": ("celebrityrek-keys",),
    "start_instance": ("i-0123456789abcdef0",),
    "restart_instance": ("i-0123456789abcdef0",),
    "create_delivery_stream": ("celebrityrek-posts", DESTINATION),
    "update_destination": ("celebrityrek-posts", "1", "destinationId-000000000001", DESTINATION),
    "allow_s3_to_invoke": (ARN, "TwitterBucketPermission", "210987654321", "arn:aws:s3:::bucket"),
    "notify_function": ("bucket", NOTIFICATION),
    "create_bucket": ("bucket", "eu-west-1"),
    "upload_reference": ("bucket", "the person's face.jpg"),
    "encrypt_with_s3": ("bucket",),
    "encrypt_object_with_s3": ("bucket/celebrity.jpg",),
    "copy_object": ("bucket/me & you.jpg", "bucket/celebrity.jpg"),
    "move_object": ("bucket/me; or you.jpg", "bucket/celebrity.jpg"),
    "configure_function": ("function",),
    "update_code": ("function",),
    "extract_code": ("TwitterLambdaFunction",),
    "end_throttling": ("function",),
    "put_role_policy": ("role", "Compare", [STATEMENT]),
    "delete_role_policy": ("role", "Deny"),
    "create_log_group": ("/aws/lambda/function",),
    "redrive": (),
    "subscribe": (ARN, "me@example.com"),
}
COMMANDS = {name: getattr(fixes, name)(*arguments) for name, arguments in ARGUMENTS.items()}
COMMANDS["the role"] = fixes.configure_function("function", role=ARN)
COMMANDS["the handler"] = fixes.configure_function("function", handler="index.lambda_handler")
COMMANDS["the timeout"] = fixes.configure_function("function", timeout="120")
COMMANDS["the environment"] = fixes.configure_function(
    "function", environment={"Variables": {"NAME": "it's 100 % $HOME"}}
)


def words_of(command: str) -> list[list[str]]:
    """The words of each command of a line, as a shell reads them."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word == "&&":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


@pytest.mark.unit
def test_every_command_is_tried() -> None:
    functions = {
        name
        for name, function in inspect.getmembers(fixes, inspect.isfunction)
        if function.__module__ == fixes.__name__
    }
    assert functions - {"aws"} == set(ARGUMENTS)


@pytest.mark.unit
def test_a_command_is_quoted_for_a_shell() -> None:
    command = aws("s3", "cp", "my photo.jpg", "s3://b/it's", metadata={"a": "$HOME `b`"})
    assert shlex.split(command) == [
        *("aws", "s3", "cp", "my photo.jpg", "s3://b/it's"),
        *("--metadata", '{"a":"$HOME `b`"}'),
    ]


@pytest.mark.unit
@pytest.mark.parametrize(("name", "arguments"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_a_command_names_all_that_it_is_about(name: str, arguments: tuple[Any, ...]) -> None:
    words = [word for command in words_of(COMMANDS[name]) for word in command]
    told = [argument for argument in arguments if isinstance(argument, str)]
    assert [one for one in told if not any(one in word for word in words)] == []


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_aws_cli_accepts_every_option(command: str, tmp_path: Path) -> None:
    """A command that it accepts fails only because nothing answers at that address."""
    (tmp_path / fixes.YOUR_PHOTO).touch()
    zipfile.ZipFile(tmp_path / "index.zip", "w").close()
    for words in words_of(command):
        if words[0] == "aws":
            assert "Could not connect to the endpoint" in run_cli(words, tmp_path)


def run_cli(words: list[str], folder: Path) -> str:
    environment = {
        "PATH": aws_cli.path(),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    return subprocess.run(
        words, env=environment, cwd=folder, capture_output=True, text=True, check=False
    ).stderr


@pytest.mark.unit
def test_json_reaches_the_cli_as_it_is() -> None:
    (words,) = words_of(COMMANDS["put_role_policy"])
    assert json.loads(words[-1])["Statement"] == [STATEMENT]
    (words,) = words_of(COMMANDS["create_delivery_stream"])
    assert json.loads(words[-1]) == DESTINATION
