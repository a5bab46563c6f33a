"""Posts of X, and the lines of them that arrive in Firehose."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from streamer.fakes import MIB, FakeFirehose, FakeX
from streamer.harness import FIELDS, Streamer, a_post, play
from support import wait_until


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
        wait_until(lambda: len(firehose.taken) == 10)
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
        wait_until(lambda: len(firehose.taken) == len(GARBAGE))
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
        assert streamer.finish() == 0
    assert firehose.posts() == list(numbers)
    assert len(firehose.calls) <= 20_000 / 500 + 5
    assert max(b"".join(call).count(b"\n") for call in firehose.calls) >= 500


def test_a_post_at_rest_is_sent_without_another_one(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        for number in range(1, 6):
            x.send(a_post(number))
            wait_until(lambda: len(firehose.taken) == number)  # noqa: B023 - called at once
        assert streamer.finish(signal.SIGTERM) == 0
    assert firehose.posts() == [1, 2, 3, 4, 5]
