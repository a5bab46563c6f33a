"""A running emulated Rekognition, and what its tests share."""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kit.keys import ACCOUNT, new_keys, select
from support.emulator import Emulator


class StandInAws(ThreadingHTTPServer):
    """Answers who may what, and GET of objects. Tests change its attributes.

    It believes every signature; the emulated AWS itself has the test of those.
    """

    request_queue_size = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StandInHandler)
        self.objects: dict[str, bytes] = {}
        self.denied: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.verdict_status = 200
        self.delay = 0.0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class StandInHandler(BaseHTTPRequestHandler):
    server: StandInAws

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/_workshop/authorize":
            data = self.server.objects.get(unquote(url.path).lstrip("/"))
            self.reply(
                404 if data is None else 200, data or b"<Error><Code>NoSuchKey</Code></Error>"
            )
            return
        question = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.asked.append(question)
        time.sleep(self.server.delay)
        verdict: dict[str, Any] = {"allowed": True}
        if question["action"] in self.server.denied:
            text = f"User: me is not authorized to perform: {question['action']}"
            verdict = {"allowed": False, "message": text}
        self.reply(self.server.verdict_status, json.dumps(verdict).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(200, b"null")

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(Emulator):
    """The endpoint as a subprocess, ready to answer."""

    def __init__(self, folder: Path, aws: str = "", processes: int = 2, **environment: str) -> None:
        if aws:
            environment |= {"AWS_ENDPOINT_URL": aws} | select(new_keys(), ACCOUNT)
        options = ("--processes", str(processes))
        super().__init__("rekognition", folder, *options, environment=environment)

    def get(self, name: str) -> Any:
        return self.admin.get(name)

    def fail(self, code: str, times: int = 1, operation: str | None = None) -> None:
        self.admin.post("faults", {"code": code, "times": times, "operation": operation})

    def client(self, attempts: int = 1, key: str = "AKIATEST") -> Any:
        return boto3.client(
            "rekognition",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=Config(
                # The server's validation is what is tested, not boto3's.
                parameter_validation=False,
                max_pool_connections=200,
                retries={"mode": "standard", "total_max_attempts": attempts},
            ),
        )


def stored(name: str, bucket: str = "photos") -> dict[str, Any]:
    return {"S3Object": {"Bucket": bucket, "Name": f"images/{name}"}}


def error_of(client: Any, operation: str = "compare_faces", **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def another(photo: bytes) -> bytes:
    """A file that nobody has seen; what comes after the end of a JPEG does not change it."""
    return photo + os.urandom(16)
