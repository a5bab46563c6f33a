"""TwitterLambdaFunction, function by function."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from kit.stack.template import code_of
from lambdas.account import Account, prefixes_asked_for
from lambdas.loading import WITHOUT_PHOTO
from support import s3_event
from support.stub_server import Answer, StubServer

CODE = code_of("TwitterLambdaFunction")
JPEG = b"\xff\xd8\xff\xe0 a photo"


@pytest.fixture(scope="module")
def shared_host() -> Iterator[StubServer]:
    photo_host = StubServer(Answer(404, body=b"not found"))
    yield photo_host
    photo_host.close()


@pytest.fixture
def host(shared_host: StubServer) -> StubServer:
    shared_host.answers.clear()
    shared_host.paths.clear()
    return shared_host


@pytest.fixture(scope="module")
def loaded(account: Account, shared_host: StubServer) -> dict[str, Any]:
    return account.load(CODE, "TwitterLambdaFunction", PHOTO_URL_PREFIX=f"{shared_host.url}/media/")


@pytest.fixture
def function(loaded: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the function's module; what a test replaces there is put back."""
    for name, value in loaded.items():
        monkeypatch.setitem(loaded, name, value)
    return loaded


# --- reading lines --------------------------------------------------------------------------------

ONE, TWO = {"url": "a"}, {"url": "b", "text": 'with "}{" and \n in it'}


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("", []),
        (" \n\n", []),
        (json.dumps(ONE), [ONE]),
        (f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n", [ONE, TWO]),
        (f"{json.dumps(ONE)}\r\n{json.dumps(TWO)}\r\n", [ONE, TWO]),
        (json.dumps(ONE) + json.dumps(TWO) + json.dumps(ONE), [ONE, TWO, ONE]),
        (json.dumps(ONE, indent=4) + json.dumps(TWO, indent=4), [ONE, TWO]),
        (f"garbage\n{json.dumps(ONE)}\n", [{}, ONE]),
        (f"}}{json.dumps(ONE)}", [{}, ONE]),
        (f"{json.dumps(ONE)}\ngarbage", [ONE, {}]),
        (f'{json.dumps(ONE)}\n{{"cut": "off\n{json.dumps(TWO)}\n', [ONE, {}, TWO]),
        (f'[1, 2]\nnull\n17\n"text"\n{json.dumps(ONE)}', [{}, {}, {}, {}, ONE]),
        ('{"a": ' * 100_000 + "\n" + json.dumps(ONE), [{}, ONE]),
    ],
)
def test_lines_and_objects_back_to_back_are_read(
    function: dict[str, Any], text: str, records: list[Any]
) -> None:
    assert list(function["read_records"](text)) == records


def test_a_poison_line_among_500_costs_no_other(function: dict[str, Any]) -> None:
    lines = [json.dumps({"url": str(number)}) for number in range(500)]
    lines.insert(250, '{"url": "poison", "text": ')
    records = list(function["read_records"]("\n".join(lines)))
    assert len(records) == 501
    assert [record["url"] for record in records if record] == [str(n) for n in range(500)]


def test_a_line_becomes_an_item(function: dict[str, Any]) -> None:
    record = {
        "media_key": "3_1",
        "url": "https://pbs.twimg.com/media/A.jpg",
        "post_id": "7",
        "username": "me",
        "text": "hi \ud83d",
        "created_at": "now",
        "more": 1,
    }
    described = function["describe"](record)
    expected = {name: record[name] for name in record if name != "more"} | {"text": "hi ?"}
    assert described == expected


def test_the_first_edition_s_names_are_understood(function: dict[str, Any]) -> None:
    described = function["describe"](
        {
            "image_url": "http://pbs.twimg.com/media/A.jpg",
            "id_str": "7",
            "name": "me",
            "text": None,
            "created": "then",
        }
    )
    assert described["url"] == "https://pbs.twimg.com/media/A.jpg"
    assert (described["post_id"], described["username"], described["created_at"]) == (
        "7",
        "me",
        "then",
    )
    assert "text" not in described
    assert len(described["media_key"]) == 64


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"media_key": "3_1"},
        {"url": ""},
        {"url": "u", "media_key": "../celebrity"},
        {"url": "u", "media_key": "a b"},
        {"url": "u", "media_key": "ü"},
        {"url": "u", "media_key": "x" * 101},
        {"url": "u", "media_key": {"a": 1}},
    ],
)
def test_other_lines_are_rejected(function: dict[str, Any], record: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^the line is not the metadata of a photo$"):
        function["describe"](record)


PHOTO = {"media_key": "3_1", "url": "https://pbs.twimg.com/media/A.jpg"}


@pytest.mark.parametrize(
    ("record", "item"),
    [
        (PHOTO, PHOTO),
        (PHOTO | {"text": "", "post_id": None, "username": 0}, PHOTO),
        (PHOTO | {"image_url": "http://pbs.twimg.com/media/B.jpg"}, PHOTO),
        (PHOTO | {"url": "http://pbs.twimg.com/media/A.jpg"}, PHOTO),
        (PHOTO | {"media_key": "aZ09_-" + "x" * 94}, PHOTO | {"media_key": "aZ09_-" + "x" * 94}),
        (PHOTO | {"post_id": "7", "id_str": "8"}, PHOTO | {"post_id": "7"}),
        (PHOTO | {"username": "me", "name": "you"}, PHOTO | {"username": "me"}),
        (PHOTO | {"created_at": "now", "created": "then"}, PHOTO | {"created_at": "now"}),
        (PHOTO | {"text": "&lt; is <"}, PHOTO | {"text": "&lt; is <"}),  # unescaped by the streamer
        (PHOTO | {"text": "x" * 30_001}, PHOTO | {"text": "x" * 30_000}),
        (PHOTO | {"text": {"a": 1}, "post_id": 7}, PHOTO | {"text": "{'a': 1}", "post_id": "7"}),
        ({"url": "é"}, {"url": "é", "media_key": sha256(rb"'\xe9'").hexdigest()}),
    ],
)
def test_the_item_of_a_line(
    function: dict[str, Any], record: dict[str, Any], item: dict[str, str]
) -> None:
    assert function["describe"](record) == item


# --- downloading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "{host}:1@example.com/media/a.jpg",
        "{origin}/other/a.jpg",
        "{prefix}",
        "{prefix}../secret",
        "{prefix}..%2fsecret",
        "{prefix}%2e%2e/secret",
        "{prefix}a/b.jpg",
        "{prefix}a%2fb.jpg",
        "{prefix}a\\b.jpg",
        "{prefix}a%5cb.jpg",
        "{prefix}a\r\nHost: example.com",
        "{prefix}a%0d%0aHost: example.com",
        "{prefix}%252e%252e",
        " {prefix}a.jpg",
    ],
)
def test_no_request_is_made_to_other_addresses(
    function: dict[str, Any], host: StubServer, address: str
) -> None:
    prefix = f"{host.url}/media/"
    url = address.format(prefix=prefix, origin=host.url, host=host.url)
    message = f"its address is not that of a photo below {prefix}"
    with pytest.raises(ValueError, match=f"^{message}$"):
        function["download"](url)
    assert host.paths == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("a b.jpg", "a%20b.jpg"),
        ("a%20b.jpg", "a%20b.jpg"),
        ("fünf.jpg", "f%C3%BCnf.jpg"),
        ("x" * 1000, "x" * 1000),
        ("a.jpg?name=small", "a.jpg"),
        ("a.jpg?name=small?", "a.jpg"),
    ],
)
def test_odd_names_are_downloaded(
    function: dict[str, Any], host: StubServer, name: str, asked: str
) -> None:
    with pytest.raises(ValueError, match="the photo host answered 404"):
        function["download"](f"{host.url}/media/{name}")
    assert host.paths == [f"/media/{asked}?format=jpg&name=large"]


PNG = b"\x89PNG\r\n\x1a\n a picture"
LIMIT = 15 * 1024 * 1024  # what Rekognition takes from S3
UNREADABLE = "unreadable: neither JPEG nor PNG"


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "message"),
    [
        (404, {}, b"", ValueError, "the photo host answered 404"),
        (410, {}, b"", ValueError, "the photo host answered 410"),
        (499, {}, b"", ValueError, "the photo host answered 499"),
        (201, {}, JPEG, ValueError, "the photo host answered 201"),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", ValueError, "the photo host answered 302"),
        (429, {}, b"", ConnectionError, "the photo host answered 429"),
        (500, {}, b"", ConnectionError, "the photo host answered 500"),
        (503, {}, b"", ConnectionError, "the photo host answered 503"),
        (
            *(200, {"Content-Length": str(len(JPEG) + 1)}, JPEG, ConnectionError),
            "the photo host hung up in the middle of the photo",
        ),
        (200, {}, b"<html>", ValueError, UNREADABLE),
        (200, {}, b"", ValueError, UNREADABLE),
        (200, {"Content-Length": ""}, b"", ValueError, UNREADABLE),
        (200, {}, b"RIFF0000WEBPVP8 ", ValueError, UNREADABLE),
        (200, {}, JPEG.ljust(LIMIT + 1, b"x"), ValueError, "too large: Rekognition takes 15 MB"),
    ],
)
def test_what_can_never_be_used_is_told_from_what_may_pass(
    function: dict[str, Any],
    host: StubServer,
    status: int,
    headers: dict[str, str],
    body: bytes,
    error: type[Exception],
    message: str,
) -> None:
    host.answers["/media/a.jpg"] = Answer(status, headers, body)
    with pytest.raises(error, match=f"^{message}$"):
        function["download"](f"{host.url}/media/a.jpg")
    assert len(host.paths) == 1


@pytest.mark.parametrize("photo", [JPEG, PNG, JPEG.ljust(LIMIT, b"x")], ids=["JPEG", "PNG", "15MB"])
@pytest.mark.parametrize("headers", [{}, {"Content-Length": ""}], ids=["length", "no length"])
def test_a_photo_is_downloaded(
    function: dict[str, Any], host: StubServer, photo: bytes, headers: dict[str, str]
) -> None:
    host.answers["/media/a.jpg"] = Answer(200, {"Content-Type": "text/html"} | headers, photo)
    assert function["download"](f"{host.url}/media/a.jpg") == photo


class Trickle:
    """An answer of the photo host that comes byte by byte; so does the time, second by second."""

    status = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - nothing changes it

    def __init__(self, photo: bytes) -> None:
        self.photo = iter(photo)
        self.seconds = 1000.0
        self.timeout = 0.0

    def open(self, url: str, timeout: float) -> Trickle:
        self.timeout = timeout
        return self

    def __enter__(self) -> Trickle:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read1(self, size: int) -> bytes:
        self.seconds += 1
        return bytes([byte]) if (byte := next(self.photo, None)) is not None else b""

    def monotonic(self) -> float:
        return self.seconds


def test_a_photo_may_take_20_seconds_and_5_from_byte_to_byte(function: dict[str, Any]) -> None:
    function["web"] = function["time"] = trickle = Trickle(JPEG.ljust(20, b"x"))
    assert function["download"](f"{function['PHOTO_URL_PREFIX']}a.jpg") == JPEG.ljust(20, b"x")
    assert trickle.timeout == 5
    function["web"] = function["time"] = Trickle(JPEG.ljust(21, b"x"))
    with pytest.raises(TimeoutError, match=r"^the photo took longer than 20 s$"):
        function["download"](f"{function['PHOTO_URL_PREFIX']}a.jpg")


def test_only_x_is_asked_for_a_format(
    account: Account, host: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = f"{host.url}/samples/"
    urls = {"PHOTO_URL_PREFIX": f"{host.url}/media/", "SAMPLE_URL_PREFIX": samples}
    function = account.load(CODE, "TwitterLambdaFunction", **urls)
    host.default, before = Answer(body=JPEG), host.default
    for url in urls.values():
        assert function["download"](f"{url}a.jpg?format=png&name=small") == JPEG
    host.default = before
    assert host.paths == ["/media/a.jpg?format=jpg&name=large", "/samples/a.jpg"]
    with pytest.raises(ValueError, match="its address is not that of a photo below"):
        function["download"](f"{samples}../media/a.jpg")


# --- storing --------------------------------------------------------------------------------------


def test_a_photo_is_stored_once(function: dict[str, Any], account: Account) -> None:
    item, key = {"media_key": "once", "text": "first"}, "images/once.jpg"
    assert function["store"](item, b"photo", key) == "stored"
    assert (account.body(key), account.item("once")) == (b"photo", item)
    prefixes = prefixes_asked_for(function["s3"])
    assert function["store"](item | {"text": "second"}, b"other", key) == "seen"
    assert (account.body(key), account.item("once")) == (b"photo", item)
    assert prefixes == [key]  # S3 lists 1,000 objects at most


def test_a_photo_is_stored_when_only_its_item_is_there(
    function: dict[str, Any], account: Account
) -> None:
    """So it is when the function died between the two; what follows was not started."""
    account.put_item("half", text="first")
    assert function["store"]({"media_key": "half"}, b"photo", "images/half.jpg") == "stored"
    assert account.body("images/half.jpg") == b"photo"
    assert account.item("half") == {"media_key": "half", "text": "first"}


def test_a_longer_name_is_not_taken_for_the_photo(
    function: dict[str, Any], account: Account
) -> None:
    account.put_item("similar", text="first")
    account.put("images/similar.jpg.jpg", b"by hand")
    assert function["store"]({"media_key": "similar"}, b"photo", "images/similar.jpg") == "stored"
    assert account.body("images/similar.jpg") == b"photo"


def test_another_error_of_the_table_is_not_taken_for_a_photo_that_was_seen(
    function: dict[str, Any], account: Account
) -> None:
    client = function["table"].meta.client
    with pytest.raises(client.exceptions.ClientError, match="ValidationException"):
        function["store"]({"media_key": ""}, b"photo", "images/no.jpg")
    assert account.body("images/no.jpg") is None


# --- processing -----------------------------------------------------------------------------------


def test_the_log_tells_what_became_of_each_line(
    function: dict[str, Any],
    account: Account,
    host: StubServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    host.answers["/media/told.jpg"] = Answer(200, body=JPEG)
    host.answers["/media/busy.jpg"] = Answer(503)
    photo = {"media_key": "told", "url": f"{host.url}/media/told.jpg"}
    long_name = ("{'text': '" + r"\xe9" * 99)[:100]
    lines = [
        (photo, "stored", "Photo told stored"),
        (photo, "seen", "Photo told seen"),
        (
            {"media_key": "gone", "url": f"{host.url}/media/gone.jpg"},
            *("rejected", "Photo gone rejected: the photo host answered 404"),
        ),
        (
            {"media_key": "busy", "url": f"{host.url}/media/busy.jpg"},
            *("failed", "Photo busy failed: the photo host answered 503"),
        ),
        (
            {"text": "é" * 99},
            *("rejected", f"Photo {long_name} rejected: the line is not the metadata of a photo"),
        ),
    ]
    for record, outcome, line in lines:
        assert function["process"](record) == outcome
        assert capsys.readouterr().out == f"{line}\n"
    assert account.body("images/told.jpg") == JPEG
    assert account.item("told") == photo


def test_what_is_said_of_a_photo_is_not_mixed_with_what_is_said_of_another(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[str] = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=pieces.append))
    function["process"]({})
    (piece,) = filter(None, pieces)
    assert piece.startswith("Photo {} rejected: ")
    assert piece.endswith("\n")


def test_all_lines_of_all_objects_are_processed(
    function: dict[str, Any],
    account: Account,
    host: StubServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    host.answers["/media/1.jpg"] = host.answers["/media/2.jpg"] = Answer(200, body=JPEG)
    one, two = ({"media_key": f"all_{n}", "url": f"{host.url}/media/{n}.jpg"} for n in (1, 2))
    account.put("firehose/ä 1", f"{json.dumps(one)}\n".encode() + b'{"text": "\xff"}\n')
    account.put("firehose/2", json.dumps(two).encode())
    event = s3_event(account.bucket, "firehose/%C3%A4+1", "firehose/2")
    function["lambda_handler"](event, None)
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "Photos of this event: {'rejected': 1, 'stored': 2}"
    assert sorted(printed[:-1]) == [
        "Photo all_1 stored",
        "Photo all_2 stored",
        "Photo {'text': '\\ufffd'} rejected: the line is not the metadata of a photo",
    ]


def test_an_event_with_a_photo_that_may_come_later_fails_in_the_end(
    function: dict[str, Any],
    account: Account,
    host: StubServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    host.answers["/media/3.jpg"] = Answer(200, body=JPEG)
    host.answers["/media/4.jpg"] = Answer(500)
    lines = [{"media_key": f"end_{n}", "url": f"{host.url}/media/{n}.jpg"} for n in (4, 3)]
    account.put("firehose/3", "\n".join(map(json.dumps, lines)).encode())
    message = "some photos failed: {'failed': 1, 'stored': 1}"
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        function["lambda_handler"](s3_event(account.bucket, "firehose/3"), None)
    assert account.body("images/end_3.jpg") == JPEG
    assert "Photos of this event: {'failed': 1, 'stored': 1}\n" in capsys.readouterr().out


@pytest.mark.parametrize("event", WITHOUT_PHOTO)
def test_an_event_that_is_not_of_s3_is_told_in_one_line(
    function: dict[str, Any], capsys: pytest.CaptureFixture[str], event: dict[str, Any]
) -> None:
    function["lambda_handler"](event, None)
    assert capsys.readouterr().out == (
        "Photos of this event: none (the button Test sends such an event): post a photo to try it\n"
    )


def test_24_photos_at_once(
    function: dict[str, Any], account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has a connection to S3 and one to DynamoDB."""
    together, count, lock = threading.Barrier(24), 0, threading.Lock()
    most = 0

    def open_address(url: str, timeout: float) -> None:
        nonlocal count, most
        with lock:
            count += 1
            most = max(most, count)
        together.wait(60)
        with lock:
            count -= 1
        raise ValueError("seen enough")

    function["web"] = SimpleNamespace(open=open_address)
    url = f"{function['PHOTO_URL_PREFIX']}a.jpg"
    lines = [json.dumps({"media_key": str(number), "url": url}) for number in range(48)]
    account.put("firehose/48", "\n".join(lines).encode())
    function["lambda_handler"](s3_event(account.bucket, "firehose/48"), None)
    assert "Photos of this event: {'rejected': 48}\n" in capsys.readouterr().out
    assert most == 24
    for client in (function["s3"], function["table"].meta.client):
        assert client.meta.config.max_pool_connections == 24
        assert client.meta.config.retries == {"mode": "adaptive", "total_max_attempts": 9}
