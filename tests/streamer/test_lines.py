"""The lines of X's stream, and what becomes of them, in this process."""

from __future__ import annotations

from typing import Any

import pytest

from firehose_producer import Buffer, StreamingError
from streamer.harness import a_post
from twitter_streaming import extract_photos, fill, handle_line

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", ""),
        (b" \r\n", ""),
        (b": keep-alive", ""),
        (
            b'{"errors": [{"title": "a", "detail": "b"}, {"title": "c"}]}',
            "X says: a: b\nX says: c: None\n",
        ),
        (b'{"title": "a", "detail": "b"}', "X says: a: b\n"),
        (b"garbage", "A line of the stream could not be read (JSONDecodeError); going on.\n"),
        (b"{}", "A line of the stream could not be read (KeyError); going on.\n"),
        (b"[1]", "A line of the stream could not be read (AttributeError); going on.\n"),
    ],
)
def test_a_line_that_is_no_post(line: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    buffer = Buffer()
    handle_line(line, buffer)
    assert capsys.readouterr().out == said
    assert buffer.counts == ({"unreadable": 1} if "could not be read" in said else {})


def test_all_unreadable_lines_are_counted() -> None:
    buffer = Buffer()
    for line in (b"garbage", b"{", b'{"data": 1}'):
        handle_line(line, buffer)
    assert buffer.counts == {"unreadable": 3}


def test_a_post_as_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    buffer = Buffer()
    handle_line(b'data: {"data": {"id": "1"}}\n', buffer)
    assert (buffer.counts, capsys.readouterr().out) == ({"posts": 1, "photos": 0, "skipped": 1}, "")


def test_the_photos_of_a_post() -> None:
    message = a_post(1, "photo", "video", text="x" * 80_001)
    (photo,) = extract_photos(message)
    assert photo == {
        "media_key": "3_10",
        "url": "https://pbs.example/1-0.jpg",
        "post_id": "1",
        "username": "ada",
        "text": "x" * 80_000,
        "created_at": "2026-03-01T12:00:00.000Z",
    }


def test_the_text_is_the_whole_one_and_not_escaped() -> None:
    (short,) = extract_photos(a_post(1, text="a &amp; b"))
    (long,) = extract_photos(a_post(1, text="a &lt; …", note_tweet={"text": "a &lt; b &gt; c"}))
    assert (short["text"], long["text"]) == ("a & b", "a < b > c")


def test_what_a_post_lacks_is_empty() -> None:
    post = {"id": "1", "attachments": {"media_keys": ["3_1", "3_2", "3_3"]}}
    media = [
        {"media_key": "3_1", "type": "photo", "url": "u"},
        {"media_key": "3_2", "type": "photo"},
    ]
    message = {"data": post, "includes": {"media": media, "users": [{"id": "42"}]}}
    empty = dict.fromkeys(("username", "text", "created_at"), "")
    expected = [{"media_key": "3_1", "url": "u", "post_id": "1"} | empty]
    assert extract_photos(message) == expected
    assert (
        extract_photos({"data": post | {"author_id": "42"}} | {"includes": message["includes"]})
        == expected
    )
    assert extract_photos({"data": post}) == []
    assert extract_photos({"data": {"id": "1"}}) == []


def test_all_lines_are_handled_and_then_the_buffer_is_closed() -> None:
    buffer, error = Buffer(), StreamingError("no")

    def lines() -> Any:
        yield b'{"data": {"id": "1"}}'
        raise error

    fill([b'{"data": {"id": "1"}}'] * 2, buffer)
    assert (buffer.counts["posts"], buffer.error) == (2, None)
    assert buffer.closed_at
    buffer = Buffer()
    fill(lines(), buffer)
    assert (buffer.counts["posts"], buffer.error) == (1, error)
    assert buffer.closed_at
