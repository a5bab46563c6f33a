"""The streamer as a process, the posts that it meets, and how its output is read."""

from __future__ import annotations

import json
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import firehose_producer
import twitter_streaming
from kit.aws_client import REGION
from kit.keys import X_KEYS as KEY_NAMES
from kit.processes import SCRIPTS, minimal_environment
from streamer.fakes import BEARER, FakeFirehose, FakeX
from support import wait_until

SCRIPT = SCRIPTS / "twitter_streaming.py"
MODULES = (twitter_streaming, firehose_producer)  # they lie side by side on the instance
FIELDS = ["media_key", "url", "post_id", "username", "text", "created_at"]
KEYS = {name: f"{number}-{secrets.token_urlsafe(36)}/+=" for number, name in enumerate(KEY_NAMES)}
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
SECRETS = KEYS | {"bearer": BEARER, "AWS": AWS_KEYS["AWS_SECRET_ACCESS_KEY"]}


def a_post(number: int, *media: str, **fields: Any) -> dict[str, Any]:
    """A post with media of these types; one photo if there are none."""
    items = [
        {"media_key": f"{'3' if kind == 'photo' else '7'}_{number}{at}", "type": kind}
        | ({"url": f"https://pbs.example/{number}-{at}.jpg"} if kind == "photo" else {})
        for at, kind in enumerate(media or ("photo",))
    ]
    data = {
        "id": str(number),
        "text": f"post {number}",
        "author_id": "42",
        "created_at": "2026-03-01T12:00:00.000Z",
        "edit_history_tweet_ids": [str(number)],
        "attachments": {"media_keys": [item["media_key"] for item in items]},
    }
    includes = {"media": items, "users": [{"id": "42", "username": "ada", "name": "Ada"}]}
    return {"data": data | fields, "includes": includes, "matching_rules": [{"id": "1"}]}


def recording(folder: Path, *lines: dict[str, Any] | bytes) -> str:
    """A file for --replay; bytes go in as they are."""
    path = folder / "posts.jsonl"
    path.write_bytes(
        b"".join(
            line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
        )
    )
    return str(path)


def with_constants(module: ModuleType, constants: Mapping[str, object]) -> str:
    """The code of a module; the constants that it has get these values, before its first class."""
    code = Path(SCRIPTS, f"{module.__name__}.py").read_text()
    before, first_class, after = code.partition("\n\nclass ")
    own = [f"{name} = {value!r}\n" for name, value in constants.items() if hasattr(module, name)]
    return "".join([before, *own, first_class, after])


class Streamer:
    """`python twitter_streaming.py ...` in a folder of its own.

    Args:
        folder: for the two scripts and what they print.
        x: the URL of X, or a stand-in.
        firehose: the URL of AWS, or a stand-in.
        arguments: of the command line; without any, a rule and a delivery stream.
        environment: more of it; None takes a variable away.
        constants: of the two, by name, that have another value here.
        config: what is in the configuration file beside it; without any there is no such file.
    """

    def __init__(
        self,
        folder: Path,
        x: FakeX | str = "",
        firehose: FakeFirehose | str = "",
        arguments: list[str] | None = None,
        environment: dict[str, str | None] | None = None,
        constants: Mapping[str, object] | None = None,
        config: bytes | None = None,
    ) -> None:
        self.folder = Path(folder, f"streamer-{secrets.token_hex(4)}")
        self.folder.mkdir(parents=True)
        for module in MODULES:
            self.path(f"{module.__name__}.py").write_text(with_constants(module, constants or {}))
        if config is not None:
            self.path("twitter_streaming.json").write_bytes(config)
        assert all(any(hasattr(module, name) for module in MODULES) for name in constants or {})
        self.environment = minimal_environment(self.folder) | KEYS | AWS_KEYS
        del self.environment["PYTHONPATH"]  # the instance has no such folder
        aws = firehose if isinstance(firehose, str) else firehose.url
        more: dict[str, str | None] = {
            "TWITTER_BEARER_TOKEN": BEARER,
            "TWITTER_API_URL": x if isinstance(x, str) else x.url,
            "AWS_ENDPOINT_URL": aws or "http://127.0.0.1:9",
            "AWS_DEFAULT_REGION": REGION,
        }
        for name, value in (more | (environment or {})).items():
            self.environment.pop(name, None)
            if value is not None:
                self.environment[name] = value
        if arguments is None:
            arguments = ["--rule", "from:ada", "--delivery-stream", "posts"]
        with self.path("out").open("wb") as out, self.path("err").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, SCRIPT.name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment,
                cwd=self.folder,
            )

    def __enter__(self) -> Streamer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def path(self, name: str) -> Path:
        return self.folder / name

    @property
    def out(self) -> str:
        return self.path("out").read_text()

    @property
    def err(self) -> str:
        return self.path("err").read_text()

    def says(self, text: str) -> None:
        """Wait until it has printed a text."""

        def check() -> bool:
            ended = self.process.poll() is not None
            if text in self.out + self.err:
                return True
            assert not ended, f"it ended without saying {text!r}: {self.out}{self.err}"
            return False

        wait_until(check, what=f"{text!r} in the streamer's output")

    def finish(self, number: int | None = None) -> int:
        """Send a signal if there is one; wait for the end; look through the output."""
        if number:
            self.process.send_signal(number)
        wait_until(lambda: self.process.poll() is not None, what="the streamer's end")
        code = self.process.wait()
        printed = self.out + self.err
        if code == 0 and "PYTHONWARNINGS" not in self.environment:
            assert self.err == ""
        assert not [name for name, key in SECRETS.items() if key in printed]
        assert "Traceback" not in printed
        assert "Exception ignored" not in printed
        return code

    def counts(self) -> dict[str, int]:
        """The numbers of the summary, which is the last line."""
        last = self.out.splitlines()[-1]
        return {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", last)}


def play(folder: Path, firehose: FakeFirehose | str, *lines: Any, **options: Any) -> Streamer:
    """A streamer that replays these lines."""
    arguments = ["--replay", recording(folder, *lines), "--delivery-stream", "posts"]
    return Streamer(folder, "", firehose, arguments, **options)


def sentence(streamer: Streamer) -> str:
    """What it says at the end in one sentence on standard error."""
    lines = streamer.err.strip().splitlines()
    assert lines, streamer.out
    return lines[-1]


def run_until_connected(streamer: Streamer) -> None:
    with streamer:
        streamer.says("Connected")
        assert streamer.finish(signal.SIGTERM) == 0
