"""The streamer, run as a learner runs it.

It meets the emulated X and AWS of offline mode, and two stand-ins of this file that do what those
never do: an X with other habits, and a Firehose that fails. Whatever a test is about, the streamer
must not print a key or a traceback: see `Streamer.finish`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from kit.aws_client import REGION
from kit.emulators.aws.process import EmulatedAws
from kit.emulators.system import KEY_NAMES
from kit.processes import SCRIPTS, ManagedProcess, free_port, minimal_environment
from kit.x_client import XClient

SCRIPT = SCRIPTS / "twitter_streaming.py"
RULES = "/2/tweets/search/stream/rules"
STREAM = "/2/tweets/search/stream"
FIELDS = ["media_key", "url", "post_id", "username", "text", "created_at"]
KEYS = {name: f"{number}-{secrets.token_urlsafe(36)}/+=" for number, name in enumerate(KEY_NAMES)}
BEARER = f"AAAA{secrets.token_urlsafe(48)}"
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
SECRETS = KEYS | {"bearer": BEARER, "AWS": AWS_KEYS["AWS_SECRET_ACCESS_KEY"]}
MIB = 1 << 20


def eventually(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return what `check` returns as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return result


# --- Posts, as X sends them -------------------------------------------------------------------


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


# --- A stand-in for X, with habits of its own -------------------------------------------------


class FakeX:
    """Speaks the X API v2 as xdevplatform/playground does, or in other legal ways.

    Args:
        sse: server-sent events with comments as keep-alives, instead of lines.
        chunked: HTTP/1.1 in chunks; otherwise HTTP/1.0, whose body ends with the connection.
        gzip: compress the stream.
    """

    def __init__(self, sse: bool = False, chunked: bool = True, gzip: bool = False) -> None:
        self.sse, self.chunked, self.gzip = sse, chunked, gzip
        self.rules: list[dict[str, str]] = []
        self.refusals: deque[tuple[int, dict[str, Any]]] = deque()  # of the next connects
        self.rule_errors: list[dict[str, Any]] = []  # what adding a rule answers
        self.me_status = 200
        self.connects: list[float] = []
        self.requests: list[tuple[str, str, str]] = []  # method, path, authorization
        self.queries: list[dict[str, list[str]]] = []  # of the connects
        self.searches: list[dict[str, list[str]]] = []  # the queries of the searches for posts
        self.found: tuple[dict[str, Any], int] = ({"meta": {"result_count": 0}}, 200)
        self.items: deque[bytes | str] = deque()  # bytes to send; "close" or "reset"
        self.server = serve(XHandler, self)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def send(self, *messages: dict[str, Any] | bytes) -> None:
        """Put posts, or lines as they are, into the stream."""
        for message in messages:
            text = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.items.append(b"data: %s\n\n" % text if self.sse else text + b"\r\n")

    def end(self, how: str = "close") -> None:
        """End the open connection, cleanly ("close") or not ("reset")."""
        self.items.append(how)

    def count(self, path: str) -> int:
        """How many requests there were for a path."""
        return sum(asked == path for _, asked, _ in self.requests)


class XHandler(BaseHTTPRequestHandler):
    x: FakeX

    def setup(self) -> None:
        self.x = self.server.party  # type: ignore[attr-defined]
        if self.x.chunked:
            self.protocol_version = "HTTP/1.1"
        super().setup()

    def log_message(self, *_: Any) -> None:
        pass

    def note(self) -> str:
        path = urlsplit(self.path).path
        self.x.requests.append((self.command, path, self.headers.get("Authorization", "")))
        return path

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        path, x = self.note(), self.x
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if path == "/oauth2/token":
            self.answer({"token_type": "bearer", "access_token": BEARER})
            return
        change = json.loads(body)
        if "delete" in change:
            gone = change["delete"]["ids"]
            x.rules = [rule for rule in x.rules if rule["id"] not in gone]
            self.answer({"meta": {"summary": {"deleted": len(gone), "not_deleted": 0}}})
        elif x.rule_errors:
            self.answer({"errors": x.rule_errors, "meta": {"sent": "now"}})
        else:
            added = [rule | {"id": secrets.token_hex(4)} for rule in change["add"]]
            x.rules += added
            self.answer({"data": added, "meta": {"sent": "now"}}, 201)

    def do_GET(self) -> None:
        path = self.note()
        if path == RULES:
            rules = {"data": self.x.rules} if self.x.rules else {}
            self.answer(rules | {"meta": {"sent": "now", "result_count": len(self.x.rules)}})
        elif path == "/2/users/me":
            me = {"data": {"id": "42", "name": "Ada", "username": "ada"}}
            self.answer(me if self.x.me_status == 200 else {}, self.x.me_status)
        elif path == "/2/tweets/search/recent":
            self.x.searches.append(parse_qs(urlsplit(self.path).query))
            self.answer(*self.x.found)
        else:
            self.stream()

    def stream(self) -> None:
        self.x.connects.append(time.monotonic())
        number = len(self.x.connects)
        self.x.queries.append(parse_qs(urlsplit(self.path).query))
        if self.x.refusals:
            status, body = self.x.refusals.popleft()
            self.answer(body, status)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if self.x.sse else "application/json")
        if self.x.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if self.x.gzip:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.close_connection = True
        packer = zlib.compressobj(wbits=31)
        while len(self.x.connects) == number:  # a later connection gets the rest
            if not self.x.items:
                time.sleep(0.002)
                continue
            item = self.x.items.popleft()
            if item == "reset":
                # Closing with data unsent or this option set sends RST instead of FIN.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            if isinstance(item, str):
                self.write(packer.flush() if self.x.gzip else b"")
                if self.x.chunked:
                    self.wfile.write(b"0\r\n\r\n")
                return
            if self.x.gzip:
                item = packer.compress(item) + packer.flush(zlib.Z_SYNC_FLUSH)
            self.write(item)

    def write(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if self.x.chunked else data)


def serve(
    handler: type[BaseHTTPRequestHandler], party: FakeX | FakeFirehose, port: int = 0
) -> ThreadingHTTPServer:
    """Serve until the test run ends; on a free port, unless one is given."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up
    server.party = party  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


# --- A stand-in for Firehose, which fails as it is told ----------------------------------------


class Failure(Exception):  # noqa: N818 - what the service calls a failure
    """An error of the service."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


Step = Callable[["FakeFirehose", list[bytes]], set[int]]  # returns the indexes that fail


class FakeFirehose:
    """Takes PutRecordBatch, in the service's JSON 1.1 protocol, and keeps what it took."""

    def __init__(self, *plan: Step, always: Step | None = None, port: int = 0) -> None:
        self.plan = deque(plan)
        self.always = always
        self.calls: list[list[bytes]] = []  # as they came, also those that failed
        self.taken: list[bytes] = []  # line by line
        self.times: list[float] = []
        self.names: set[str] = set()
        self.server = serve(FirehoseHandler, self, port)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, records: list[bytes]) -> set[int]:
        """Take a batch as planned; return the indexes of what was not taken."""
        self.calls.append(records)
        self.times.append(time.monotonic())
        size = sum(map(len, records))
        if not 1 <= len(records) <= 500 or size > 4 * MIB or max(map(len, records)) > 1_024_000:
            raise Failure("InvalidArgumentException")
        step = self.plan.popleft() if self.plan else self.always
        failed = step(self, records) if step else set()
        self.take(data for at, data in enumerate(records) if at not in failed)
        return failed

    def take(self, records: Iterable[bytes]) -> None:
        """Keep the lines of records."""
        self.taken += b"".join(records).splitlines(keepends=True)

    def posts(self) -> list[int]:
        """The posts that were taken, in the order they came."""
        return [int(json.loads(line)["post_id"]) for line in self.taken]


class FirehoseHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # 40 ms for each answer

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        firehose: FakeFirehose = self.server.party  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "Firehose_20150804.PutRecordBatch"
        firehose.names.add(body["DeliveryStreamName"])
        records = [base64.b64decode(record["Data"], validate=True) for record in body["Records"]]
        status = 200
        try:
            failed = firehose.put(records)
        except Failure as failure:
            status = failure.status
            answer: dict[str, Any] = {"__type": failure.code, "message": f"This is {failure.code}."}
        except ConnectionResetError:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            return
        else:
            error = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
            answer = {
                "FailedPutCount": len(failed),
                "RequestResponses": [
                    error if at in failed else {"RecordId": secrets.token_hex(8)}
                    for at in range(len(records))
                ],
            }
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def refuse(code: str, status: int = 400) -> Step:
    """Answer with an error of the service."""

    def step(firehose: FakeFirehose, records: list[bytes]) -> set[int]:
        raise Failure(code, status)

    return step


def fail_some(which: Callable[[int], bool]) -> Step:
    """Take only a part, and answer 200 all the same."""
    return lambda _, records: {at for at in range(len(records)) if which(at)}


def reset(firehose: FakeFirehose, records: list[bytes]) -> set[int]:
    """Break the connection before anything is taken."""
    raise ConnectionResetError


def take_and_say_nothing(firehose: FakeFirehose, records: list[bytes]) -> set[int]:
    """Take all, and let the caller wait for the answer until it gives up."""
    firehose.take(records)
    time.sleep(12)
    raise ConnectionResetError


def take_slowly(firehose: FakeFirehose, records: list[bytes]) -> set[int]:
    time.sleep(0.05)
    return set()


# --- The streamer -----------------------------------------------------------------------------


class Streamer:
    """`python twitter_streaming.py ...` in a folder of its own.

    Args:
        folder: for the script and what it prints.
        x: the URL of X, or a stand-in.
        firehose: the URL of AWS, or a stand-in.
        arguments: of the command line; without any, a rule and a delivery stream.
        environment: more of it; None takes a variable away.
        edit: changes constants in the text of the script.
    """

    def __init__(
        self,
        folder: Path,
        x: FakeX | str = "",
        firehose: FakeFirehose | str = "",
        arguments: list[str] | None = None,
        environment: dict[str, str | None] | None = None,
        edit: tuple[str, str] | None = None,
    ) -> None:
        self.folder = Path(folder, f"streamer-{secrets.token_hex(4)}")
        self.folder.mkdir(parents=True)
        script = SCRIPT.read_text()
        if edit:
            assert script.count(edit[0]) == 1
            script = script.replace(*edit)
        (self.folder / SCRIPT.name).write_text(script)
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

    def says(self, text: str, seconds: float = 10.0) -> None:
        """Wait until it has printed a text."""

        def check() -> bool:
            ended = self.process.poll() is not None
            if text in self.out + self.err:
                return True
            assert not ended, f"it ended without saying {text!r}: {self.out}{self.err}"
            return False

        eventually(check, seconds)

    def finish(self, number: int | None = None, seconds: float = 15.0) -> int:
        """Send a signal if there is one; wait for the end; look through the output."""
        if number:
            self.process.send_signal(number)
        code = self.process.wait(seconds)
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


@pytest.fixture
def x() -> FakeX:
    return FakeX()


@pytest.fixture
def firehose() -> FakeFirehose:
    return FakeFirehose()


def play(folder: Path, firehose: FakeFirehose | str, *lines: Any, **options: Any) -> Streamer:
    """A streamer that replays these lines."""
    arguments = ["--replay", recording(folder, *lines), "--delivery-stream", "posts"]
    return Streamer(folder, "", firehose, arguments, **options)


def sentence(streamer: Streamer) -> str:
    """What it says at the end in one sentence on standard error."""
    lines = streamer.err.strip().splitlines()
    assert lines, streamer.out
    return lines[-1]


# --- Command line and configuration -----------------------------------------------------------


def test_help_says_what_it_does_and_which_options_it_has(tmp_path: Path) -> None:
    with Streamer(tmp_path, arguments=["--help"]) as streamer:
        assert streamer.finish() == 0
    assert "X (Twitter)" in streamer.out
    for option in ("--config", "--delivery-stream", "--rule", "--replay"):
        assert option in streamer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--delivery-stream"),
        (["--rule", "cat"], "--delivery-stream"),
        (["--config", "none.json"], "none.json"),
        (["--config", "text.json"], "cannot be read"),
        (["--config", "latin1.json"], "cannot be read"),
        (["--config", "list.json"], "cannot be read"),
        (["--config", "null.json"], "cannot be read"),
        (["--config", "empty.json"], "--delivery-stream"),
        (["--delivery-stream", "posts", "--replay", "none.jsonl"], "none.jsonl"),
        (["--delivery-stream", "posts", "--replay", "."], "cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_ends_with_2_and_a_sentence(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    files = {"text": b"a: b", "latin1": b'{"rule": "\xe4"}', "list": b"[1]", "null": b"null"}
    for name, content in (files | {"empty": b"{}"}).items():
        (tmp_path / f"{name}.json").write_bytes(content)
    here = [str(tmp_path / word) if "." in word else word for word in arguments]
    with Streamer(tmp_path, arguments=here) as streamer:
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
    named = re.findall(r"TWITTER_[A-Z_]*[A-Z]", sentence(streamer).partition(" not set")[0])
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
    config = {"delivery_stream": "from-file", "rule": "from:file", "region": "eu-central-1"}
    (tmp_path / "own.json").write_text(json.dumps(config))
    arguments = ["--config", str(tmp_path / "own.json"), "--rule", "from:line"]
    environment: dict[str, str | None] = {"AWS_DEFAULT_REGION": None}
    with Streamer(tmp_path, x, firehose, arguments, environment) as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        eventually(lambda: firehose.taken)
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


@pytest.mark.parametrize("status", [401, 403, 503])
def test_x_does_not_let_us_in(tmp_path: Path, x: FakeX, status: int) -> None:
    x.me_status = status
    with Streamer(tmp_path, x, "", ["--delivery-stream", "posts"]) as streamer:
        assert streamer.finish() == 1
    assert sentence(streamer).startswith("Stopped: X does not let us in: ")
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


def run_until_connected(streamer: Streamer) -> None:
    with streamer:
        streamer.says("Connected")
        assert streamer.finish(signal.SIGTERM) == 0


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
    assert x.queries[0]["tweet.fields"] == ["created_at"]


def test_a_rule_that_somebody_else_added_meanwhile_is_fine(tmp_path: Path, x: FakeX) -> None:
    x.rule_errors = [{"title": "DuplicateRule", "value": "from:ada", "id": "9"}]
    run_until_connected(Streamer(tmp_path, x))
    assert len(x.connects) == 1


# --- What arrives -----------------------------------------------------------------------------


def test_one_line_per_photo_with_exactly_the_documented_fields(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    four = a_post(2, "photo", "photo", "photo", "photo")
    edited = a_post(9, edit_history_tweet_ids=["8", "9"])
    unknown = a_post(5, withheld={"x": 1}, public_metrics={"like_count": 3}, note_tweet=None)
    unknown["includes"] |= {"places": [{"id": "1"}], "tweets": []}
    unknown["new"] = [1]
    bare = {"data": {"id": "10", "text": "no media"}}
    lost = a_post(11)
    del lost["includes"]["media"]
    no_author = a_post(12)
    del no_author["includes"]["users"], no_author["matching_rules"]
    nobody_asked = a_post(13)
    del nobody_asked["data"]["author_id"], nobody_asked["data"]["created_at"]
    mixed = a_post(4, "video", "photo")
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send(a_post(1), four, a_post(3, "video"), mixed, unknown, a_post(6, "animated_gif"))
        x.send(edited, bare, lost, no_author, nobody_asked)
        eventually(lambda: len(firehose.taken) == 10)
        assert streamer.finish(signal.SIGTERM) == 0
    assert all(line.endswith(b"}\n") and line.count(b"\n") == 1 for line in firehose.taken)
    assert firehose.posts() == [1, 2, 2, 2, 2, 4, 5, 9, 12, 13]
    lines = [json.loads(line) for line in firehose.taken]
    assert [list(line) for line in lines] == [FIELDS] * 10
    assert lines[0] == {
        "media_key": "3_10",
        "url": "https://pbs.example/1-0.jpg",
        "post_id": "1",
        "username": "ada",
        "text": "post 1",
        "created_at": "2026-03-01T12:00:00.000Z",
    }
    assert [line["media_key"] for line in lines[1:5]] == ["3_20", "3_21", "3_22", "3_23"]
    assert lines[5]["media_key"] == "3_41"
    assert [line["username"] for line in lines[8:]] == ["", ""]
    assert lines[9]["created_at"] == ""
    assert streamer.counts() == {
        **{"posts": 11, "photos": 10, "sent": 10, "failed": 0, "skipped": 4, "unreadable": 0}
    }


TEXTS = [
    '👩‍👩‍👧‍👦 😃 Größe 日本語 \u2028 \u0000 "quoted" back\\slash\r\nnew line',
    "👩‍👩‍👧‍👦" * 3570,  # 25,000 characters, the longest post that X takes
    "\ud83d alone",
    "",
]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_any_text_arrives_as_it_was(
    tmp_path: Path, firehose: FakeFirehose, ascii_only: bool
) -> None:
    texts = [text for text in TEXTS if ascii_only or "alone" not in text]
    posts = [a_post(at, text=text) for at, text in enumerate(texts)]
    lines = [json.dumps(post, ensure_ascii=ascii_only).encode() + b"\r\n" for post in posts]
    with play(tmp_path, firehose, *lines) as streamer:
        assert streamer.finish() == 0
    assert [json.loads(line)["text"] for line in firehose.taken] == texts


GARBAGE = [
    *(b"garbage", b"{", b"[]", b"[1]", b'"data"', b'["data"]', b"null", b"12", b"{}", b"NaN"),
    *(
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": {}}',
        b'{"data": {"id": 1, "attachments": 2}}',
    ),
    *(b'{"errors": 1}', b'{"errors": ["x"]}', b"\xff\xfe\x00", b'{"data": "\xe4"}', b"9" * 5000),
    b"[" * 100_000,
    b"event: post",
    b'{"data": {"id": "1", "attachments": {"media_keys": [[1]]}}, "includes": {"media": [1]}}',
    b'{"data": {"id": "1", "attachments": null}, "includes": null}',
    json.dumps(a_post(99)).encode()[:-20],
]


def test_garbage_in_the_stream_costs_only_itself(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        for at, line in enumerate(GARBAGE):
            x.send(line, a_post(at))
        eventually(lambda: len(firehose.taken) == len(GARBAGE))
        assert streamer.finish(signal.SIGTERM) == 0
    assert firehose.posts() == list(range(len(GARBAGE)))
    assert len(x.connects) == 1
    assert streamer.counts()["unreadable"] == len(GARBAGE)
    assert streamer.out.count("could not be read") == len(GARBAGE)


def test_a_replay_goes_the_same_way(tmp_path: Path, firehose: FakeFirehose) -> None:
    lines: list[Any] = [b"", b"\r\n", b": keep-alive\n", b"\xef\xbb\xbf" + b"junk\n"]
    lines += [line + b"\n" for line in GARBAGE]
    sse = b"data: " + json.dumps(a_post(7)).encode() + b"\n\n"
    last = json.dumps(a_post(8, "photo", "photo")).encode()  # no line end
    with play(tmp_path, firehose, a_post(1), *lines, sse, a_post(3, "video"), last) as streamer:
        assert streamer.finish() == 0
    assert firehose.posts() == [1, 7, 8, 8]
    assert streamer.counts() == {
        **{"posts": 4, "photos": 4, "sent": 4, "failed": 0, "skipped": 1},
        "unreadable": len(GARBAGE) + 1,
    }


def test_an_empty_replay_sends_nothing(tmp_path: Path, firehose: FakeFirehose) -> None:
    with play(tmp_path, firehose) as streamer:
        assert streamer.finish() == 0
    assert firehose.calls == []
    assert streamer.counts()["posts"] == 0


@pytest.mark.parametrize("text", ["x" * 5_000_000, "😃" * 400_000], ids=["x", "emoji"])
def test_a_text_that_no_record_can_hold_is_cut(
    tmp_path: Path, firehose: FakeFirehose, text: str
) -> None:
    with play(tmp_path, firehose, a_post(1), a_post(2, text=text), a_post(3)) as streamer:
        assert streamer.finish() == 0
    assert firehose.posts() == [1, 2, 3]
    assert text.startswith(json.loads(firehose.taken[1])["text"])
    assert len(firehose.taken[1]) > 80_000


def test_no_batch_is_above_the_limits(tmp_path: Path, firehose: FakeFirehose) -> None:
    posts = [a_post(at, text="x" * 80_000) for at in range(120)]
    posts += [a_post(at) for at in range(120, 1312)]
    with play(tmp_path, firehose, *posts) as streamer:
        assert streamer.finish() == 0
    assert firehose.posts() == list(range(1312))
    assert max(map(len, firehose.calls)) <= 500
    assert max(sum(map(len, call)) for call in firehose.calls) <= 4 * MIB
    assert len(firehose.calls) <= 3 + 3 + 2


def test_small_lines_share_a_record_of_5_kb(tmp_path: Path, firehose: FakeFirehose) -> None:
    """Firehose bills each record as 5 KB or more. No line is cut, or moved before another."""
    posts = [a_post(at, text="x" * (at * 37 % 900)) for at in range(600)] + [a_post(600)]
    posts[300] = a_post(300, text="x" * 20_000)  # alone it is more than a record
    with play(tmp_path, firehose, *posts) as streamer:
        assert streamer.finish() == 0
    assert firehose.posts() == list(range(601))
    records = [record for call in firehose.calls for record in call]
    assert all(record.endswith(b"}\n") for record in records)
    (long,) = (record for record in records if len(record) > 5_000)
    assert long.count(b"\n") == 1
    lines = sum(map(len, firehose.taken))
    assert lines / 5_000 <= len(records) < 1.3 * lines / 5_000
    assert streamer.counts()["sent"] == 601


def test_a_replay_of_20_000_posts_fills_its_batches(tmp_path: Path, firehose: FakeFirehose) -> None:
    line = json.dumps(a_post(12345)).encode().replace(b"12345", b"%d") + b"\n"
    numbers = range(10_000, 30_000)
    lines = [line.replace(b"%d", b"%d" % number) for number in numbers]
    with play(tmp_path, firehose, *lines) as streamer:
        assert streamer.finish(seconds=60) == 0
    assert firehose.posts() == list(numbers)
    assert len(firehose.calls) <= 20_000 / 500 + 5
    assert max(b"".join(call).count(b"\n") for call in firehose.calls) >= 500


def test_a_post_at_rest_is_sent_at_once(tmp_path: Path, x: FakeX, firehose: FakeFirehose) -> None:
    delays = []
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        for number in range(1, 6):
            begin = time.monotonic()
            x.send(a_post(number))
            eventually(lambda: len(firehose.taken) == number)  # noqa: B023 - called at once
            delays.append(firehose.times[-1] - begin)
        assert streamer.finish(signal.SIGTERM) == 0
    assert statistics.median(delays) < 0.5
    assert firehose.posts() == [1, 2, 3, 4, 5]


# --- X has other habits, and bad days ---------------------------------------------------------


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("chunked", [False, True], ids=["HTTP/1.0", "chunked"])
@pytest.mark.parametrize("sse", [False, True], ids=["lines", "events"])
def test_another_x(
    tmp_path: Path, firehose: FakeFirehose, sse: bool, chunked: bool, gzip: bool
) -> None:
    x = FakeX(sse, chunked, gzip)
    post = a_post(2)
    post["matching_rules"] = [{"id": "1"}]  # without tag
    del post["includes"]["users"]
    keep_alive = b": keep-alive\n\n" if sse else b"\r\n"
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.items += [keep_alive, keep_alive]
        x.send(a_post(1))
        eventually(lambda: firehose.posts() == [1])
        x.items.append(keep_alive)
        x.send(post)
        eventually(lambda: firehose.posts() == [1, 2])
        end = time.monotonic()
        x.end()
        eventually(lambda: len(x.connects) == 2)
        x.send(a_post(3))
        eventually(lambda: firehose.posts() == [1, 2, 3])
        assert streamer.finish(signal.SIGTERM) == 0
    assert streamer.counts()["unreadable"] == 0
    assert x.connects[1] - end > 0.24  # tweepy alone would not wait


def test_a_post_in_pieces_and_many_in_one_piece(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        line = json.dumps(a_post(1, text="é😃"), ensure_ascii=False).encode() + b"\r\n"
        x.items += [line[at : at + 1] for at in range(len(line))]
        x.items.append(b"".join(json.dumps(a_post(at)).encode() + b"\r\n" for at in range(2, 400)))
        eventually(lambda: len(firehose.taken) == 399)
        assert streamer.finish(signal.SIGTERM) == 0
    assert firehose.posts() == list(range(1, 400))
    assert json.loads(firehose.taken[0])["text"] == "é😃"


def test_what_was_posted_meanwhile_is_searched(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    message = a_post(7)
    x.found = ({"data": [message["data"]], "includes": message["includes"], "meta": {}}, 200)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        assert x.searches == []  # what was posted before we came is not asked for
        before = int((time.time() - 12) * 1000)
        x.end()
        eventually(lambda: firehose.posts() == [7])
        (query,) = x.searches
        assert query["query"] == [x.rules[0]["value"]]
        assert query["expansions"] == ["attachments.media_keys,author_id"]
        since = (int(query["since_id"][0]) >> 22) + 1288834974657  # ids hold the time
        assert before < since < time.time() * 1000
        assert streamer.finish(signal.SIGTERM) == 0
    assert json.loads(firehose.taken[0])["url"]


def test_a_search_that_x_refuses_is_said(tmp_path: Path, x: FakeX, firehose: FakeFirehose) -> None:
    x.found = ({"title": "Forbidden", "detail": "not in your plan"}, 403)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.end()
        streamer.says("What was posted meanwhile may be missing: 403 Forbidden")
        x.send(a_post(1))
        eventually(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0


@pytest.mark.parametrize("wrapped", [True, False], ids=["errors", "bare"])
def test_x_says_why_it_will_hang_up(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose, wrapped: bool
) -> None:
    detail = "This stream has been disconnected upstream for operational reasons."
    kind = "https://api.twitter.com/2/problems/operational-disconnect"
    error = {"title": "operational-disconnect", "detail": detail, "type": kind}
    error |= {"disconnect_type": "UpstreamOperationalDisconnect"}
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send({"errors": [error]} if wrapped else error)
        x.end()
        streamer.says(f"X says: operational-disconnect: {detail}")
        eventually(lambda: len(x.connects) == 2)
        x.send(a_post(1))
        eventually(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    assert streamer.counts()["unreadable"] == 0


@pytest.mark.parametrize("chunked", [False, True], ids=["HTTP/1.0", "chunked"])
def test_a_cut_in_the_middle_of_a_line(
    tmp_path: Path, firehose: FakeFirehose, chunked: bool
) -> None:
    x = FakeX(chunked=chunked)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        x.items.append(json.dumps(a_post(2)).encode()[:200])
        eventually(lambda: firehose.posts() == [1])
        x.end("reset")
        eventually(lambda: len(x.connects) == 2)
        x.send(a_post(3))
        eventually(lambda: firehose.posts() == [1, 3])
        assert streamer.finish(signal.SIGTERM) == 0
    assert x.connects[1] - x.connects[0] > 0.2
    assert "connecting again" in streamer.out


@pytest.mark.parametrize(
    ("status", "said"), [(401, "keys"), (402, "credits"), (403, "app"), (400, "understand")]
)
def test_where_no_retry_helps_it_stops(tmp_path: Path, x: FakeX, status: int, said: str) -> None:
    x.refusals.append((status, {"title": "No", "detail": "no"}))
    with Streamer(tmp_path, x) as streamer:
        assert streamer.finish() == 1
    assert f"X answered {status}: " in sentence(streamer)
    assert said in sentence(streamer)
    assert streamer.err.count("\n") == 1
    assert len(x.connects) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_where_a_retry_helps_it_stays(tmp_path: Path, x: FakeX, status: int) -> None:
    x.refusals.append((status, {"title": "ConnectionException", "detail": "too many"}))
    with Streamer(tmp_path, x) as streamer:
        streamer.says(f"X answered {status}")
        with pytest.raises(subprocess.TimeoutExpired):
            streamer.process.wait(0.7)
        assert len(x.connects) == 1
        begin = time.monotonic()
        assert streamer.finish(signal.SIGTERM) == 0  # although the pause is not over
    assert time.monotonic() - begin < 3


def test_a_rule_that_x_refuses_is_our_users_fault(tmp_path: Path, x: FakeX) -> None:
    x.rule_errors = [
        {"title": "UnprocessableEntity", "value": "from:ada", "details": ["no such operator"]}
    ]
    with Streamer(tmp_path, x) as streamer:
        assert streamer.finish() == 2
    assert "no such operator" in sentence(streamer)
    assert x.connects == []


# --- Firehose fails ---------------------------------------------------------------------------


def test_only_the_failed_records_are_sent_again(tmp_path: Path) -> None:
    firehose = FakeFirehose(
        fail_some(lambda at: at % 3 == 0), fail_some(lambda at: at > 0), fail_some(lambda at: True)
    )
    posts = [a_post(at, text="x" * 5_000) for at in range(90)]  # so each has its own record
    with play(tmp_path, firehose, *posts) as streamer:
        assert streamer.finish() == 0
    thirds = [at for at in range(90) if at % 3 == 0]
    sizes = [[int(json.loads(line)["post_id"]) for line in call] for call in firehose.calls]
    assert sizes == [list(range(90)), thirds, thirds[1:], thirds[1:]]
    assert sorted(firehose.posts()) == list(range(90))
    assert streamer.counts() == {
        **{"posts": 90, "photos": 90, "sent": 90, "failed": 0, "skipped": 0, "unreadable": 0}
    }
    assert firehose.times[2] - firehose.times[1] > firehose.times[1] - firehose.times[0] > 0.1


@pytest.mark.parametrize(
    "step",
    [
        refuse("ServiceUnavailableException", 503),
        refuse("InternalFailure", 500),
        refuse("ThrottlingException"),
        refuse("LimitExceededException"),
        reset,
    ],
    ids=["503", "500", "ThrottlingException", "LimitExceededException", "reset"],
)
def test_what_passes_is_tried_again(tmp_path: Path, step: Step) -> None:
    firehose = FakeFirehose(step, step)
    with play(tmp_path, firehose, *map(a_post, range(20))) as streamer:
        assert streamer.finish() == 0
    assert firehose.posts() == list(range(20))
    assert len(firehose.calls) == 3
    said = f"sending {len(firehose.calls[0])} again"
    assert streamer.out.count(said) == 2  # each failure is said, none is hidden
    assert streamer.counts()["sent"] == 20


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_what_does_not_pass_ends_it_with_a_sentence(tmp_path: Path, x: FakeX, code: str) -> None:
    firehose = FakeFirehose(always=refuse(code))
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send(*map(a_post, range(600)))
        assert streamer.finish() == 1
    assert code in sentence(streamer)
    assert streamer.err.count("\n") == 1
    assert len(firehose.calls) == 1
    counts = streamer.counts()
    assert counts["failed"] == counts["photos"] > 0
    assert counts["sent"] == 0


def test_firehose_comes_back(tmp_path: Path, x: FakeX) -> None:
    """Nobody listens at its address for a while: that is no reason to stop."""
    port = free_port()
    with Streamer(tmp_path, x, f"http://127.0.0.1:{port}") as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        streamer.says("sending 1 again")
        firehose = FakeFirehose(port=port)
        x.send(a_post(2))
        eventually(lambda: firehose.posts() == [1, 2], 20)
        assert streamer.finish(signal.SIGTERM) == 0
    assert streamer.counts()["sent"] == 2


# --- The end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_that_was_received_is_sent_before_the_end(
    tmp_path: Path, x: FakeX, number: signal.Signals
) -> None:
    firehose = FakeFirehose(fail_some(lambda at: at % 2 == 0), always=take_slowly)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send(*map(a_post, range(20_000)))
        eventually(lambda: len(firehose.taken) > 1000)
        streamer.process.send_signal(number)
        assert streamer.finish() == 0
    counts = streamer.counts()
    received = counts["photos"]
    assert 1000 < received < 20_000
    assert sorted(firehose.posts()) == list(range(received))
    assert (counts["sent"], counts["failed"]) == (received, 0)


QUICK = ("FLUSH_SECONDS = 30", "FLUSH_SECONDS = 0.5")


@pytest.mark.parametrize(
    "always",
    [None, refuse("ServiceUnavailableException", 503), fail_some(lambda at: True)],
    ids=["nobody there", "503", "every record fails"],
)
def test_what_could_not_be_sent_at_the_end_is_counted(
    tmp_path: Path, x: FakeX, always: Step | None
) -> None:
    aws: Any = FakeFirehose(always=always) if always else f"http://127.0.0.1:{free_port()}"
    with Streamer(tmp_path, x, aws, edit=QUICK) as streamer:
        streamer.says("Connected")
        x.send(*map(a_post, range(1200)), b"now")
        streamer.says("could not be read")  # all 1200 were received
        begin = time.monotonic()
        assert streamer.finish(signal.SIGTERM, seconds=30) == 1
    assert time.monotonic() - begin < 8
    counts = streamer.counts()
    assert (counts["photos"], counts["sent"], counts["failed"]) == (1200, 0, 1200)
    assert "the rest was not sent" in sentence(streamer)


# --- The real emulated X and AWS --------------------------------------------------------------


class Emulators:
    """Offline X and offline AWS, with a delivery stream, its bucket and a secret."""

    def __init__(self, folder: Path) -> None:
        self.x_url = f"http://127.0.0.1:{free_port()}"
        self.x_log = folder / "x.log"
        environment = minimal_environment(folder) | KEYS | {"TWITTER_BEARER_TOKEN": BEARER}
        options = ["--port", self.x_url.rpartition(":")[2], "--keep-alive", "0.5"]
        command = [
            sys.executable,
            "-m",
            "kit.emulators.x",
            *options,
            "--photos",
            str(folder / "photos"),
        ]
        self.x_process = ManagedProcess("offline X", command, environment, self.x_log)
        self.aws = EmulatedAws(folder, "http://127.0.0.1:9", free_port())
        self.x_process.wait_until_ready(f"{self.x_url}/_workshop/ready")
        self.aws.wait_until_ready()
        self.x = XClient(self.x_url, KEYS["TWITTER_CONSUMER_KEY"], KEYS["TWITTER_TOKEN"])
        self.photo = self.x.upload(b"a photo")
        self.s3 = self.aws.client("s3")
        self.aws.client("secretsmanager").create_secret(
            Name="x-keys", SecretString=json.dumps(KEYS)
        )
        trust = {"Service": "firehose.amazonaws.com"}
        allow = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
        iam = self.aws.client("iam")
        self.role = iam.create_role(
            RoleName="delivery",
            AssumeRolePolicyDocument=json.dumps(
                {"Statement": [{"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}]}
            ),
        )["Role"]["Arn"]
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName="delivery", PolicyName="write", PolicyDocument=policy)

    def delivery_stream(self) -> str:
        """A new delivery stream; the bucket has the same name."""
        name = f"posts-{secrets.token_hex(4)}"
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "BucketARN": f"arn:aws:s3:::{name}",
                "RoleARN": self.role,
                "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 5},
            },
        )
        return name

    def delivered(self, bucket: str) -> list[dict[str, str]]:
        """All lines in the bucket, in the order of their objects."""
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        bodies = [self.s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in listed]
        return [json.loads(line) for line in b"".join(bodies).splitlines()]

    def rules(self) -> list[dict[str, str]]:
        headers = {"Authorization": f"Bearer {BEARER}"}
        answer = requests.get(self.x_url + RULES, headers=headers, timeout=5).json()
        rules: list[dict[str, str]] = answer.get("data", [])
        return rules

    def add_rule(self, **rule: str) -> None:
        headers = {"Authorization": f"Bearer {BEARER}"}
        requests.post(self.x_url + RULES, json={"add": [rule]}, headers=headers, timeout=5)

    def fault(self, **fault: Any) -> None:
        answer = requests.post(f"{self.x_url}/_workshop/faults", json=fault, timeout=5)
        assert answer.status_code == 204

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = requests.get(f"{self.x_url}/_workshop/stats", timeout=5).json()
        return stats

    def stop(self) -> None:
        self.x_process.stop()
        self.aws.process.stop()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    emulators = Emulators(tmp_path_factory.mktemp("emulators"))
    yield emulators
    emulators.stop()


@pytest.fixture
def emulators(started: Emulators) -> Emulators:
    """No faults, no rules, nobody connected."""
    started.fault(kind="reset")
    started.fault(kind="disconnect")
    headers = {"Authorization": f"Bearer {BEARER}"}
    ids = {"delete": {"ids": [rule["id"] for rule in started.rules()]}}
    requests.post(started.x_url + RULES, json=ids, headers=headers, timeout=5)
    eventually(lambda: not started.stats()["connected"])
    return started


def test_from_the_emulated_x_into_a_bucket(tmp_path: Path, emulators: Emulators) -> None:
    stream = emulators.delivery_stream()
    emulators.add_rule(value="dog", tag="foreign")
    emulators.add_rule(value="old", tag="serverless-bytes")
    arguments = ["--delivery-stream", stream]
    environment: dict[str, str | None] = {
        **{"TWITTER_BEARER_TOKEN": None, "AWS_SECRET_ACCESS_KEY": "test"},
    }
    x, photo = emulators.x, emulators.photo
    with Streamer(tmp_path, emulators.x_url, emulators.aws.url, arguments, environment) as streamer:
        streamer.says("Connected")
        rules = [(rule["value"], rule["tag"]) for rule in emulators.rules()]
        assert rules == [
            ("dog", "foreign"),
            ("from:learner has:images -is:retweet", "serverless-bytes"),
        ]
        posted = [x.post("Grüße 😃", [photo]), x.post("four", [photo] * 4)]
        x.post("not mine", [photo], username="somebody")
        x.post("retweet", [photo], retweet=True)
        x.post("a dog and a video", video=True)
        eventually(lambda: len(emulators.delivered(stream)) == 5, 20)
        assert streamer.finish(signal.SIGINT) == 0
    lines = emulators.delivered(stream)
    assert [line["post_id"] for line in lines] == [posted[0], *[posted[1]] * 4]
    assert [list(line) for line in lines] == [FIELDS] * 5
    assert (lines[0]["text"], lines[0]["username"]) == ("Grüße 😃", "learner")
    assert lines[0]["url"].startswith(f"{emulators.x_url}/media/")
    assert streamer.counts() == {
        **{"posts": 3, "photos": 5, "sent": 5, "failed": 0, "skipped": 1, "unreadable": 0}
    }


def test_the_keys_come_from_the_secret(tmp_path: Path, emulators: Emulators) -> None:
    stream = emulators.delivery_stream()
    config = {"delivery_stream": stream, "region": REGION, "secret": "x-keys"}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    environment: dict[str, str | None] = dict.fromkeys((*KEYS, "TWITTER_BEARER_TOKEN"))
    environment |= {"AWS_DEFAULT_REGION": None, "AWS_SECRET_ACCESS_KEY": "test"}
    arguments = ["--config", str(path)]
    with Streamer(tmp_path, emulators.x_url, emulators.aws.url, arguments, environment) as streamer:
        streamer.says("Connected to X. The rule: from:learner")
        emulators.x.post("by secret", [emulators.photo])
        eventually(lambda: emulators.delivered(stream), 20)
        assert streamer.finish(signal.SIGTERM) == 0
    assert emulators.delivered(stream)[0]["text"] == "by secret"


@pytest.mark.parametrize(
    ("secret", "said"), [("missing", "ResourceNotFoundException"), ("no-keys", "TWITTER_TOKEN")]
)
def test_a_secret_without_keys(
    tmp_path: Path, emulators: Emulators, secret: str, said: str
) -> None:
    if secret == "no-keys":
        manager = emulators.aws.client("secretsmanager")
        with contextlib.suppress(manager.exceptions.ResourceExistsException):
            manager.create_secret(Name=secret, SecretString='{"TWITTER_TOKEN": ""}')
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"delivery_stream": "any", "secret": secret}))
    environment: dict[str, str | None] = {"AWS_SECRET_ACCESS_KEY": "test"}
    arguments = ["--config", str(path)]
    with Streamer(tmp_path, emulators.x_url, emulators.aws.url, arguments, environment) as streamer:
        assert streamer.finish() == (2 if secret == "no-keys" else 1)
    assert said in sentence(streamer)


def test_a_delivery_stream_that_is_not_there(tmp_path: Path, emulators: Emulators) -> None:
    environment: dict[str, str | None] = {"AWS_SECRET_ACCESS_KEY": "test"}
    with play(tmp_path, emulators.aws.url, a_post(1), environment=environment) as streamer:
        assert streamer.finish() == 1
    assert "ResourceNotFoundException" in sentence(streamer)
    assert streamer.counts()["failed"] == 1


def test_a_rule_that_the_emulated_x_refuses(tmp_path: Path, emulators: Emulators) -> None:
    arguments = ["--delivery-stream", "posts", "--rule", "has:images"]
    with Streamer(tmp_path, emulators.x_url, "", arguments) as streamer:
        assert streamer.finish() == 2
    assert "X does not accept the rule" in sentence(streamer)
    assert emulators.stats()["connected"] is False


def test_wrong_keys_for_the_emulated_x(tmp_path: Path, emulators: Emulators) -> None:
    environment: dict[str, str | None] = {"TWITTER_BEARER_TOKEN": f"{BEARER[:-1]}."}
    with Streamer(tmp_path, emulators.x_url, "", None, environment) as streamer:
        assert streamer.finish() == 1
    assert "401" in sentence(streamer)
    assert streamer.err.count("\n") == 1


def test_the_faults_of_the_emulated_x(tmp_path: Path, emulators: Emulators) -> None:
    firehose = FakeFirehose()
    arguments = ["--delivery-stream", "posts", "--rule", "from:learner"]
    texts: list[str] = []

    def post() -> None:
        eventually(lambda: emulators.stats()["connected"])
        texts.append(f"after {len(texts)} faults")
        emulators.x.post(texts[-1], [emulators.photo])
        eventually(lambda: len(firehose.taken) == len(texts))

    with Streamer(tmp_path, emulators.x_url, firehose, arguments) as streamer:
        streamer.says("Connected")
        post()
        emulators.fault(kind="line", text="event: {garbage")
        post()
        emulators.fault(kind="silence", seconds=1)
        post()
        emulators.fault(kind="disconnect")
        streamer.says("X closed the stream")
        post()
        emulators.fault(kind="cut")
        emulators.x.post("lost", [emulators.photo])
        streamer.says("The connection to X broke")
        post()
        assert streamer.finish(signal.SIGTERM) == 0
    assert [json.loads(line)["text"] for line in firehose.taken] == texts
    assert emulators.stats()["connected"] is False


# --- What takes long: all at once, in the background -------------------------------------------

SLOW: dict[str, Callable[[Path], None]] = {}


def slow(scenario: Callable[[Path], None]) -> Callable[[Path], None]:
    """Have a test of several seconds run while the others do."""
    SLOW[scenario.__name__] = scenario
    return scenario


@slow
def a_silent_stream_is_left_after_21_seconds(folder: Path) -> None:
    x, firehose = FakeX(), FakeFirehose()
    with Streamer(folder, x, firehose) as streamer:
        streamer.says("Connected")
        eventually(lambda: len(x.connects) == 2, 26)
        x.send(a_post(1))
        eventually(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    assert 20 < x.connects[1] - x.connects[0] < 25
    assert "The connection to X broke" in streamer.out


@slow
def a_silent_answer_about_the_rules_is_given_up(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Streamer(folder, url) as streamer:
            first, _ = silent.accept()
            second, _ = silent.accept()
            first.close()
            second.close()
            streamer.says("X cannot be reached")
            streamer.finish(signal.SIGTERM)


@slow
def a_503_is_tried_again(folder: Path) -> None:
    x, firehose = FakeX(), FakeFirehose()
    x.refusals.append((503, {"title": "Service Unavailable"}))
    with Streamer(folder, x, firehose) as streamer:
        streamer.says("X answered 503")
        streamer.says("Connected", 15)
        x.send(a_post(1))
        eventually(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0
    assert x.connects[1] - x.connects[0] > 1


@slow
def a_409_sets_the_rule_again(folder: Path) -> None:
    x, firehose = FakeX(), FakeFirehose()
    with Streamer(folder, x, firehose) as streamer:
        streamer.says("Connected")
        x.refusals.append((409, {"title": "ConnectionException"}))
        x.rules.clear()
        x.end()
        eventually(lambda: len(x.connects) == 3, 20)
        x.send(a_post(1))
        eventually(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0
    assert [(rule["value"], rule["tag"]) for rule in x.rules] == [("from:ada", "serverless-bytes")]


@slow
def closing_again_and_again_makes_the_pauses_longer(folder: Path) -> None:
    x = FakeX()
    with Streamer(folder, x) as streamer:
        streamer.says("Connected")
        for _ in range(5):
            known = len(x.connects)
            x.end()
            eventually(lambda: len(x.connects) > known, 10)  # noqa: B023 - called at once
        assert streamer.finish(signal.SIGTERM) == 0
    pauses = [later - earlier for earlier, later in zip(x.connects, x.connects[1:], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[0] > 0.2
    assert pauses[4] > 3.9
    assert len(x.connects) == 6  # in 7.75 s; tweepy alone makes hundreds


@slow
def an_answer_that_does_not_come_is_a_reason_to_send_again(folder: Path) -> None:
    firehose = FakeFirehose(take_and_say_nothing)
    with play(folder, firehose, *map(a_post, range(10))) as streamer:
        assert streamer.finish(seconds=40) == 0
    # Firehose took them, but nobody could know: twice is right here, and not at all is not.
    assert firehose.posts() == [*range(10), *range(10)]
    assert streamer.counts()["sent"] == 10


@slow
def after_ctrl_c_it_still_tries_for_a_while(folder: Path) -> None:
    """Also when Firehose was down for longer than that before."""
    x = FakeX()
    seconds = ("FLUSH_SECONDS = 30", "FLUSH_SECONDS = 3")
    firehose = FakeFirehose(always=refuse("ServiceUnavailableException", 503))
    with Streamer(folder, x, firehose, edit=seconds) as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        eventually(lambda: firehose.times and time.monotonic() - firehose.times[0] > 4)
        streamer.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        firehose.always = None
        assert streamer.finish() == 0
    assert firehose.posts() == [1]


@pytest.fixture(scope="module", autouse=True)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """Start the slow scenarios that this test run wants."""
    chosen = [
        str(item.callspec.params["scenario"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and getattr(item, "originalname", "") == test_in_the_background.__name__
        and item.module is request.module
    ]
    with ThreadPoolExecutor(max(1, len(chosen))) as threads:
        yield {name: threads.submit(SLOW[name], tmp_path_factory.mktemp("slow")) for name in chosen}


@pytest.mark.parametrize("scenario", SLOW)
def test_in_the_background(running: dict[str, Future[None]], scenario: str) -> None:
    running[scenario].result(60)
