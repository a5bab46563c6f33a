"""The emulated X, spoken to over HTTP as its clients do, with requests and with tweepy."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import tweepy
from PIL import Image
from requests.adapters import HTTPAdapter

from kit.emulators.x.posts import Media, Post
from kit.emulators.x.rules import InvalidRule, compile_rule
from kit.emulators.x.store import Store
from kit.processes import free_port
from kit.x_client import XClient

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
KEYS = {
    "TWITTER_CONSUMER_KEY": "ck-1b2f",
    "TWITTER_CONSUMER_SECRET": "cs-93aa/+=",
    "TWITTER_TOKEN": "ut-77c0",
    "TWITTER_TOKEN_SECRET": "us-4e21",
}
RULES = "/2/tweets/search/stream/rules"
EXPAND = {"expansions": "attachments.media_keys,author_id", "media.fields": "url,type"}
LARGE = {"format": "jpg", "name": "large"}


def eventually(check: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Return what `check` returns as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return result


class Server:
    """A running emulated X and what the tests want from it."""

    def __init__(self, folder: Path, keep_alive: float) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "x.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "kit.emulators.x", f"--port={port}"),
                    *(f"--keep-alive={keep_alive}", f"--photos={folder / 'photos'}"),
                    "--search-delay=1",
                ],
                env=os.environ | KEYS | {"PYTHONPATH": str(SCRIPTS)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.client = XClient(self.url, KEYS["TWITTER_CONSUMER_KEY"], KEYS["TWITTER_TOKEN"])
        self.app = requests.Session()
        self.app.trust_env = False
        eventually(self.is_ready, 10)
        answer = self.app.post(
            self.url + "/oauth2/token",
            auth=(KEYS["TWITTER_CONSUMER_KEY"], "cs-93aa%2F%2B%3D"),
            data={"grant_type": "client_credentials"},
        )
        assert answer.json()["token_type"] == "bearer"
        self.bearer = answer.json()["access_token"]
        self.app.headers["Authorization"] = f"Bearer {self.bearer}"

    def is_ready(self) -> bool:
        try:
            return self.app.get(self.url + "/_workshop/ready").status_code == 200
        except requests.ConnectionError:
            return False

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return self.app.get(self.url + path, timeout=5, **arguments)

    def rules(self, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.post(self.url + RULES, json=body).json()
        return answer

    def fault(self, **fault: Any) -> None:
        assert self.app.post(self.url + "/_workshop/faults", json=fault).status_code == 204

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self.get("/_workshop/stats").json()
        return stats

    def reset(self) -> None:
        """No rules, no faults, nobody connected."""
        self.fault(kind="reset")
        self.fault(kind="disconnect")
        rules = self.get(RULES).json().get("data", [])
        self.rules(delete={"ids": [rule["id"] for rule in rules]})
        eventually(lambda: not self.stats()["connected"])

    def photo_url(self, data: bytes) -> str:
        """Post a photo and return where it can be downloaded."""
        self.client.post("a photo", [self.client.upload(data)])
        url: str = self.get("/_workshop/posts").json()[0]["media"][0]["url"]
        return url

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("x"), keep_alive=0.3)
    yield server
    server.stop()


@pytest.fixture
def x(running: Server) -> Server:
    running.reset()
    return running


@pytest.fixture
def stream(x: Server) -> Iterator[Iterator[bytes]]:
    """The lines of a stream with the rule from:learner; keep-alives are empty lines."""
    x.rules(add=[{"value": "from:learner", "tag": "mine"}])
    with x.get("/2/tweets/search/stream", params=EXPAND, stream=True) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines(chunk_size=1)


def next_post(lines: Iterator[bytes]) -> dict[str, Any]:
    post: dict[str, Any] = json.loads(next(line for line in lines if line))
    return post


def picture(kind: str, size: tuple[int, int], orientation: int = 1) -> bytes:
    """A picture, red above and blue below."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0], size[1] // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    image.save(data, kind, exif=exif)
    return data.getvalue()


# Who is asking?


@pytest.mark.parametrize(
    "auth", [None, ("ck-1b2f", "wrong"), ("wrong", "cs-93aa%2F%2B%3D"), ("ck-1b2f", "")]
)
def test_wrong_consumer_keys_get_no_token(x: Server, auth: tuple[str, str] | None) -> None:
    data = {"grant_type": "client_credentials"}
    answer = requests.post(x.url + "/oauth2/token", auth=auth, data=data, timeout=5)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == 99


def test_users_me_needs_the_keys_of_a_user(x: Server) -> None:
    me = x.client.session.get(x.url + "/2/users/me")
    assert me.json()["data"] == {
        "id": me.json()["data"]["id"],
        "name": "learner",
        "username": "learner",
    }
    assert re.fullmatch(r"\d{19}", me.json()["data"]["id"])
    app_only = x.get("/2/users/me")
    assert app_only.status_code == 403
    assert app_only.json()["type"].endswith("/unsupported-authentication")
    assert requests.get(x.url + "/2/users/me", timeout=5).status_code == 401
    stranger = XClient(x.url, "ck-1b2f", "another token")
    assert stranger.session.get(x.url + "/2/users/me").status_code == 401


@pytest.mark.parametrize("path", [RULES, "/2/tweets/search/stream"])
def test_a_wrong_bearer_token_is_refused(x: Server, path: str) -> None:
    answer = requests.get(x.url + path, headers={"Authorization": "Bearer no"}, timeout=5)
    assert answer.status_code == 401
    assert answer.json()["title"] == "Unauthorized"


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("127.0.0.1:80", 200), ("evil.example", 421)]
)
def test_only_local_host_names_are_answered(x: Server, host: str, status: int) -> None:
    assert x.get("/_workshop/ready", headers={"Host": host}).status_code == status


# Rules


def test_rules_are_added_listed_and_deleted(x: Server) -> None:
    added = x.rules(add=[{"value": "cat", "tag": "pets"}, {"value": "dog"}])
    assert added["meta"]["summary"] == {"created": 2, "not_created": 0, "valid": 2, "invalid": 0}
    assert "errors" not in added
    assert [rule.get("tag") for rule in added["data"]] == ["pets", None]
    listed = x.get(RULES).json()
    assert listed["data"] == added["data"]
    assert listed["meta"]["result_count"] == 2
    deleted = x.rules(delete={"ids": [added["data"][0]["id"]], "values": ["bird"]})
    assert deleted["meta"]["summary"] == {"deleted": 1, "not_deleted": 1}
    x.rules(delete={"values": ["dog"]})
    assert "data" not in x.get(RULES).json()


def test_duplicate_and_invalid_rules_are_refused_one_by_one(x: Server) -> None:
    first = x.rules(add=[{"value": "cat"}])["data"][0]
    answer = x.rules(add=[{"value": "cat", "tag": "x"}, {"value": "point_radius:[1 2 3km]"}])
    assert answer["meta"]["summary"] == {"created": 0, "not_created": 2, "valid": 0, "invalid": 2}
    duplicate, invalid = answer["errors"]
    assert (duplicate["title"], duplicate["id"]) == ("DuplicateRule", first["id"])
    assert invalid["type"].endswith("/invalid-rules")
    assert "point_radius" in invalid["details"][0]


def test_dry_run_changes_nothing(x: Server) -> None:
    added = x.app.post(x.url + RULES + "?dry_run=true", json={"add": [{"value": "cat"}]})
    assert added.status_code == 201
    assert "data" not in x.get(RULES).json()


@pytest.mark.parametrize("body", ["[]", "no json", "{}", '{"add": [{}]}', '{"delete": 1}'])
def test_a_body_of_another_shape_is_an_invalid_request(x: Server, body: str) -> None:
    answer = x.app.post(x.url + RULES, data=body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


PHOTO, VIDEO = Media("1", "photo", "a.jpg"), Media("2", "video")


def a_post(text: str = "", *media: Media, **fields: Any) -> Post:
    return Post("9", text, "42", "Ada", "2026-03-01T12:00:00.000Z", list(media), **fields)


@pytest.mark.parametrize(
    ("rule", "post", "expected"),
    [
        ("from:ada", a_post(), True),
        ("from:42", a_post(), True),
        ("from:ad", a_post(), False),
        ("from:ada has:images -is:retweet", a_post("", PHOTO), True),
        ("from:ada has:images -is:retweet", a_post("", PHOTO, retweet=True), False),
        ("from:ada has:images", a_post("", VIDEO), False),
        ("from:ada has:media", a_post("", VIDEO), True),
        ("from:ada has:videos", a_post("", PHOTO), False),
        ("from:ada has:links", a_post("see https://a.example"), True),
        ("from:ada has:links", a_post("see a.example"), False),
        ("from:ada is:reply", a_post(reply=True), True),
        ("from:ada lang:de", a_post(lang="de"), True),
        ("from:ada lang:de", a_post(), False),
        ("cat", a_post("My CAT!"), True),
        ("cat", a_post("category"), False),
        ('"red cat"', a_post("a red cat"), True),
        ('"red cat"', a_post("a cat, red"), False),
        ("red cat", a_post("a cat, red"), True),
        ('"coca cola"', a_post("I like Coca-Cola"), True),
        ("😃", a_post("hi 😃"), True),
        ("#cat", a_post("a #Cat"), True),
        ("#cat", a_post("a #cats cat"), False),
        ("@bob", a_post("hi @Bob!"), True),
        ("@bob", a_post("a@bob.example"), False),
        ("cat OR dog", a_post("dog"), True),
        ("cat OR dog bird", a_post("cat"), True),
        ("(cat OR dog) bird", a_post("cat"), False),
        ("(cat OR dog) -bird", a_post("dog"), True),
        ('cat -"red cat"', a_post("a red cat"), False),
    ],
)
def test_rules_match_as_on_x(rule: str, post: Post, expected: bool) -> None:
    assert compile_rule(rule)(post) is expected


@pytest.mark.parametrize(
    "rule",
    [
        *("", "has:images", "-cat", "cat OR has:media", "-is:retweet"),
        *("from:", "from:a-b", "cat is:cute", "has:cats cat", "url:x", "$twtr", "cat*"),
        *("coca-cola", '"!"', '"cat', '"cat dog"~3', "(cat", "cat)", "()"),
        *("cat OR", "OR cat", "cat AND dog", "cat or dog", "cat -(bird OR dog)", "cat -"),
        *("c" * 1025, "(" * 200 + "cat" + ")" * 200),
    ],
)
def test_what_x_would_refuse_is_refused(rule: str) -> None:
    with pytest.raises(InvalidRule):
        compile_rule(rule)


# The stream


def test_a_post_arrives_with_what_was_asked_for(x: Server, stream: Iterator[bytes]) -> None:
    media_id = x.client.upload(picture("JPEG", (60, 40)))
    post_id = x.client.post("look", [media_id])
    received = next_post(stream)
    [media] = received["includes"].pop("media")
    [user] = received["includes"].pop("users")
    [rule] = received.pop("matching_rules")
    assert received == {
        "data": {
            "id": post_id,
            "text": "look",
            "edit_history_tweet_ids": [post_id],
            "author_id": user["id"],
            "attachments": {"media_keys": [f"3_{media_id}"]},
        },
        "includes": {},
    }
    assert media.keys() == {"media_key", "type", "url"}
    assert (media["media_key"], media["type"]) == (f"3_{media_id}", "photo")
    assert re.fullmatch(rf"{x.url}/media/[\w-]{{15}}\.jpg", media["url"])
    assert user["username"] == "learner"
    assert (rule["tag"], rule.keys()) == ("mine", {"id", "tag"})


def test_fields_that_were_not_asked_for_are_left_out(x: Server) -> None:
    x.rules(add=[{"value": "from:learner"}])
    photo = x.client.upload(b"x")
    with x.get("/2/tweets/search/stream?tweet.fields=created_at", stream=True) as answer:
        x.client.post("plain", [photo], created_at="2026-03-01T12:00:00.000Z")
        received = next_post(answer.iter_lines(chunk_size=1))
    assert received.keys() == {"data", "matching_rules"}
    assert received["data"].keys() == {"id", "text", "edit_history_tweet_ids", "created_at"}
    assert received["data"]["created_at"] == "2026-03-01T12:00:00.000Z"
    assert received["matching_rules"][0].keys() == {"id"}


def test_a_photo_has_no_url_unless_it_was_asked_for(x: Server) -> None:
    x.rules(add=[{"value": "from:learner"}])
    path = "/2/tweets/search/stream?expansions=attachments.media_keys"
    with x.get(path, stream=True) as answer:
        x.client.post("", [x.client.upload(b"x")])
        received = next_post(answer.iter_lines(chunk_size=1))
    assert received["data"].keys() >= {"attachments"}
    assert received["includes"].keys() == {"media"}
    assert received["includes"]["media"][0].keys() == {"media_key", "type"}


def test_a_video_has_no_url_and_others_posts_do_not_match(
    x: Server, stream: Iterator[bytes]
) -> None:
    x.client.post("not mine", username="somebody")
    photo = x.client.upload(b"x")
    x.client.post("mine", [photo], video=True)
    received = next_post(stream)
    assert received["data"]["text"] == "mine"
    assert [("url" in media, media["type"]) for media in received["includes"]["media"]] == [
        (True, "photo"),
        (False, "video"),
    ]


def test_a_post_nobody_waits_for_is_not_delivered_later(x: Server) -> None:
    x.rules(add=[{"value": "from:learner"}])
    x.client.post("too early")
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        x.client.post("in time")
        assert next_post(answer.iter_lines(chunk_size=1))["data"]["text"] == "in time"


def test_what_nobody_waited_for_is_found_by_the_search(x: Server) -> None:
    photo = x.client.upload(b"x")
    first, *posted = [x.client.post("Find me", [photo]) for _ in range(13)]
    x.client.post("no picture")
    x.client.post("Find me", [photo], username="somebody")

    def pages(**more: str) -> list[dict[str, Any]]:
        query = {"query": "from:learner has:images", "since_id": first} | EXPAND | more
        answers = [x.get("/2/tweets/search/recent", params=query).json()]
        while token := answers[-1]["meta"].get("next_token"):
            answer = x.get("/2/tweets/search/recent", params=query | {"next_token": token})
            answers.append(answer.json())
        return answers

    def ids() -> list[str]:
        return [post["id"] for page in pages() for post in page.get("data", [])]

    assert ids() == []  # not yet
    eventually(lambda: ids() == posted[::-1])
    assert [page["meta"]["result_count"] for page in pages()] == [10, 2]
    (page,) = pages(max_results="100")
    assert page["includes"]["users"] == [x.get("/_workshop/posts").json()[1]["user"]]
    assert page["includes"]["media"][0]["url"].startswith(f"{x.url}/media/")
    assert page["data"][0]["attachments"] == {"media_keys": [f"3_{photo}"]}
    wrong: list[dict[str, str]] = [{}, {"query": "nonsense:1"}]
    wrong.append({"query": "from:learner", "since_id": "yesterday"})
    for query in wrong:
        assert x.get("/2/tweets/search/recent", params=query).status_code == 400


@pytest.mark.parametrize(
    ("fault", "complete"),
    [({"body": "truncated"}, False), ({"body": "page"}, True), ({"delay": 0.1}, True)],
)
def test_a_photo_host_has_bad_days(x: Server, fault: dict[str, Any], complete: bool) -> None:
    x.client.post("x", [x.client.upload(b"any bytes")])
    url = x.get("/_workshop/posts").json()[0]["media"][0]["url"]
    x.fault(kind="photo", name=url.rpartition("/")[2], **fault)
    if not complete:
        with pytest.raises(requests.RequestException):
            x.app.get(url, timeout=5)
    else:
        answer = x.app.get(url, timeout=5)
        assert ("text/html" in answer.headers["content-type"]) == ("body" in fault)
    assert x.app.get(url, timeout=5).content == b"any bytes"


def test_an_endless_photo_and_another_s_name(x: Server) -> None:
    x.client.post("x", [x.client.upload(b"any bytes")])
    url = x.get("/_workshop/posts").json()[0]["media"][0]["url"]
    prefix, _, name = url.rpartition("/")
    x.fault(kind="photo", name=name, body="endless")
    with x.app.get(url, timeout=5, stream=True) as answer:
        assert len(answer.raw.read(20 << 20)) == 20 << 20
    x.fault(kind="photo", name="a b ü.jpg", serve=name)
    assert x.app.get(f"{prefix}/a b ü.jpg", timeout=5).content == b"any bytes"


def test_the_same_photo_can_be_posted_twice(x: Server, stream: Iterator[bytes]) -> None:
    photo = x.client.upload(b"x")
    x.client.post("one", [photo])
    x.client.post("two", [photo])
    first, second = next_post(stream), next_post(stream)
    assert first["includes"]["media"] == second["includes"]["media"]
    assert first["data"]["id"] != second["data"]["id"]


def test_keep_alives_are_empty_lines(stream: Iterator[bytes]) -> None:
    begin = time.monotonic()
    assert next(stream) == b""
    assert 0.2 < time.monotonic() - begin < 2


@pytest.mark.usefixtures("stream")
def test_a_second_connection_is_refused(x: Server) -> None:
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 429
        assert answer.json()["title"] == "ConnectionException"
        assert answer.json()["connection_issue"] == "TooManyConnections"


def test_a_closed_connection_makes_place(x: Server) -> None:
    x.rules(add=[{"value": "from:learner"}])
    x.get("/2/tweets/search/stream", stream=True).close()
    eventually(lambda: not x.stats()["connected"])
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 200


def test_without_rules_there_is_no_stream(x: Server) -> None:
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 409
        assert answer.json()["connection_issue"] == "RuleConfigurationIssue"


def test_the_51st_connect_in_15_minutes_is_refused(x: Server) -> None:
    for _ in range(50):
        assert x.get("/2/tweets/search/stream").status_code == 409
    answer = x.get("/2/tweets/search/stream")
    assert (answer.status_code, answer.json()["title"]) == (429, "Too Many Requests")


# Posts


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
    before = x.get("/_workshop/posts").json()
    answer = x.client.session.post(x.url + "/2/tweets", data=body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")
    assert x.get("/_workshop/posts").json() == before


def test_a_journal_that_was_cut_off_loses_its_last_line_only(tmp_path: Path) -> None:
    store = Store(tmp_path, "http://127.0.0.1:1")
    for number in "123":
        store.add_media(Media(number, "photo", f"{number}.jpg"))
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])  # as when the computer went down
    again = Store(tmp_path, "http://127.0.0.1:1")
    again.add_media(Media("4", "photo", "4.jpg"))
    assert list(Store(tmp_path, "http://127.0.0.1:1").media) == ["1", "2", "4"]


@pytest.mark.parametrize("limit", ["x", "-1", ""])
def test_an_impossible_limit_is_refused(x: Server, limit: str) -> None:
    assert x.get(f"/_workshop/posts?limit={limit}").status_code == 400


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


def test_posting_needs_the_keys_of_a_user(x: Server) -> None:
    assert x.app.post(x.url + "/2/tweets", json={"text": "no"}).status_code == 403
    assert requests.post(x.url + "/2/media/upload", timeout=5).status_code == 401


def test_the_timeline_begins_with_the_newest(x: Server) -> None:
    x.client.post("older")
    x.client.post("newer")
    assert [post["text"] for post in x.get("/_workshop/posts").json()[:2]] == ["newer", "older"]


# The photo host


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (picture("JPEG", (4000, 1000), orientation=6), (512, 2048)),
        (picture("PNG", (4000, 1000), orientation=8), (512, 2048)),
        (picture("PNG", (40, 60)), (40, 60)),
    ],
)
def test_large_and_other_pictures_become_upright_jpegs(
    x: Server, data: bytes, size: tuple[int, int]
) -> None:
    url = x.photo_url(data)
    image = Image.open(io.BytesIO(requests.get(url, LARGE, timeout=5).content))
    assert (image.format, image.size) == ("JPEG", size)
    assert image.getexif().get(0x0112, 1) == 1
    assert requests.get(url, timeout=5).content == data


def test_turning_a_picture_turns_what_it_shows(x: Server) -> None:
    url = x.photo_url(picture("JPEG", (3000, 3000), orientation=6))
    image = Image.open(io.BytesIO(requests.get(url, LARGE, timeout=5).content)).convert("RGB")
    assert image.size == (2048, 2048)
    left, right = image.getpixel((100, 1000)), image.getpixel((1948, 1000))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[2] > 200 > right[2]  # "6" means: turn clockwise, so red is on the right
    assert right[0] > 200 > left[0]


SMALL = picture("JPEG", (2048, 100), orientation=6)
BIG = picture("PNG", (4000, 3000))


@pytest.mark.parametrize(
    "data",
    [
        *(SMALL, SMALL[:500], b"this is text", b"", BIG[: len(BIG) // 2]),
        *(picture("PNG", (7100, 7100)), BIG + bytes(19 * 2**20)),
    ],
    ids=["small", "cut small", "text", "empty", "cut big", "50.4 megapixels", "over 19 MiB"],
)
def test_what_cannot_or_need_not_be_converted_is_served_as_it_is(x: Server, data: bytes) -> None:
    assert requests.get(x.photo_url(data), LARGE, timeout=5).content == data


def test_an_unknown_photo_is_not_found(x: Server) -> None:
    assert x.get("/media/nothing.jpg").status_code == 404
    assert x.get("/media/..%2Fx.log").status_code == 404


def test_photo_faults_hit_one_name_and_end(x: Server) -> None:
    url, other = x.photo_url(b"one"), x.photo_url(b"two")
    x.fault(kind="photo", name=url.rsplit("/", 1)[1], status=503)
    assert requests.get(other, timeout=5).status_code == 200
    assert requests.get(url, timeout=5).status_code == 503
    served = x.stats()["photos_served"]
    assert requests.get(url, timeout=5).content == b"one"
    assert x.stats()["photos_served"] == served + 1
    x.fault(kind="photo", name="*", status=302, times=2)
    redirect = requests.get(url, allow_redirects=False, timeout=5)
    assert (redirect.status_code, "location" in redirect.headers) == (302, True)
    assert x.app.delete(x.url + "/_workshop/faults").status_code == 204
    assert requests.get(url, timeout=5).status_code == 200


def test_a_photo_can_be_slow(x: Server) -> None:
    url = x.photo_url(b"slow")
    x.fault(kind="photo", name="*", delay=0.3)
    begin = time.monotonic()
    assert requests.get(url, timeout=5).content == b"slow"
    assert time.monotonic() - begin >= 0.3


# Faults of the stream


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
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 200


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
        x.fault(kind="cut")
        x.client.post("half")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            received.extend(answer.iter_content(1))
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
    assert x.app.post(x.url + "/_workshop/faults", json={"kind": "no"}).status_code == 400


# tweepy, which knows only https://api.twitter.com


class ToEmulator(HTTPAdapter):
    """Sends requests for https://api.twitter.com to the emulated X."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        assert request.url
        request.url = request.url.replace("https://api.twitter.com", self.url)
        return super().send(request, *args, **kwargs)


class Listener(tweepy.StreamingClient):  # tweepy has no type hints
    """Collects what arrives, and stops after the first post."""

    def __init__(self, x: Server) -> None:
        super().__init__(x.bearer, max_retries=0)
        self.session.trust_env = False
        self.session.mount("https://api.twitter.com", ToEmulator(x.url))
        self.x = x
        self.problem: BaseException | None = None
        self.received: list[Any] = []

    def on_connect(self) -> None:
        self.x.client.post("for tweepy", [self.x.client.upload(b"x")])

    def on_response(self, response: Any) -> None:
        self.received.append(response)
        self.disconnect()

    def on_exception(self, exception: BaseException) -> None:
        self.problem = exception


def test_tweepy_streams_a_post_with_its_photo(x: Server) -> None:
    listener = Listener(x)
    added = listener.add_rules(tweepy.StreamRule("from:learner has:images", tag="mine"))
    assert added.data[0].value == "from:learner has:images"
    assert listener.get_rules().data == added.data
    listener.filter(expansions=["attachments.media_keys", "author_id"], media_fields=["url"])
    assert listener.problem is None
    [response] = listener.received
    assert response.data.text == "for tweepy"
    assert response.includes["media"][0].url.startswith(x.url)
    assert response.matching_rules[0].tag == "mine"
    assert listener.delete_rules(added.data[0].id).meta["summary"]["deleted"] == 1


def test_tweepy_finds_out_who_the_user_is(x: Server) -> None:
    names = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
    client = tweepy.Client(**dict(zip(names, KEYS.values(), strict=True)))
    client.session.mount("https://api.twitter.com", ToEmulator(x.url))
    client.session.trust_env = False
    assert client.get_me().data.username == "learner"
    assert client.create_tweet(text="by tweepy").data["text"] == "by tweepy"


# The process


@pytest.mark.parametrize("way", ["SIGTERM", "the parent is gone"])
def test_it_ends_at_once_with_a_stream_open(tmp_path: Path, way: str) -> None:
    server = Server(tmp_path, keep_alive=20)
    server.rules(add=[{"value": "cat"}])
    with server.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 200
        begin = time.monotonic()
        if way == "SIGTERM":
            server.process.terminate()
        else:
            assert server.process.stdin
            server.process.stdin.close()
        server.process.wait(5)
    assert time.monotonic() - begin < 1.5
    assert server.log.read_text() == ""


def test_no_key_is_ever_in_the_output(x: Server) -> None:
    x.app.post(x.url + RULES, data="no json")
    output = x.log.read_text()
    assert [name for name, key in KEYS.items() if key in output] == []
    assert x.bearer not in output
    assert "Traceback" not in output
