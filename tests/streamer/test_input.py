"""The streamer's input: command line, configuration, keys and the rule."""

from __future__ import annotations

import base64
import json
import re
import secrets
import signal
import socket
import time
from pathlib import Path

import pytest

from kit.keys import X_KEYS as KEY_NAMES
from kit.processes import free_port
from streamer.fakes import BEARER, FakeFirehose, FakeX, refuse
from streamer.harness import KEYS, Streamer, a_post, play, run_until_connected, sentence
from support import wait_until

# --- Command line and configuration -----------------------------------------------------------


def test_help_says_what_it_does_and_which_options_it_has(tmp_path: Path) -> None:
    with Streamer(tmp_path, arguments=["--help"]) as streamer:
        assert streamer.finish() == 0
    assert "X (Twitter)" in streamer.out
    for option in ("--delivery-stream", "--rule", "--replay"):
        assert option in streamer.out


@pytest.mark.parametrize(
    ("arguments", "config", "said"),
    [
        ([], None, "--delivery-stream"),
        (["--rule", "cat"], None, "--delivery-stream"),
        ([], b"a: b", "cannot be read"),
        ([], b'{"rule": "\xe4"}', "cannot be read"),
        ([], b"[1]", "cannot be read"),
        ([], b"null", "cannot be read"),
        ([], b"{}", "--delivery-stream"),
        (["--delivery-stream", "posts", "--replay", "none.jsonl"], None, "none.jsonl"),
        (["--delivery-stream", "posts", "--replay", "."], None, "cannot be read"),
    ],
    ids=str,
)
def test_wrong_input_ends_with_2_and_a_sentence(
    tmp_path: Path, arguments: list[str], config: bytes | None, said: str
) -> None:
    with Streamer(tmp_path, arguments=arguments, config=config) as streamer:
        assert streamer.finish() == 2
    assert said in sentence(streamer)
    assert streamer.out == ""


@pytest.mark.parametrize(
    ("gone", "rule", "said"),
    [
        (["TWITTER_TOKEN"], None, ["TWITTER_TOKEN"]),
        (["TWITTER_CONSUMER_KEY", "TWITTER_BEARER_TOKEN"], "cat", ["TWITTER_CONSUMER_KEY"]),
        ([*KEY_NAMES, "TWITTER_BEARER_TOKEN"], None, KEY_NAMES),
    ],
)
def test_missing_keys_are_named(
    tmp_path: Path, x: FakeX, gone: list[str], rule: str | None, said: list[str]
) -> None:
    arguments = ["--delivery-stream", "posts", *(["--rule", rule] if rule else [])]
    environment: dict[str, str | None] = dict.fromkeys(gone)
    with Streamer(tmp_path, x, "", arguments, environment) as streamer:
        assert streamer.finish() == 2
    named = re.findall(r"TWITTER_[A-Z_]*[A-Z]", sentence(streamer))
    assert named == list(said)
    assert x.requests == []


@pytest.mark.parametrize("variable", ["AWS_DEFAULT_REGION", "AWS_SECRET_ACCESS_KEY"])
def test_aws_without_region_or_keys(tmp_path: Path, variable: str) -> None:
    with play(tmp_path, "", a_post(1), environment={variable: None}) as streamer:
        assert streamer.finish() in (1, 2)
    assert sentence(streamer).startswith("Stopped: ")
    assert streamer.err.count("\n") == 1


def test_the_configuration_lies_beside_the_script_and_the_command_line_wins(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    file = {"delivery_stream": "from-file", "rule": "from:file", "region": "eu-central-1"}
    config = json.dumps(file).encode()
    arguments = ["--rule", "from:line"]
    environment: dict[str, str | None] = {"AWS_DEFAULT_REGION": None}
    with Streamer(tmp_path, x, firehose, arguments, environment, config=config) as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        wait_until(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    assert firehose.names == {"from-file"}
    assert [rule["value"] for rule in x.rules] == ["from:line"]


# --- Keys -------------------------------------------------------------------------------------


def basic(authorization: str) -> str:
    return base64.b64decode(authorization.removeprefix("Basic ")).decode()


def test_the_bearer_token_comes_from_the_consumer_keys(tmp_path: Path, x: FakeX) -> None:
    with Streamer(tmp_path, x, environment={"TWITTER_BEARER_TOKEN": None}) as streamer:
        streamer.says("Connected")
        assert streamer.finish(signal.SIGTERM) == 0
    method, path, authorization = x.requests[0]
    assert (method, path) == ("POST", "/oauth2/token")
    names = ("TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET")
    assert basic(authorization) == ":".join(KEYS[name] for name in names)
    assert {asked[2] for asked in x.requests[1:]} == {f"Bearer {BEARER}"}


def test_a_bearer_token_is_used_as_it_is(tmp_path: Path, x: FakeX) -> None:
    token = secrets.token_urlsafe(50)
    environment: dict[str, str | None] = dict.fromkeys(KEYS)
    environment["TWITTER_BEARER_TOKEN"] = token
    with Streamer(tmp_path, x, environment=environment) as streamer:
        streamer.says("Connected")
        assert streamer.finish(signal.SIGTERM) == 0
    assert x.count("/oauth2/token") == 0
    assert {asked[2] for asked in x.requests} == {f"Bearer {token}"}
    assert token not in streamer.out + streamer.err


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "Stopped: X answered 401: the keys are wrong"),
        (403, "Stopped: X answered 403: the app may not do this"),
        (503, "Stopped: X does not let us in: 503"),
    ],
)
def test_x_does_not_let_us_in(tmp_path: Path, x: FakeX, status: int, said: str) -> None:
    x.me_status = status
    with Streamer(tmp_path, x, "", ["--delivery-stream", "posts"]) as streamer:
        assert streamer.finish() == 1
    assert sentence(streamer).startswith(said)
    assert streamer.err.count("\n") == 1
    assert x.connects == []


def test_x_is_not_there(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with Streamer(tmp_path, nowhere, "", ["--delivery-stream", "posts"]) as streamer:
        assert streamer.finish() == 1
    assert sentence(streamer).startswith("Stopped: ")


def test_ctrl_c_while_x_lets_us_wait(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Streamer(tmp_path, url, "", ["--delivery-stream", "posts"]) as streamer:
            connection, _ = silent.accept()
            streamer.process.send_signal(signal.SIGINT)
            time.sleep(0.1)
            connection.close()
            assert streamer.finish() in (0, 1)


def test_a_key_with_a_line_break_is_not_printed(tmp_path: Path, x: FakeX) -> None:
    environment: dict[str, str | None] = {name: f"{key}\n" for name, key in KEYS.items()}
    environment |= {"TWITTER_BEARER_TOKEN": f"{BEARER}\n"}
    with Streamer(tmp_path, x, environment=environment) as streamer:
        streamer.says("X")
        streamer.finish(signal.SIGTERM)


def test_keys_are_not_in_warnings_and_verbose_failures(tmp_path: Path) -> None:
    x = FakeX()
    x.refusals += [(503, {}), (418, {})]
    firehose = FakeFirehose(refuse("ThrottlingException"), always=refuse("AccessDeniedException"))
    environment: dict[str, str | None] = {
        **{"PYTHONWARNINGS": "always", "PYTHONDEVMODE": "1", "TWITTER_BEARER_TOKEN": None},
        "BOTO_DEBUG": "1",
    }
    arguments = ["--delivery-stream", "posts"]
    with Streamer(tmp_path, x, firehose, arguments, environment) as streamer:
        streamer.says("503")
        streamer.process.send_signal(signal.SIGTERM)
        streamer.finish()  # looks for keys
    with play(tmp_path, firehose, a_post(1), environment=environment) as streamer:
        assert streamer.finish() == 1
    assert "AccessDeniedException" in streamer.err


# --- Rules ------------------------------------------------------------------------------------


def test_the_rule_is_tagged_and_replaces_only_our_old_one(tmp_path: Path, x: FakeX) -> None:
    foreign = [{"id": "1", "value": "dog"}, {"id": "2", "value": "bird", "tag": "birds"}]
    x.rules = [*foreign, {"id": "3", "value": "from:old", "tag": "serverless-bytes"}]
    run_until_connected(Streamer(tmp_path, x))
    assert x.rules[:2] == foreign
    assert [(rule["value"], rule["tag"]) for rule in x.rules[2:]] == [
        ("from:ada", "serverless-bytes")
    ]
    before = list(x.rules)
    run_until_connected(Streamer(tmp_path, x))
    assert x.rules == before


def test_the_default_rule_is_ones_own_photos(tmp_path: Path, x: FakeX) -> None:
    run_until_connected(Streamer(tmp_path, x, "", ["--delivery-stream", "posts"]))
    assert [rule["value"] for rule in x.rules] == ["from:ada has:images -is:retweet"]
    [me] = [asked[2] for asked in x.requests if asked[1] == "/2/users/me"]
    assert me.startswith("OAuth ")
    assert x.queries[0]["expansions"] == ["attachments.media_keys,author_id"]
    assert x.queries[0]["media.fields"] == ["url,type"]
    fields = "attachments,author_id,created_at,note_tweet"
    assert x.queries[0]["tweet.fields"] == [fields]


def test_a_rule_that_somebody_else_added_meanwhile_is_fine(tmp_path: Path, x: FakeX) -> None:
    x.rule_errors = [{"title": "DuplicateRule", "value": "from:ada", "id": "9"}]
    run_until_connected(Streamer(tmp_path, x))
    assert len(x.connects) == 1
