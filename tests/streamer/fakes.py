"""Stand-ins for X, with habits of its own, and for Firehose, which fails as it is told."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support import wait_until

RULES = "/2/tweets/search/stream/rules"
BEARER = f"AAAA{secrets.token_urlsafe(48)}"
MIB = 1 << 20


running: list[ThreadingHTTPServer] = []


def serve(
    handler: type[BaseHTTPRequestHandler], fake: FakeX | FakeFirehose, port: int = 0
) -> ThreadingHTTPServer:
    """Serve until `end_servers`; on a free port, unless one is given."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients hang up
    server.fake = fake  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    running.append(server)
    return server


def end_servers() -> None:
    """End all of them, and the streams that they still send."""
    while running:
        server = running.pop()
        server.shutdown()
        server.server_close()


# --- X ----------------------------------------------------------------------------------------


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
        self.deletion_errors: list[dict[str, Any]] = []  # what deleting one answers
        self.rules_status = 200
        self.me_status = 200
        self.connects: list[float] = []
        self.requests: list[tuple[str, str, str]] = []  # method, path, authorization
        self.bodies: list[bytes] = []
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
        self.x = self.server.fake  # type: ignore[attr-defined]
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
        x.bodies.append(body)
        if path == "/oauth2/token":
            self.answer({"token_type": "bearer", "access_token": BEARER})
            return
        change = json.loads(body)
        if "delete" in change:
            if x.deletion_errors:
                self.answer({"errors": x.deletion_errors, "meta": {"sent": "now"}})
                return
            gone = change["delete"]["ids"]
            x.rules = [rule for rule in x.rules if rule["id"] not in gone]
            self.answer({"meta": {"summary": {"deleted": len(gone), "not_deleted": 0}}})
        elif x.rule_errors:
            self.answer({"errors": x.rule_errors, "meta": {"sent": "now"}})
        else:
            # A post says that it matches the rule "1", unless its test says something else.
            taken = "1" in [rule["id"] for rule in x.rules]
            added = [
                rule | {"id": secrets.token_hex(4) if taken else "1"} for rule in change["add"]
            ]
            x.rules += added
            self.answer({"data": added, "meta": {"sent": "now"}}, 201)

    def do_GET(self) -> None:
        path = self.note()
        if path == RULES:
            rules = {"data": self.x.rules} if self.x.rules else {}
            answer = rules | {"meta": {"sent": "now", "result_count": len(self.x.rules)}}
            self.answer(answer, self.x.rules_status)
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
        while (
            len(self.x.connects) == number and self.server in running
        ):  # a later connection gets the rest
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


# --- Firehose ---------------------------------------------------------------------------------


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
        firehose: FakeFirehose = self.server.fake  # type: ignore[attr-defined]
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
    """Take all, and let the caller wait for the answer until it gives up and asks again."""
    firehose.take(records)
    asked = len(firehose.calls)
    wait_until(lambda: len(firehose.calls) > asked)
    raise ConnectionResetError
