"""The streamer, run as a learner runs it.

It meets the emulated X and AWS of offline mode, and two stand-ins of this file that do what those
never do: an X with other habits, and a Firehose that fails. Whatever a test is about, the streamer
must not print a key or a traceback: see `Streamer.finish`.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from offline.aws import REGION
from offline.processes import SCRIPTS, clean_environment
from offline.system import KEY_NAMES

SCRIPT = SCRIPTS / "twitter_streaming.py"
RULES = "/2/tweets/search/stream/rules"
STREAM = "/2/tweets/search/stream"
FIELDS = ["media_key", "url", "post_id", "username", "text", "created_at"]
KEYS = {name: f"{number}-{secrets.token_urlsafe(36)}/+=" for number, name in enumerate(KEY_NAMES)}
BEARER = f"AAAA{secrets.token_urlsafe(48)}"
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
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
        else:
            self.stream()

    def stream(self) -> None:
        self.x.connects.append(time.monotonic())
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
        while True:
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


def serve(handler: type[BaseHTTPRequestHandler], party: Any) -> ThreadingHTTPServer:
    """Serve on a free port, until the test run ends or `shutdown` is called."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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

    def __init__(self, *plan: Step, always: Step | None = None) -> None:
        self.plan = deque(plan)
        self.always = always
        self.calls: list[list[bytes]] = []  # as they came, also those that failed
        self.taken: list[bytes] = []
        self.times: list[float] = []
        self.names: set[str] = set()
        self.server = serve(FirehoseHandler, self)
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
        self.taken += [data for at, data in enumerate(records) if at not in failed]
        return failed

    def posts(self) -> list[int]:
        """The posts that were taken, in the order they came."""
        return [int(json.loads(line)["post_id"]) for line in self.taken]


class FirehoseHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

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
    firehose.taken += records
    time.sleep(12)
    raise ConnectionResetError


def take_slowly(firehose: FakeFirehose, records: list[bytes]) -> set[int]:
    time.sleep(0.1)
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

    all: list[Streamer] = []

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
        self.environment = clean_environment(self.folder) | KEYS | AWS_KEYS
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
        self.secrets = [self.environment.get(n, "") for n in (*KEYS, *AWS_KEYS)][:-2]
        self.secrets += [BEARER, AWS_KEYS["AWS_SECRET_ACCESS_KEY"], *KEYS.values()]
        with self.path("out").open("wb") as out, self.path("err").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, SCRIPT.name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment,
                cwd=self.folder,
            )
        Streamer.all.append(self)

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
        assert not [key for key in self.secrets if key and key in printed]
        assert "Traceback" not in printed
        assert "Exception ignored" not in printed
        return code

    def counts(self) -> dict[str, int]:
        """The numbers of the summary, which is the last line."""
        last = self.out.splitlines()[-1]
        return {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", last)}


@pytest.fixture(autouse=True)
def _no_streamer_is_left() -> Iterator[None]:
    begin = len(Streamer.all)
    yield
    for streamer in Streamer.all[begin:]:
        if streamer.process.poll() is None and threading.current_thread().name == "MainThread":
            owner = getattr(streamer, "background", False)
            if not owner:
                streamer.process.kill()
                streamer.process.wait()
