"""Uploads and posts, and what is stored of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from emulators.x.harness import Server
from kit.emulators.x.posts import Media
from kit.emulators.x.store import Store


@pytest.mark.parametrize(
    "body", [{"media": {"media_ids": ["1"]}}, {"media": 1}, {"emulator": 1}, []]
)
def test_an_impossible_post_is_refused(x: Server, body: Any) -> None:
    answer = x.client.session.post(x.url + "/2/tweets", json=body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


@pytest.mark.parametrize(
    "body",
    [
        '{"text": "half \\ud83d"}',
        '{"text": "x", "emulator": {"username": "\\udc00"}}',
        '{"media": {"media_ids": [NaN]}}',
        "[" * 100_000,
        '{"text": ' + "[" * 100_000,
        b'{"text": "\xff"}',
    ],
    ids=["half an emoji", "half a name", "not a number", "deep", "deep text", "not UTF-8"],
)
def test_a_post_that_could_not_be_sent_on_is_refused(x: Server, body: str | bytes) -> None:
    before = x.admin.get("posts")
    answer = x.client.session.post(x.url + "/2/tweets", data=body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")
    assert x.admin.get("posts") == before


@pytest.mark.unit
def test_a_journal_that_was_cut_off_loses_its_last_line_only(tmp_path: Path) -> None:
    store = Store(tmp_path, "http://127.0.0.1:1")
    for number in "123":
        store.add_media(Media(number, "photo", f"{number}.jpg"))
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])  # as when the computer went down
    again = Store(tmp_path, "http://127.0.0.1:1")
    again.add_media(Media("4", "photo", "4.jpg"))
    assert list(Store(tmp_path, "http://127.0.0.1:1").media) == ["1", "2", "4"]


def test_a_post_that_cannot_be_saved_is_refused(x: Server) -> None:
    before = x.admin.get("posts")
    journal, aside = x.log.parent / "photos" / "journal.jsonl", x.log.parent / "aside"
    journal.rename(aside)
    journal.mkdir()  # as if the disk were full
    answer = x.client.session.post(x.url + "/2/tweets", json={"text": "hello"})
    assert (answer.status_code, answer.json()["detail"]) == (
        *(500, "it cannot be saved: Is a directory."),
    )
    assert x.admin.get("posts") == before
    journal.rmdir()
    aside.rename(journal)
    x.client.post("hello again")


@pytest.mark.parametrize("limit", ["x", "-1", ""])
def test_an_impossible_limit_is_refused(x: Server, limit: str) -> None:
    assert x.admin.session.get(f"{x.admin.url}posts?limit={limit}").status_code == 400


def test_five_photos_are_too_many(x: Server) -> None:
    photo = x.client.upload(b"x")
    with pytest.raises(requests.HTTPError, match="400"):
        x.client.post("", [photo] * 5)


def test_an_upload_over_32_mib_is_refused(x: Server) -> None:
    with pytest.raises(requests.HTTPError, match="413"):
        x.client.upload(bytes(32 * 2**20 + 1))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b"a photo"),
        ("image/jpeg", b"a photo"),
        ("multipart/form-data", b"a photo"),
        ("multipart/form-data; boundary=b", b"a photo"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disp"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\na photo\r\n--b--\r\n"),
        ("application/x-www-form-urlencoded", b"media=a+photo"),
    ],
)
def test_a_malformed_upload_is_refused(x: Server, content_type: str, body: bytes) -> None:
    headers = {"Content-Type": content_type}
    answer = x.client.session.post(x.url + "/2/media/upload", data=body, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


def test_an_upload_has_the_field_media(x: Server) -> None:
    url = x.url + "/2/media/upload"
    files = {"media": b"a photo", "media_category": b"tweet_image"}
    assert x.client.session.post(url, files=files).json()["data"]["size"] == len(b"a photo")
    answer = x.client.session.post(url, files={"photo": b"a photo"})
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


def test_the_timeline_begins_with_the_newest(x: Server) -> None:
    x.client.post("older")
    x.client.post("newer")
    assert [post["text"] for post in x.admin.get("posts")[:2]] == ["newer", "older"]
