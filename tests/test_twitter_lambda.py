"""TwitterLambdaFunction, deployed in the emulated AWS; its functions one by one: lambdas/."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from kit.emulators.system import OfflineSystem
from kit.stack.stack import Stack
from security.addresses import addresses
from support import s3_event, wait_until


def line(system: OfflineSystem, photo: bytes, **more: str) -> dict[str, str]:
    """Upload a photo to the emulated X; return the line that the streamer would send."""
    media_id = system.x.upload(photo)
    system.x.post("hello", [media_id])
    post = system.admin("x").get("posts")[0]
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


def test_a_photo_and_its_metadata_are_stored(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    photo = pictures["obama.jpg"].read_bytes()
    record = line(system, photo, text="Grüße 👋")
    put(stack, json.dumps(record) + "\n", "firehose/2026/an object+with ü.json")
    assert wait_until(lambda: stored(stack, record["media_key"])) == photo
    assert item(stack, record["media_key"]) == record
    wait_until(lambda: f"Photo {record['media_key']} stored" in log(stack))


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
    wait_until(lambda: log(stack).count(" stored") == before + 2)


def test_one_bad_photo_costs_no_other(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    good = line(system, pictures["obama2.jpg"].read_bytes())
    text = line(system, b"this is no photo")
    elsewhere = line(system, b"x", url="https://example.com/a.jpg")
    lines = [json.dumps(text), "garbage", json.dumps(elsewhere), json.dumps(good)]
    put(stack, "\n".join(lines), "bad")
    wait_until(lambda: stored(stack, good["media_key"]))
    wait_until(lambda: "{'rejected': 3, 'stored': 1}" in log(stack))
    assert f"Photo {text['media_key']} rejected: unreadable: neither JPEG nor PNG" in log(stack)
    assert item(stack, text["media_key"]) == {}


def test_the_same_event_three_times_changes_nothing(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    record = line(system, pictures["obama3.jpg"].read_bytes())
    put(stack, json.dumps(record), "thrice")
    wait_until(lambda: stored(stack, record["media_key"]))
    event = s3_event(stack.resource("TwitterBucket"), "thrice")
    functions = stack.aws.client("lambda")
    for _ in range(2):
        functions.invoke(
            FunctionName=stack.resource("TwitterLambdaFunction"),
            InvocationType="Event",
            Payload=json.dumps(event),
        )
    wait_until(lambda: log(stack).count(f"Photo {record['media_key']} seen") == 2)
    assert log(stack).count(f"Photo {record['media_key']} stored") == 1
    arrived = "\n".join(stack.log_lines("RekognitionLambdaLogs"))
    assert arrived.count(f"images/{record['media_key']}.jpg arrived") == 1


def test_a_photo_that_fails_for_now_is_tried_again(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    record = line(system, pictures["biden.jpg"].read_bytes())
    fault = {"kind": "photo", "name": record["url"].rpartition("/")[2], "status": 503, "times": 1}
    system.admin("x").post("faults", fault)
    put(stack, json.dumps(record), "later")
    wait_until(lambda: stored(stack, record["media_key"]))
    assert f"Photo {record['media_key']} failed: the photo host answered 503" in log(stack)


def test_an_event_that_fails_three_times_is_kept_in_the_failure_queue(
    system: OfflineSystem, stack: Stack, pictures: dict[str, Path]
) -> None:
    record = line(system, pictures["biden.jpg"].read_bytes())
    good = line(system, pictures["obama.jpg"].read_bytes())
    fault = {"kind": "photo", "name": record["url"].rpartition("/")[2], "status": 503, "times": 9}
    system.admin("x").post("faults", fault)
    put(stack, f"{json.dumps(record)}\n{json.dumps(good)}\n", "never")
    queue, url = stack.aws.client("sqs"), stack.resource("FailureQueue")
    (message,) = wait_until(lambda: queue.receive_message(QueueUrl=url).get("Messages"))
    body = json.loads(message["Body"])
    assert body["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "never"
    assert log(stack).count(f"Photo {record['media_key']} failed") == 3
    assert stored(stack, good["media_key"])
    system.admin("x").post("faults", {"kind": "reset"})


def test_a_hostile_address_reaches_nobody(stack: Stack) -> None:
    prefix = stack.aws.client("lambda").get_function_configuration(
        FunctionName=stack.resource("TwitterLambdaFunction")
    )["Environment"]["Variables"]["PHOTO_URL_PREFIX"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        table = addresses(prefix, listener.getsockname()[1])
        posts = {f"hostile_{number}": url for number, url in enumerate(table)}
        lines = [json.dumps({"media_key": key, "url": url}) for key, url in posts.items()]
        put(stack, "\n".join(lines), "firehose/hostile")
        wait_until(lambda: f"{{'rejected': {len(table)}}}" in log(stack))
        with pytest.raises(BlockingIOError):  # nobody has connected
            listener.accept()
    rows = stack.aws.client("dynamodb").scan(TableName=stack.resource("PostsTable"))["Items"]
    assert not posts.keys() & {row["media_key"]["S"] for row in rows}
