"""Failures on purpose, of the stream and of the photo host."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from emulators.x.harness import Server, next_post


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (401, "Unauthorized"),
        (402, "CreditsDepleted"),
        (403, "Client Forbidden"),
        (409, "ConnectionException"),
        (429, "ConnectionException"),
        (503, "Service Unavailable"),
    ],
)
def test_the_next_connects_can_be_refused(x: Server, status: int, title: str) -> None:
    x.rules(add=[{"value": "cat"}])
    x.fault(kind="status", status=status, times=2)
    for _ in range(2):
        with x.get("/2/tweets/search/stream", stream=True) as answer:
            assert answer.status_code == status
            assert answer.json()["title"] == title
        assert x.stats()["refusal"].startswith(str(status))
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 200
        assert x.stats()["refusal"] == ""


def test_disconnect_ends_the_stream_cleanly_and_makes_place(
    x: Server, stream: Iterator[bytes]
) -> None:
    x.fault(kind="disconnect")
    assert len(list(itertools.islice(stream, 5))) < 5  # without an exception
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 200


def test_cut_breaks_the_stream_in_the_middle_of_a_line(x: Server) -> None:
    x.rules(add=[{"value": "from:learner"}])
    received: list[bytes] = []
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        stream = answer.iter_content(1)
        x.fault(kind="cut")
        keep_alives = [next(stream) for _ in "\r\n" * 3]  # these are not cut
        assert b"".join(keep_alives) == b"\r\n" * 3
        x.client.post("half")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            received.extend(stream)
    text = b"".join(received).strip()
    assert text.startswith(b'{"data"')
    assert b"matching_rules" not in text


def test_any_line_can_be_put_into_the_stream(x: Server, stream: Iterator[bytes]) -> None:
    x.fault(kind="line", text="event: {garbage")
    assert next(line for line in stream if line) == b"event: {garbage"


def test_silence_holds_back_posts_and_keep_alives(x: Server, stream: Iterator[bytes]) -> None:
    begin = time.monotonic()
    x.fault(kind="silence", seconds=0.8)
    x.client.post("at last")
    assert next_post(stream)["data"]["text"] == "at last"
    assert time.monotonic() - begin >= 0.75


def test_an_unknown_fault_is_refused(x: Server) -> None:
    assert x.admin.session.post(f"{x.admin.url}faults", json={"kind": "no"}).status_code == 400


def test_photo_faults_hit_one_name_and_end(x: Server) -> None:
    url, other = x.photo_url(b"one"), x.photo_url(b"two")
    x.fault(kind="photo", name=url.rsplit("/", 1)[1], status=503)
    assert requests.get(other, timeout=60).status_code == 200
    assert requests.get(url, timeout=60).status_code == 503
    served = x.stats()["photos_served"]
    assert requests.get(url, timeout=60).content == b"one"
    assert x.stats()["photos_served"] == served + 1
    x.fault(kind="photo", name="*", status=302, times=2)
    redirect = requests.get(url, allow_redirects=False, timeout=60)
    assert (redirect.status_code, "location" in redirect.headers) == (302, True)
    assert x.admin.session.delete(f"{x.admin.url}faults").status_code == 204
    assert requests.get(url, timeout=60).status_code == 200


def test_a_photo_can_be_slow(x: Server) -> None:
    url = x.photo_url(b"slow")
    x.fault(kind="photo", name="*", delay=0.3)
    begin = time.monotonic()
    assert requests.get(url, timeout=60).content == b"slow"
    assert time.monotonic() - begin >= 0.3


@pytest.mark.parametrize(
    ("fault", "complete"),
    [({"body": "truncated"}, False), ({"body": "page"}, True), ({"delay": 0.1}, True)],
)
def test_a_photo_host_has_bad_days(x: Server, fault: dict[str, Any], complete: bool) -> None:
    x.client.post("x", [x.client.upload(b"any bytes")])
    url = x.admin.get("posts")[0]["media"][0]["url"]
    x.fault(kind="photo", name=url.rpartition("/")[2], **fault)
    if not complete:
        with pytest.raises(requests.RequestException):
            x.app.get(url, timeout=60)
    else:
        answer = x.app.get(url, timeout=60)
        assert ("text/html" in answer.headers["content-type"]) == ("body" in fault)
    assert x.app.get(url, timeout=60).content == b"any bytes"


def test_an_endless_photo_and_another_s_name(x: Server) -> None:
    x.client.post("x", [x.client.upload(b"any bytes")])
    url = x.admin.get("posts")[0]["media"][0]["url"]
    prefix, _, name = url.rpartition("/")
    x.fault(kind="photo", name=name, body="endless")
    with x.app.get(url, timeout=60, stream=True) as answer:
        assert len(answer.raw.read(20 << 20)) == 20 << 20
    x.fault(kind="photo", name="a b ü.jpg", serve=name)
    assert x.app.get(f"{prefix}/a b ü.jpg", timeout=60).content == b"any bytes"
