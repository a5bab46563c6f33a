"""The filtered stream and the search for recent posts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import tweepy
from requests.adapters import HTTPAdapter

from emulators.x.harness import EXPAND, KEYS, Server, next_post, picture
from support import wait_until


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
        fields = {"tweet.fields": "attachments"}
        query = {"query": "from:learner has:images", "since_id": first} | EXPAND | fields | more
        answers = [x.get("/2/tweets/search/recent", params=query).json()]
        while token := answers[-1]["meta"].get("next_token"):
            answer = x.get("/2/tweets/search/recent", params=query | {"next_token": token})
            answers.append(answer.json())
        return answers

    def ids() -> list[str]:
        return [post["id"] for page in pages() for post in page.get("data", [])]

    assert ids() == []  # not yet
    wait_until(lambda: ids() == posted[::-1])
    assert [page["meta"]["result_count"] for page in pages()] == [10, 2]
    (page,) = pages(max_results="100")
    assert page["includes"]["users"] == [x.admin.get("posts")[1]["user"]]
    assert page["includes"]["media"][0]["url"].startswith(f"{x.url}/media/")
    assert page["data"][0]["attachments"] == {"media_keys": [f"3_{photo}"]}
    wrong: list[dict[str, str]] = [{}, {"query": "nonsense:1"}]
    wrong.append({"query": "from:learner", "since_id": "yesterday"})
    for query in wrong:
        assert x.get("/2/tweets/search/recent", params=query).status_code == 400


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
    assert time.monotonic() - begin > 0.2


def test_a_second_connection_is_refused_and_the_first_goes_on(
    x: Server, stream: Iterator[bytes]
) -> None:
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 429
        assert answer.json() == {
            "title": "ConnectionException",
            "detail": "This stream is currently at the maximum allowed connection limit.",
            "connection_issue": "TooManyConnections",
            "type": "https://api.twitter.com/2/problems/streaming-connection",
        }
    x.client.post("still here")
    assert next_post(stream)["data"]["text"] == "still here"


def test_texts_are_escaped_as_in_html(x: Server, stream: Iterator[bytes]) -> None:
    identity = x.client.post("""R&D <3 "quotes" 'too' &amp;""")
    escaped = """R&amp;D &lt;3 "quotes" 'too' &amp;amp;"""
    assert next_post(stream)["data"]["text"] == escaped
    query = {"query": "from:learner", "since_id": str(int(identity) - 1)}
    found = wait_until(lambda: x.get("/2/tweets/search/recent", params=query).json().get("data"))
    assert [post["text"] for post in found] == [escaped]


@pytest.mark.parametrize("asked", [True, False])
def test_a_long_text_is_cut_and_the_whole_must_be_asked_for(x: Server, asked: bool) -> None:
    x.rules(add=[{"value": "from:learner"}])
    fields = {"tweet.fields": "note_tweet"} if asked else {}
    with x.get("/2/tweets/search/stream", params=fields, stream=True) as answer:
        lines = answer.iter_lines(chunk_size=1)
        x.client.post("&" * 280)
        assert next_post(lines)["data"].keys() == {"id", "text", "edit_history_tweet_ids"}
        x.client.post("&" * 281)
        post = next_post(lines)["data"]
    assert post["text"] == "&amp;" * 279 + "…"
    assert post.get("note_tweet") == ({"text": "&amp;" * 281} if asked else None)


def test_posts_of_protected_accounts_are_nowhere(x: Server, stream: Iterator[bytes]) -> None:
    first = x.client.post("for followers", protected=True)
    x.client.post("for all")
    assert next_post(stream)["data"]["text"] == "for all"
    query = {"query": "from:learner", "since_id": str(int(first) - 1)}
    found = wait_until(lambda: x.get("/2/tweets/search/recent", params=query).json().get("data"))
    assert [post["text"] for post in found] == ["for all"]


@pytest.mark.parametrize("name", ["tweet.fields", "post.fields"])
def test_the_search_brings_only_fields_that_are_named(x: Server, name: str) -> None:
    identity = x.client.post("Find me", [x.client.upload(b"x")])
    query = {"query": "from:learner", "since_id": str(int(identity) - 1)} | EXPAND

    def search(**more: str) -> Any:
        answer = x.get("/2/tweets/search/recent", params=query | more).json()
        return answer if "data" in answer else None

    answer = wait_until(search)
    assert answer["data"][0].keys() == {"id", "text", "edit_history_tweet_ids"}
    assert answer["includes"].keys() == {"media", "users"}
    answer = search(**{name: "attachments,author_id"})
    assert answer["data"][0]["attachments"]["media_keys"]
    assert answer["data"][0]["author_id"] == answer["includes"]["users"][0]["id"]


def test_a_line_names_the_rules_that_it_fits(x: Server) -> None:
    added = x.rules(
        add=[{"value": "from:learner", "tag": "mine"}, {"value": "cat"}, {"value": "dog"}]
    )
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        x.client.post("a cat")
        rules = next_post(answer.iter_lines(chunk_size=1))["matching_rules"]
    mine, cat, _ = (rule["id"] for rule in added["data"])
    assert rules == [{"id": mine, "tag": "mine"}, {"id": cat}]


def test_a_closed_connection_makes_place(x: Server) -> None:
    x.rules(add=[{"value": "from:learner"}])
    x.get("/2/tweets/search/stream", stream=True).close()
    wait_until(lambda: not x.stats()["connected"])
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 200


def test_without_rules_there_is_no_stream(x: Server) -> None:
    with x.get("/2/tweets/search/stream", stream=True) as answer:
        assert answer.status_code == 409
        assert answer.json()["connection_issue"] == "RuleConfigurationIssue"
        assert "POST /2/tweets/search/stream/rules" in answer.json()["detail"]


def test_the_51st_connect_in_15_minutes_is_refused(x: Server) -> None:
    for _ in range(50):
        assert x.get("/2/tweets/search/stream").status_code == 409
    answer = x.get("/2/tweets/search/stream")
    assert (answer.status_code, answer.json()["title"]) == (429, "Too Many Requests")


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
