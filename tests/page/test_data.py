"""The tab Data by its routes: what is told of each resource, and by which command."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from kit.page.data.buckets import text_of
from page.harness import MIB, PageWorkshop, type_command
from support import s3_event, wait_until

NAMES = (
    "a b.txt",
    "Größe ä.txt",
    "a&b=c?d.txt",
    "<script>alert(1)<script>.json",
    "x.html",
    "50%25.txt",
    "a+b.txt",
    "#1.txt",
    "it's \"so\".txt",
    "-rf.txt",
    "😀.txt",
)
EVIL = b"<!doctype html><script>document.title = 'evil'</script>"


@pytest.fixture
def bucket(workshop: PageWorkshop) -> Iterator[str]:
    """A bucket of the learner's own."""
    s3, name = workshop.client("s3"), f"own-{uuid.uuid4().hex[:8]}"
    place = {"LocationConstraint": workshop.system.aws.region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    yield name
    for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=found["Key"])
    s3.delete_bucket(Bucket=name)


def get(workshop: PageWorkshop, path: str, **query: str) -> Any:
    answer = workshop.session.get(f"{workshop.url}/data{path}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def status(workshop: PageWorkshop, path: str, **query: str) -> tuple[int, str]:
    answer = workshop.session.get(f"{workshop.url}/data{path}", params=query, timeout=60)
    return answer.status_code, answer.json().get("error", "")


def test_the_places_are_those_of_the_stack_and_other_buckets(
    workshop: PageWorkshop, bucket: str
) -> None:
    places = {place["id"]: place for place in get(workshop, "")}
    assert {name: place["kind"] for name, place in places.items()} == {
        "TwitterBucket": "bucket",
        "RekognitionBucket": "bucket",
        "PostsTable": "table",
        "FailureQueue": "queue",
        "MatchTopic": "topic",
        "TwitterLambdaLogs": "log",
        "RekognitionLambdaLogs": "log",
        "TwitterKeys": "secret",
        bucket: "bucket",
    }
    physical = places["TwitterBucket"]["name"]
    assert get(workshop, f"/{physical}")["place"] == places["TwitterBucket"]
    for unknown in ("Nothing", "StreamingInstance", "..x", "UPPER"):
        assert status(workshop, f"/{unknown}")[0] == 404
    for query in ("/no-such-bucket", "/no-such-bucket/one?key=x", "/RekognitionBucket/one?key=x"):
        assert status(workshop, query) == (404, "It is not there any more.")
    assert status(workshop, "/RekognitionBucket/one")[0] == 400
    assert status(workshop, "/FailureQueue/one?key=x") == (404, "This is no bucket.")


@pytest.mark.parametrize("name", NAMES)
def test_an_object_may_have_any_name(
    workshop: PageWorkshop, bucket: str, name: str, tmp_path: Path
) -> None:
    body = f"The text of {name}: ü\n".encode()
    key = f"a folder/ü & <b>/{name}"
    address = f"{workshop.url}/data/{bucket}"
    answer = workshop.session.post(f"{address}/upload", params={"key": key}, data=body, timeout=60)
    assert (answer.status_code, answer.json()["key"]) == (201, key)
    assert get(workshop, f"/{bucket}")["folders"] == ["a folder/"]
    assert get(workshop, f"/{bucket}", prefix="a folder/")["folders"] == ["a folder/ü & <b>/"]
    folder = get(workshop, f"/{bucket}", prefix="a folder/ü & <b>/")
    assert [(one["key"], one["size"]) for one in folder["objects"]] == [(key, len(body))]
    assert name in type_command(workshop, folder["command"], tmp_path)
    one = get(workshop, f"/{bucket}/one", key=key)
    assert (one["kind"], one["text"] + "\n", one["cut"]) == ("text", body.decode(), False)
    assert type_command(workshop, one["command"], tmp_path) == body.decode()
    saved = workshop.session.get(f"{address}/download", params={"key": key}, timeout=60)
    assert saved.content == body
    assert saved.headers["content-type"] == "application/octet-stream"
    kind, _, file = saved.headers["content-disposition"].partition("; filename*=UTF-8''")
    assert (kind, unquote(file)) == ("attachment", name)
    (tmp_path / name).write_bytes(body)  # the command that uploads the same
    workshop.client("s3").delete_object(Bucket=bucket, Key=key)
    type_command(workshop, answer.json()["command"], tmp_path)
    assert get(workshop, f"/{bucket}/one", key=key)["text"] + "\n" == body.decode()


@pytest.mark.parametrize("name", ["x.html", "x.jpg", "x.svg", "x"])
def test_a_web_page_in_a_bucket_is_never_one_here(
    workshop: PageWorkshop, bucket: str, name: str
) -> None:
    workshop.client("s3").put_object(
        Bucket=bucket, Key=name, Body=EVIL, ContentType="text/html; charset=utf-8"
    )
    for way, kind, code in (
        ("one", "application/json", 200),
        ("picture", "application/json", 415),
        ("download", "application/octet-stream", 200),
    ):
        answer = workshop.session.get(
            f"{workshop.url}/data/{bucket}/{way}", params={"key": name}, timeout=60
        )
        assert (answer.status_code, answer.headers["content-type"]) == (code, kind)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_picture_is_encoded_anew(workshop: PageWorkshop, bucket: str, tmp_path: Path) -> None:
    photo = workshop.photo("obama.jpg") + EVIL
    workshop.client("s3").put_object(Bucket=bucket, Key="me.JPG", Body=photo)
    one = get(workshop, f"/{bucket}/one", key="me.JPG")
    assert (one["kind"], one["size"], one["text"]) == ("picture", len(photo), "")
    for size in ("", "large"):
        answer = workshop.session.get(
            f"{workshop.url}/data/{bucket}/picture",
            params={"key": "me.JPG", "size": size},
            timeout=60,
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert (answer.content[:3], EVIL in answer.content) == (b"\xff\xd8\xff", False)
    type_command(workshop, one["command"], tmp_path)
    assert (tmp_path / "me.JPG").read_bytes() == photo


def test_a_large_object_shows_its_beginning(workshop: PageWorkshop, bucket: str) -> None:
    line = b'{"n": "\xc3\xbc"}\n'
    body = line * (20 * MIB // len(line))
    address = f"{workshop.url}/data/{bucket}"
    answer = workshop.session.post(f"{address}/upload?key=big.json", data=body, timeout=60)
    assert answer.status_code == 201
    one = get(workshop, f"/{bucket}/one", key="big.json")
    assert (one["size"], one["kind"], one["cut"]) == (len(body), "text", True)
    assert one["text"].startswith('{\n  "n": "ü"\n}\n{')
    assert len(one["text"]) < MIB
    saved = workshop.session.get(f"{address}/download?key=big.json", timeout=60)
    assert saved.headers["content-length"] == str(len(body))
    assert saved.content == body
    answer = workshop.session.post(f"{address}/upload?key=x", data=bytes(33 * MIB), timeout=60)
    assert (answer.status_code, "larger than 32 MB" in answer.json()["error"]) == (413, True)
    for key in ("", "folder/"):
        answer = workshop.session.post(f"{address}/upload?key={key}", data=b"x", timeout=60)
        assert answer.status_code == 400


def test_at_most_200_rows_then_more(workshop: PageWorkshop, bucket: str, tmp_path: Path) -> None:
    empty = get(workshop, f"/{bucket}")
    assert (empty["folders"], empty["objects"], empty["more"]) == ([], [], "")
    assert type_command(workshop, empty["command"], tmp_path) == ""
    for number in range(300):
        workshop.client("s3").put_object(Bucket=bucket, Key=f"{number:03} ü", Body=b"")
    first = get(workshop, f"/{bucket}")
    rest = get(workshop, f"/{bucket}", after=first["more"])
    assert (len(first["objects"]), rest["more"]) == (200, "")
    keys = [one["key"] for one in first["objects"] + rest["objects"]]
    assert keys == [f"{number:03} ü" for number in range(300)]
    assert get(workshop, f"/{bucket}/one", key="000 ü")["text"] == ""


def test_the_table_shows_columns_and_whole_items(workshop: PageWorkshop, tmp_path: Path) -> None:
    key = workshop.tweet("obama2.jpg", "For the <b>table</b>")
    table = workshop.stack.resource("PostsTable")

    def row() -> dict[str, str] | None:
        rows = [row for row in get(workshop, "/PostsTable")["rows"] if row["media_key"] == key]
        return rows[0] if rows and rows[0]["outcome"] else None

    found = wait_until(row)
    assert found["text"] == "For the <b>table</b>"
    assert (found["outcome"], float(found["similarity"]) > 90) == ("match", True)
    item = get(workshop, "/PostsTable/one", key=key)
    assert json.loads(item["text"])["similarity"] == float(found["similarity"])
    shown = json.loads(type_command(workshop, item["command"], tmp_path))["Item"]
    assert shown.keys() == json.loads(item["text"]).keys()
    command = get(workshop, "/PostsTable")["command"]
    assert key in type_command(workshop, command, tmp_path)
    assert status(workshop, "/PostsTable/one", key="none") == (404, "The table has no such item.")
    names = [f"test-{number}" for number in range(250)]
    dynamodb = workshop.client("dynamodb")
    for name in names:
        dynamodb.put_item(TableName=table, Item={"media_key": {"S": name}})
    first = get(workshop, "/PostsTable")
    rows, more = first["rows"], first["more"]
    assert len(rows) == 200
    while more:
        page = get(workshop, "/PostsTable", after=more)
        rows, more = rows + page["rows"], page["more"]
    keys = [row["media_key"] for row in rows]
    assert sorted(set(keys)) == sorted(keys)
    assert {*names, key} <= set(keys)
    for name in names:
        dynamodb.delete_item(TableName=table, Key={"media_key": {"S": name}})


def test_messages_are_looked_at_and_sent_again_one_by_one(
    workshop: PageWorkshop, tmp_path: Path
) -> None:
    workshop.put_code("def lambda_handler(event, context):\n    pass\n")  # no event comes back
    queue = workshop.stack.resource("FailureQueue")
    sqs = workshop.client("sqs")
    bucket = workshop.stack.resource("RekognitionBucket")
    name = workshop.stack.resource("RekognitionLambdaFunction")
    arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{name}:$LATEST"
    for key in ("images/one.jpg", "images/two words.jpg"):
        record = {
            "requestContext": {"functionArn": arn, "condition": "RetriesExhausted"},
            "requestPayload": s3_event(bucket, key),
            "responsePayload": {"errorMessage": "<i>oh</i>"},
        }
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))
    sqs.send_message(QueueUrl=queue, MessageBody="[" * 5000)
    for _ in range(2):  # they stay, and nobody is kept from them
        view = get(workshop, "/FailureQueue")
        rows = {(row["keys"] or [""])[0]: row for row in view["rows"]}
        assert len(rows) == 3
    assert "RetriesExhausted" in type_command(workshop, view["command"], tmp_path)
    row = rows["images/one.jpg"]
    assert (row["function"], row["error"]) == ("RekognitionLambdaFunction", "<i>oh</i>")
    assert (rows[""]["sendable"], "not Lambda's record" in rows[""]["error"]) == (False, True)
    address = f"{workshop.url}/queue/redrive"
    answer = workshop.session.post(address, json={"message": row["id"]}, timeout=60).json()
    assert answer["text"].startswith("1 event of")
    answer = workshop.session.post(address, json={"message": row["id"]}, timeout=60).json()
    assert "is not in the queue" in answer["text"]
    left = {one["id"] for one in get(workshop, "/FailureQueue")["rows"]}
    assert left == {one["id"] for one in rows.values()} - {row["id"]}
    answer = workshop.session.post(address, json={}, timeout=60).json()
    assert (answer["text"].startswith("1 event of"), len(answer["staying"])) == (True, 1)
    for number in range(12):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    for _ in range(2):
        texts = {one["text"] for one in get(workshop, "/FailureQueue")["rows"]}
        assert {str(number) for number in range(12)} <= texts
    sqs.purge_queue(QueueUrl=queue)
    assert get(workshop, "/FailureQueue")["rows"] == []
    workshop.put_code()


def test_a_log_shows_its_newest_lines_and_all_before(
    workshop: PageWorkshop, tmp_path: Path
) -> None:
    group, logs = workshop.stack.resource("TwitterLambdaLogs"), workshop.client("logs")
    now, mark = int(1000 * time.time()), uuid.uuid4().hex[:8]
    expected: list[str] = []
    for stream in range(2):
        name = f"2026/11/27/[$LATEST]{mark}{stream}"
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        texts = [f"{mark} {stream} {number}" for number in range(225)]
        events = [  # up to 25 lines of both streams have the same millisecond
            {"timestamp": now + number // 13, "message": f"{text}\n"}
            for number, text in enumerate(texts)
        ]
        logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=events)
        expected += texts
    view = get(workshop, "/TwitterLambdaLogs")
    lines, more = view["rows"], view["more"]
    assert len(lines) == 200
    while more:
        page = get(workshop, "/TwitterLambdaLogs", after=more)
        lines, more = page["rows"] + lines, page["more"]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert sorted(line["text"] for line in lines if mark in line["text"]) == sorted(expected)
    printed = type_command(workshop, view["command"], tmp_path)
    assert all(line in printed for line in expected)
    assert get(workshop, "/TwitterLambdaLogs", after="nonsense")["rows"] == view["rows"]
    long = [{"timestamp": now + 1_000, "message": "x" * 100_000}]
    logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=long)
    assert len(get(workshop, "/TwitterLambdaLogs")["rows"][-1]["text"]) == 4_000


def test_a_topic_has_its_subscriptions_and_mails(workshop: PageWorkshop, tmp_path: Path) -> None:
    view = get(workshop, "/MatchTopic")
    assert [(row["protocol"], row["confirmed"]) for row in view["rows"]] == [("email", True)]
    endpoint = view["rows"][0]["endpoint"]
    assert endpoint in type_command(workshop, view["command"], tmp_path)
    workshop.tweet("obama2.jpg", "For the topic")
    wait_until(lambda: len(get(workshop, "/MatchTopic")["mails"]) > len(view["mails"]))
    mail = get(workshop, "/MatchTopic")["mails"][0]
    assert (mail["to"], mail["subject"].startswith("Possible match")) == (endpoint, True)


def test_a_secret_is_only_named(workshop: PageWorkshop, tmp_path: Path) -> None:
    view = get(workshop, "/TwitterKeys")
    assert "TwitterKeys" in view["rows"][0]["name"]
    printed = type_command(workshop, view["command"], tmp_path)
    assert view["rows"][0]["name"] in printed
    for key in workshop.system.keys.values():
        assert key not in json.dumps(view)
        assert key not in printed
    assert status(workshop, "/TwitterKeys/one", key="x")[0] == 404


@pytest.mark.unit
def test_the_beginning_of_an_object_is_text_or_not() -> None:
    assert text_of(b"", 0) == ""
    assert text_of("ü".encode()[:1], 2) == ""  # cut within a character
    assert text_of("ü".encode()[:1], 1) is None
    assert text_of(b"a\0b", 3) is None
    assert text_of(b'{"a": 1}\nno JSON\n', 17) == '{\n  "a": 1\n}\nno JSON'
    assert text_of(b"[" * 60_000, 60_000) == "[" * 60_000
    assert re.fullmatch(r"\d+", text_of(b"1" * 5000, 5000) or "")
