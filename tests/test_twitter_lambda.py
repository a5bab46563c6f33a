"""TwitterLambdaFunction: its functions one by one, then deployed in the emulated AWS."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from kit.emulators.system import OfflineSystem
from kit.stack.stack import Stack
from kit.stack.template import code_of
from stub_server import Answer, StubServer
from support import s3_event, wait_for

CODE = code_of("TwitterLambdaFunction")


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
def function(load: Callable[..., dict[str, Any]], shared_host: StubServer) -> dict[str, Any]:
    return load(CODE, "TwitterLambdaFunction", PHOTO_URL_PREFIX=f"{shared_host.url}/media/")


def line(system: OfflineSystem, photo: bytes, **more: str) -> dict[str, str]:
    """Upload a photo to the emulated X; return the line that the streamer would send."""
    media_id = system.x.upload(photo)
    system.x.post("hello", [media_id])
    post = requests.get(f"{system.x_url}/_workshop/posts", timeout=5).json()[0]
    url = next(m["url"] for m in post["media"])
    return {
        "media_key": f"3_{media_id}",
        "url": url,
        "post_id": "1",
        "username": "learner",
        "text": "hello",
        "created_at": "2026-11-22T10:00:00Z",
        **more,
    }


def put(stack: Stack, body: str, key: str = "firehose/one") -> None:
    s3 = stack.aws.client("s3")
    s3.put_object(Bucket=stack.resource("TwitterBucket"), Key=key, Body=body.encode())


def item(stack: Stack, media_key: str) -> dict[str, Any]:
    table = stack.aws.client("dynamodb")
    answer: dict[str, Any] = table.get_item(
        TableName=stack.resource("PostsTable"), Key={"media_key": {"S": media_key}}
    )
    return {name: value["S"] for name, value in answer.get("Item", {}).items()}


def stored(stack: Stack, media_key: str) -> bytes:
    s3, bucket = stack.aws.client("s3"), stack.resource("RekognitionBucket")
    keys = [e["Key"] for e in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    key = f"images/{media_key}.jpg"
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read() if key in keys else b""


def log(stack: Stack) -> str:
    return "\n".join(stack.log_lines("TwitterLambdaLogs"))


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
        {"url": "u", "media_key": "x" * 1000},
        {"url": "u", "media_key": {"a": 1}},
    ],
)
def test_other_lines_are_rejected(function: dict[str, Any], record: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the metadata of a photo"):
        function["describe"](record)


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
    url = address.format(prefix=f"{host.url}/media/", origin=host.url, host=host.url)
    with pytest.raises(ValueError, match="its address is not that of a photo below"):
        function["download"](url)
    assert host.paths == []


@pytest.mark.parametrize(
    "name", ["a b.jpg", "a%20b.jpg", "fünf.jpg", "x" * 1000, "a.jpg?name=small"]
)
def test_odd_names_are_downloaded(function: dict[str, Any], host: StubServer, name: str) -> None:
    with pytest.raises(ValueError, match="the photo host answered 404"):
        function["download"](f"{host.url}/media/{name}")
    assert len(host.paths) == 1
    assert host.paths[0].endswith("?format=jpg&name=large")


JPEG = b"\xff\xd8\xff\xe0 a photo"


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "reason"),
    [
        (404, {}, b"", ValueError, "answered 404"),
        (410, {}, b"", ValueError, "answered 410"),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", ValueError, "answered 302"),
        (429, {}, b"", ConnectionError, "answered 429"),
        (500, {}, b"", ConnectionError, "answered 500"),
        (503, {}, b"", ConnectionError, "answered 503"),
        (200, {"Content-Length": "1000"}, JPEG, ConnectionError, "hung up"),
        (200, {}, b"<html>", ValueError, "unreadable: neither JPEG nor PNG"),
        (200, {}, b"", ValueError, "unreadable"),
        (200, {}, b"RIFF0000WEBPVP8 ", ValueError, "unreadable"),
        (200, {}, JPEG + bytes(15 << 20), ValueError, "too large: Rekognition takes 15 MB"),
    ],
)
def test_what_can_never_be_used_is_told_from_what_may_pass(
    function: dict[str, Any],
    host: StubServer,
    status: int,
    headers: dict[str, str],
    body: bytes,
    error: type[Exception],
    reason: str,
) -> None:
    host.answers["/media/a.jpg"] = Answer(status, headers, body)
    with pytest.raises(error, match=reason):
        function["download"](f"{host.url}/media/a.jpg")
    assert len(host.paths) == 1


def test_a_photo_is_downloaded(function: dict[str, Any], host: StubServer) -> None:
    host.answers["/media/a.jpg"] = Answer(200, {"Content-Type": "text/html"}, JPEG)
    assert function["download"](f"{host.url}/media/a.jpg") == JPEG


# --- deployed -------------------------------------------------------------------------------------


def test_a_photo_and_its_metadata_are_stored(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    photo = pictures["obama.jpg"].read_bytes()
    record = line(system, photo, text="Grüße 👋")
    put(stack, json.dumps(record) + "\n", "firehose/2026/an object+with ü.json")
    assert wait_for(lambda: stored(stack, record["media_key"])) == photo
    assert item(stack, record["media_key"]) == record
    wait_for(lambda: f"Photo {record['media_key']} stored" in log(stack))


def test_the_first_edition_s_objects_are_processed(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    """They stand back to back, indented and without a newline."""
    records = [line(system, pictures[name].read_bytes()) for name in ("obama.jpg", "biden.jpg")]
    old = [
        {"image_url": r["url"], "id_str": "99", "name": "me", "text": "old", "created": "then"}
        for r in records
    ]
    before = log(stack).count(" stored")
    put(stack, "".join(json.dumps(record, indent=4) for record in old), "old")
    wait_for(lambda: log(stack).count(" stored") == before + 2)


def test_one_bad_photo_costs_no_other(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    good = line(system, pictures["obama2.jpg"].read_bytes())
    text = line(system, b"this is no photo")
    elsewhere = line(system, b"x", url="https://example.com/a.jpg")
    lines = [json.dumps(text), "garbage", json.dumps(elsewhere), json.dumps(good)]
    put(stack, "\n".join(lines), "bad")
    wait_for(lambda: stored(stack, good["media_key"]))
    wait_for(lambda: "{'rejected': 3, 'stored': 1}" in log(stack))
    assert f"Photo {text['media_key']} rejected: unreadable: neither JPEG nor PNG" in log(stack)
    assert item(stack, text["media_key"]) == {}


def test_what_is_said_of_a_photo_is_not_mixed_with_what_is_said_of_another(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[str] = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=pieces.append))
    function["process"]({})
    (piece,) = filter(None, pieces)
    assert piece.startswith("Photo {} rejected: ")
    assert piece.endswith("\n")


def test_the_same_event_three_times_changes_nothing(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    record = line(system, pictures["obama3.jpg"].read_bytes())
    put(stack, json.dumps(record), "thrice")
    wait_for(lambda: stored(stack, record["media_key"]))
    event = s3_event(stack.resource("TwitterBucket"), "thrice")
    functions = stack.aws.client("lambda")
    for _ in range(2):
        functions.invoke(
            FunctionName=stack.resource("TwitterLambdaFunction"),
            InvocationType="Event",
            Payload=json.dumps(event),
        )
    wait_for(lambda: log(stack).count(f"Photo {record['media_key']} seen") == 2)
    assert log(stack).count(f"Photo {record['media_key']} stored") == 1
    arrived = "\n".join(stack.log_lines("RekognitionLambdaLogs"))
    assert arrived.count(f"images/{record['media_key']}.jpg arrived") == 1


def test_a_photo_that_fails_for_now_is_tried_again(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    record = line(system, pictures["biden.jpg"].read_bytes())
    fault = {"kind": "photo", "name": record["url"].rpartition("/")[2], "status": 503, "times": 1}
    requests.post(f"{system.x_url}/_workshop/faults", json=fault, timeout=5).raise_for_status()
    put(stack, json.dumps(record), "later")
    wait_for(lambda: stored(stack, record["media_key"]))
    assert f"Photo {record['media_key']} failed: the photo host answered 503" in log(stack)


def test_an_event_that_fails_three_times_is_kept_in_the_failure_queue(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    record = line(system, pictures["biden.jpg"].read_bytes())
    good = line(system, pictures["obama.jpg"].read_bytes())
    fault = {"kind": "photo", "name": record["url"].rpartition("/")[2], "status": 503, "times": 9}
    requests.post(f"{system.x_url}/_workshop/faults", json=fault, timeout=5).raise_for_status()
    put(stack, f"{json.dumps(record)}\n{json.dumps(good)}\n", "never")
    queue, url = stack.aws.client("sqs"), stack.resource("FailureQueue")
    (message,) = wait_for(lambda: queue.receive_message(QueueUrl=url).get("Messages"))
    body = json.loads(message["Body"])
    assert body["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "never"
    assert log(stack).count(f"Photo {record['media_key']} failed") == 3
    assert stored(stack, good["media_key"])
    requests.post(f"{system.x_url}/_workshop/faults", json={"kind": "reset"}, timeout=5)
