"""The streamer's start and end, in this process: input, keys, signals and exit codes."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import NoCredentialsError

import twitter_streaming
from streamer.fakes import BEARER
from streamer.harness import KEYS, a_post, recording
from support import REPOSITORY

streamer: Any = twitter_streaming  # it is given stand-ins


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No keys of X, no configuration beside the script; afterwards all is as before."""
    for name in (*KEYS, "TWITTER_BEARER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(streamer, "__file__", str(tmp_path / "twitter_streaming.py"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logging.disable(logging.NOTSET)


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the arguments of the command line."""

    def set_arguments(*arguments: str | Path) -> None:
        words = ["twitter_streaming.py", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)

    return set_arguments


# --- command line and configuration ---------------------------------------------------------------

HELP = """
Listen to X (Twitter) and push the metadata of posts with photos to Amazon Data Firehose.

options:
  -h, --help            show this help message and exit
  --delivery-stream NAME
                        default: that of twitter_streaming.json
  --rule RULE           which posts; default: your own posts with pictures
  --replay FILE         recorded posts, not X
"""


def test_the_help(type_in: Any, capsys: pytest.CaptureFixture[str]) -> None:
    type_in("--help")
    with pytest.raises(SystemExit) as ended:
        streamer.read_config()
    assert ended.value.code == 0
    usage, _, rest = capsys.readouterr().out.partition("\n")
    assert usage.startswith("usage: twitter_streaming.py ")
    assert rest == HELP


def test_it_runs_from_the_repository_s_root() -> None:
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    command = [sys.executable, "scripts/twitter_streaming.py", "--help"]
    run = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    assert (run.stdout.partition("\n")[2], run.stderr) == (HELP, "")


def test_the_command_line(type_in: Any, tmp_path: Path) -> None:
    type_in("--delivery-stream", "posts")
    config = streamer.read_config()
    expected = {"delivery_stream": "posts", "region": None, "secret": None}
    assert vars(config) == expected | {"rule": None, "replay": None, "recording": None}
    file = Path(recording(tmp_path, b"line\n"))
    type_in("--delivery-stream", "posts", "--rule", "cat", "--replay", file)
    config = streamer.read_config()
    assert (config.rule, config.recording.read()) == ("cat", b"line\n")
    config.recording.close()


def test_the_command_line_wins_over_the_configuration(type_in: Any, tmp_path: Path) -> None:
    content = {"delivery_stream": "file", "region": "r", "secret": "s", "rule": "dog"}
    (tmp_path / "twitter_streaming.json").write_text(json.dumps(content))
    type_in("--rule", "cat")
    config = vars(streamer.read_config())
    assert {name: config[name] for name in content} == content | {"rule": "cat"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no --delivery-stream, and none in twitter_streaming.json"),
        (
            ["--delivery-stream", "posts", "--replay", "{folder}/none"],
            "twitter_streaming.json or --replay cannot be read: "
            "[Errno 2] No such file or directory: '{folder}/none'",
        ),
    ],
)
def test_wrong_input(
    type_in: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    type_in(*(argument.format(folder=tmp_path) for argument in arguments))
    with pytest.raises(SystemExit) as ended:
        streamer.read_config()
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"twitter_streaming.py: error: {said.format(folder=tmp_path)}"


# --- keys -----------------------------------------------------------------------------------------


def config(rule: str | None = None, secret: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(rule=rule, secret=secret)


class Secrets:
    """Secrets Manager with the keys in one secret; `asked` says how often it was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.content = KEYS
        monkeypatch.setattr(boto3, "client", self.client)

    def client(self, service: str) -> Secrets:
        assert service == "secretsmanager"
        return self

    def get_secret_value(self, **request: str) -> dict[str, str]:
        assert request == {"SecretId": "arn"}
        self.asked += 1
        return {"SecretString": json.dumps(self.content)}


def test_the_keys_are_those_of_the_secret_or_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vault = Secrets(monkeypatch)
    assert streamer.read_keys(config(secret="arn")) == KEYS | {"TWITTER_BEARER_TOKEN": ""}
    assert vault.asked == 1
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    found = streamer.read_keys(config())
    assert {name: found[name] for name in KEYS} == KEYS
    assert found["TWITTER_BEARER_TOKEN"] == ""


def test_the_rule_is_that_of_the_command_line_or_of_the_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vault = Secrets(monkeypatch)
    for rule in ("", 'dog "black cat"'):
        vault.content = KEYS | {"STREAM_RULE": rule}
        asked = config(secret="arn")
        streamer.read_keys(asked)
        assert asked.rule == rule
    asked = config("cat", "arn")
    streamer.read_keys(asked)
    assert asked.rule == "cat"
    vault.content = {**dict.fromkeys(KEYS, ""), "STREAM_RULE": "dog"}
    monkeypatch.setenv("TWITTER_BEARER_TOKEN", BEARER)  # with a rule it is all that is needed
    assert streamer.read_keys(config(secret="arn"))["TWITTER_BEARER_TOKEN"] == BEARER


def test_with_a_token_and_a_rule_no_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Secrets(monkeypatch)
    monkeypatch.setenv("TWITTER_BEARER_TOKEN", f" {BEARER}\n")
    found = streamer.read_keys(config("cat", "arn"))
    assert found["TWITTER_BEARER_TOKEN"] == BEARER
    assert vault.asked == 0
    assert streamer.read_keys(config(None, "arn")) == KEYS | {"TWITTER_BEARER_TOKEN": BEARER}
    assert vault.asked == 1


@pytest.mark.parametrize(
    ("rule", "token", "missing"),
    [
        (None, "", list(KEYS)),
        ("cat", "", list(KEYS)[:2]),
        (None, BEARER, list(KEYS)),
    ],
    ids=["nothing", "a rule", "a token"],
)
def test_the_missing_keys_are_named(
    monkeypatch: pytest.MonkeyPatch, rule: str | None, token: str, missing: list[str]
) -> None:
    monkeypatch.setenv("TWITTER_BEARER_TOKEN", token)
    with pytest.raises(streamer.InputError) as raised:
        streamer.read_keys(config(rule))
    assert str(raised.value) == (
        f"no keys of X ({', '.join(missing)}): update the stack with your keys, or run this with "
        "--replay sample_posts.jsonl"
    )
    monkeypatch.setenv(missing[-1], "here")
    with pytest.raises(streamer.InputError, match=rf" \({', '.join(missing[:-1])}\): "):
        streamer.read_keys(config(rule))


# --- from the start to the end --------------------------------------------------------------------


class Firehose:
    """Takes all records, or raises an error; it knows how it was made."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.lines: list[bytes] = []
        self.made_with: Any = None
        self.stream = ""
        self.on_put: Any = lambda: None

    def client(self, service: str, config: Any) -> Firehose:
        assert service == "firehose"
        self.made_with = config
        return self

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        self.stream = request["DeliveryStreamName"]
        if self.error:
            raise self.error
        self.lines += [line for r in request["Records"] for line in r["Data"].splitlines()]
        self.on_put()
        return {"RequestResponses": [{"RecordId": "1"}] * len(request["Records"])}


@pytest.fixture
def firehose(monkeypatch: pytest.MonkeyPatch) -> Firehose:
    firehose = Firehose()
    monkeypatch.setattr(boto3, "client", firehose.client)
    return firehose


def summary(posts: int, photos: int, sent: int, failed: int) -> str:
    return (
        f"posts {posts}, photos {photos}, sent {sent}, failed {failed}, skipped 0, unreadable 0\n"
    )


def test_a_recording_is_sent_and_counted(
    type_in: Any, tmp_path: Path, firehose: Firehose, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "twitter_streaming.json").write_text('{"region": "eu-central-1"}')
    file = recording(tmp_path, a_post(1, "photo", "photo"), a_post(2))
    type_in("--delivery-stream", "posts", "--replay", file)
    assert streamer.main() == 0
    assert [json.loads(line)["post_id"] for line in firehose.lines] == ["1", "1", "2"]
    assert firehose.stream == "posts"
    made_with = firehose.made_with
    assert (made_with.connect_timeout, made_with.read_timeout) == (5, 10)
    assert made_with.retries == {"total_max_attempts": 1}  # `send` does it, and says so
    assert boto3.DEFAULT_SESSION.region_name == "eu-central-1"
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (summary(2, 3, 3, 0), "")
    assert logging.root.manager.disable == logging.CRITICAL  # libraries print nothing


def test_in_a_terminal_the_counts_are_the_last_line_all_the_time(
    type_in: Any,
    tmp_path: Path,
    firehose: Firehose,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    type_in("--delivery-stream", "posts", "--replay", recording(tmp_path, a_post(1)))
    assert streamer.main() == 0
    line = "\r\033[K" + summary(1, 1, 1, 0)
    assert capsys.readouterr().out.endswith(line.rstrip("\n") + line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_when_all_is_sent(
    type_in: Any,
    firehose: Firehose,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    monkeypatch.setenv("TWITTER_BEARER_TOKEN", BEARER)
    listened: list[Any] = []

    def listen(x: Any, buffer: Any) -> Iterator[bytes]:
        listened.append((x.rule, x.headers["Authorization"], buffer.closed_at))
        while not buffer.closed_at:
            yield json.dumps(a_post(1)).encode()

    monkeypatch.setattr(streamer, "listen", listen)
    firehose.on_put = lambda: os.kill(os.getpid(), number)
    type_in("--delivery-stream", "posts", "--rule", "cat")
    assert streamer.main() == 0
    assert listened == [("cat", f"Bearer {BEARER}", None)]
    sent = len(firehose.lines)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (summary(sent, sent, sent, 0), "")


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (streamer.StreamingError("401: ask X."), 1, "401: ask X"),
        (streamer.InputError("the rule"), 2, "the rule"),
        (requests.ConnectionError("away"), 1, "X does not let us in: away"),
    ],
)
def test_what_ends_the_listening_is_said_in_a_sentence(
    type_in: Any,
    firehose: Firehose,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    problem: Exception,
    code: int,
    said: str,
) -> None:
    def listen(x: Any, buffer: Any) -> Iterator[bytes]:
        yield json.dumps(a_post(1)).encode()
        raise problem

    monkeypatch.setenv("TWITTER_BEARER_TOKEN", BEARER)
    monkeypatch.setattr(streamer, "listen", listen)
    type_in("--delivery-stream", "posts", "--rule", "cat")
    assert streamer.main() == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (summary(1, 1, 1, 0), f"Stopped: {said}.\n")


def test_what_firehose_does_not_take_is_counted_as_failed(
    type_in: Any, tmp_path: Path, firehose: Firehose, capsys: pytest.CaptureFixture[str]
) -> None:
    firehose.error = NoCredentialsError()
    type_in("--delivery-stream", "posts", "--replay", recording(tmp_path, a_post(1), a_post(2)))
    assert streamer.main() == 1
    printed = capsys.readouterr()
    assert printed.out == summary(2, 2, 0, 2)
    assert printed.err == "Stopped: Unable to locate credentials.\n"


def test_a_listener_that_waits_keeps_nobody_from_ending(
    type_in: Any, firehose: Firehose, monkeypatch: pytest.MonkeyPatch
) -> None:
    later, listening = threading.Event(), []

    def listen(x: Any, buffer: Any) -> Iterator[bytes]:
        listening.append((threading.current_thread(), buffer))
        yield json.dumps(a_post(1)).encode()
        later.wait()

    monkeypatch.setenv("TWITTER_BEARER_TOKEN", BEARER)
    monkeypatch.setattr(streamer, "listen", listen)
    firehose.error = NoCredentialsError()
    type_in("--delivery-stream", "posts", "--rule", "cat")
    assert streamer.main() == 1
    ((thread, buffer),) = listening
    assert thread.daemon
    assert buffer.closed_at  # it takes no more
    later.set()


def test_missing_keys_are_the_user_s_fault(
    type_in: Any, firehose: Firehose, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("--delivery-stream", "posts", "--rule", "cat")
    assert streamer.main() == 2
    message = "no keys of X (TWITTER_CONSUMER_KEY, TWITTER_CONSUMER_SECRET): "
    assert capsys.readouterr().err.startswith(f"Stopped: {message}")
