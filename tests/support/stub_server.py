"""A server on this computer that answers as a test tells it, and records what it is asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What a request gets; the header with the body's length comes by itself, unless it is ""."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class StubServer:
    """Answers GET, POST and PUT.

    Args:
        default: what a path without an answer of its own gets.

    Attributes:
        answers: by path, without its query.
        paths: of the requests, with their queries.
        bodies: of the requests.
        connections: how many clients have connected.
    """

    def __init__(self, default: Answer) -> None:
        self.default = default
        self.answers: dict[str, Answer] = {}
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                stub.connections += 1
                super().setup()

            def do_GET(self) -> None:
                stub.paths.append(self.path)
                stub.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                answer = stub.answers.get(self.path.partition("?")[0], stub.default)
                self.send_response(answer.status)
                for name, value in (
                    {"Content-Length": str(len(answer.body))} | answer.headers
                ).items():
                    if value:  # else the end of the connection is the end of the body
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_POST = do_PUT = do_GET

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        # How often it looks whether it is to end.
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
