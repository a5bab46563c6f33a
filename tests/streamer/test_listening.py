"""The streamer listens to X, in this process, with a clock of its own."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
import requests

import twitter_streaming
from streamer.fakes import BEARER, FakeX
from streamer.harness import KEYS, a_post
from support.fake_clock import FakeClock

streamer: Any = twitter_streaming  # it is given stand-ins


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    return FakeClock.in_place_of_time(monkeypatch, streamer)


class Thread:
    """A thread that does nothing; it says what it would have done."""

    started: list[tuple[Any, ...]] = []  # noqa: RUF012 - the fixture empties it

    def __init__(self, target: Any, args: list[Any], daemon: bool) -> None:
        self.described = (target, *args, daemon)

    def start(self) -> None:
        self.started.append(self.described)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    Thread.started.clear()
    monkeypatch.setattr(streamer, "Thread", Thread)
    return Thread.started


# --- connections ----------------------------------------------------------------------------------

End = streamer.StreamingError("that was the last connection")


class ScriptedX:
    """An X whose connections go as told, one after the other.

    Args:
        connections: an error that connecting raises; or what comes: lines, errors that break the
            connection, and seconds in which nothing comes.
    """

    rule = "from:ada"

    def __init__(self, clock: FakeClock, *connections: Any, chunked: bool = True) -> None:
        self.clock = clock
        self.connections = iter(connections)
        self.raw = SimpleNamespace(chunked=chunked)
        self.rules_set = 0
        self.asked: list[Any] = []
        self.chunk_sizes: list[int | None] = []

    def set_rule(self) -> list[str]:
        self.rules_set += 1
        return ["1"]

    def get(self, url: str, **options: Any) -> ScriptedX:
        self.asked.append((url, options))
        self.connection = next(self.connections, End)
        if isinstance(self.connection, Exception):
            raise self.connection
        return self

    def __enter__(self) -> ScriptedX:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_lines(self, chunk_size: int | None) -> Iterator[bytes]:
        self.chunk_sizes.append(chunk_size)
        for event in self.connection:
            if isinstance(event, Exception):
                raise event
            if isinstance(event, bytes):
                yield event
            else:
                self.clock.now += event


def listen(x: ScriptedX) -> list[bytes]:
    """What comes from X until the last of its connections."""
    lines: list[bytes] = []
    with pytest.raises(streamer.StreamingError, match="that was the last connection"):
        lines.extend(streamer.listen(x, streamer.Buffer()))
    return lines


def http_error(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


@pytest.mark.parametrize(
    ("connections", "pauses"),
    [
        ([[]] * 9, [0.25, 0.5, 1, 2, 4, 8, 16, 32, 32]),
        ([http_error(503)] * 8, [5, 10, 20, 40, 80, 160, 320, 320]),
        ([http_error(429)] * 5, [60, 120, 240, 320, 320]),
        ([[requests.ConnectionError()], requests.ReadTimeout()], [0.25, 0.5]),
        ([http_error(503), [], http_error(429), []], [5, 10, 60, 32]),
        ([[], [], [60], [60.5], []], [0.25, 0.5, 1, 0.25, 0.5]),
    ],
    ids=["closed", "503", "429", "broken", "mixed", "steady again"],
)
@pytest.mark.usefixtures("threads")
def test_the_pauses_between_connections(
    clock: FakeClock, connections: list[Any], pauses: list[float]
) -> None:
    x = ScriptedX(clock, *connections)
    assert listen(x) == []
    assert clock.pauses == pauses
    assert x.rules_set == len(connections) + 1


@pytest.mark.usefixtures("threads")
def test_all_that_happens_is_said(clock: FakeClock, capsys: pytest.CaptureFixture[str]) -> None:
    broken = [b"1", requests.exceptions.ChunkedEncodingError()]
    x = ScriptedX(clock, [b"a", b"", b"b"], http_error(503), http_error(429), broken)
    assert listen(x) == [b"a", b"b", b"1"]
    assert capsys.readouterr().out.splitlines() == [
        "Connected to X. The rule: from:ada",
        "X closed the stream; connecting again in 0.25 s.",
        "X answered 503; connecting again in 5 s.",
        "X answered 429; connecting again in 60 s.",
        "Connected to X. The rule: from:ada",
        "The connection to X broke (ChunkedEncodingError); connecting again in 32 s.",
    ]


@pytest.mark.usefixtures("threads")
def test_another_copy_that_is_connected_is_named(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    error = http_error(429)
    error.response._content = b'{"connection_issue": "TooManyConnections"}'
    assert listen(ScriptedX(clock, error)) == []
    said = "X answered 429: another copy of this program is connected; stop it"
    assert capsys.readouterr().out == f"{said}; connecting again in 60 s.\n"


@pytest.mark.parametrize(("chunked", "chunk_size"), [(True, None), (False, 1)])
@pytest.mark.usefixtures("threads")
def test_the_stream_is_asked_for_photos_and_read_as_it_comes(
    clock: FakeClock, chunked: bool, chunk_size: int | None
) -> None:
    x = ScriptedX(clock, [b"a"], chunked=chunked)
    listen(x)
    fields = {
        "tweet.fields": "attachments,author_id,created_at,note_tweet",
        "media.fields": "url,type",
        "expansions": "attachments.media_keys,author_id",
    }
    url = "https://api.twitter.com/2/tweets/search/stream"
    assert x.asked[0] == (url, {"params": fields, "stream": True})
    assert x.chunk_sizes == [chunk_size]


def test_each_later_connection_searches_for_what_came_since_the_last_line(
    clock: FakeClock, threads: list[tuple[Any, ...]]
) -> None:
    begin = clock.now
    x = ScriptedX(clock, [10, b"a", 5], [7], http_error(503), [20, b"b", b"c", 1], [])
    buffer = streamer.Buffer()
    with pytest.raises(streamer.StreamingError):
        list(streamer.listen(x, buffer))
    second = begin + 15 + 0.25
    last = second + 7 + 0.5 + 5 + 20  # no line came on the second: it counts from its begin
    times = [begin + 10, second, last]
    assert threads == [(streamer.backfill, x, time, buffer, True) for time in times]


# --- the search -----------------------------------------------------------------------------------


class Search:
    """X's search; it answers page by page, again and again."""

    def __init__(self, *pages: dict[str, Any] | Exception) -> None:
        self.pages = pages
        self.rule = "from:ada"
        self.posts = self
        self.asked: list[Any] = []

    def search_recent_tweets(self, query: str, **options: Any) -> dict[str, Any]:
        page = self.pages[len(self.asked) % len(self.pages)]
        self.asked.append((query, options))
        if isinstance(page, Exception):
            raise page
        return page


@pytest.mark.parametrize(
    ("seconds_ago", "since_ago"), [(60, 70), (599_990, 600_000), (700_000, 600_000)]
)
def test_the_search_brings_the_missed_posts_of_all_pages_twice(
    clock: FakeClock, seconds_ago: int, since_ago: int
) -> None:
    one, two, three = (a_post(number) for number in (1, 2, 3))
    first = {"data": [one["data"], two["data"]], "includes": {}, "meta": {"next_token": "more"}}
    first["includes"] = {"media": one["includes"]["media"] + two["includes"]["media"]}
    second = {"data": [three["data"]], "includes": three["includes"], "meta": {}}
    x, buffer = Search(first, second), streamer.Buffer()
    since = streamer.id_at(clock.now - since_ago)
    streamer.backfill(x, clock.now - seconds_ago, buffer)
    assert clock.pauses == [0, 40]
    options = {
        "since_id": since,
        "tweet_fields": "attachments,author_id,created_at,note_tweet",
        "media_fields": "url,type",
        "expansions": "attachments.media_keys,author_id",
    }
    pages = [("from:ada", options | {"next_token": token}) for token in (None, "more")]
    assert x.asked == pages * 2
    buffer.close()
    text = b"".join(record.data for batch in buffer.batches() for record in batch)
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["post_id"] for line in lines] == ["1", "2", "3"] * 2
    assert [line["username"] for line in lines[:3]] == ["", "", "ada"]


def test_a_search_without_results_adds_and_says_nothing(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    buffer = streamer.Buffer()
    streamer.backfill(Search({"meta": {"result_count": 0}}), clock.now, buffer)
    assert buffer.counts == {}
    assert capsys.readouterr().out == ""


def test_a_search_that_fails_is_said_and_tried_again(
    clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    x = Search(RuntimeError("not in your plan"), {"data": [a_post(1)["data"]], "meta": {}})
    buffer = streamer.Buffer()
    streamer.backfill(x, clock.now, buffer)
    assert capsys.readouterr().out == "The search for missed posts failed: not in your plan\n"
    assert buffer.counts["posts"] == 1


# --- requests to X --------------------------------------------------------------------------------

TOKENS = KEYS | {"TWITTER_BEARER_TOKEN": BEARER}


@pytest.fixture
def fake_x(x: FakeX, monkeypatch: pytest.MonkeyPatch) -> FakeX:
    monkeypatch.setenv("TWITTER_API_URL", f"{x.url}/")
    return x


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests, none of which is really sent; all are answered with 200."""
    monkeypatch.delenv("TWITTER_API_URL", raising=False)
    sent: list[Any] = []

    def request(session: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        sent.append((method, url, args, options))
        return SimpleNamespace(status_code=200, raise_for_status=lambda: None)

    monkeypatch.setattr(requests.Session, "request", request)
    return sent


def test_x_is_asked_at_its_address_and_given_up_after_21_seconds(sent: list[Any]) -> None:
    x = streamer.X(TOKENS, "from:ada")
    x.request("GET", "https://api.twitter.com/2/a", {"b": "c"}, data="d", timeout=None)
    options = {"data": "d", "timeout": 21}
    assert sent == [("GET", "https://api.twitter.com/2/a", ({"b": "c"},), options)]


@pytest.mark.parametrize("address", ["https://x.example/X", "https://x.example/X/"])
def test_x_may_have_another_address(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("TWITTER_API_URL", address)
    streamer.X(TOKENS, "from:ada").get("https://api.twitter.com/2/a")
    assert [url for _, url, *_ in sent] == ["https://x.example/X/2/a"]


def test_a_login_as_the_app_is_a_form(fake_x: FakeX) -> None:
    x = streamer.X(TOKENS | {"TWITTER_BEARER_TOKEN": ""}, "from:ada")
    assert x.headers["Authorization"] == f"Bearer {BEARER}"
    app = f"{KEYS['TWITTER_CONSUMER_KEY']}:{KEYS['TWITTER_CONSUMER_SECRET']}"
    basic = f"Basic {b64encode(app.encode()).decode()}"
    assert fake_x.requests == [("POST", "/oauth2/token", basic)]
    assert fake_x.bodies == [b"grant_type=client_credentials"]


def test_the_default_rule_is_asked_for_as_the_user(fake_x: FakeX) -> None:
    assert streamer.X(TOKENS, None).rule == "from:ada has:images -is:retweet"
    ((method, path, authorization),) = fake_x.requests
    assert (method, path) == ("GET", "/2/users/me")
    assert authorization.startswith("OAuth ")
    for name in ("oauth_consumer_key", "oauth_token", "oauth_signature"):
        assert f'{name}="' in authorization
    assert quote(KEYS["TWITTER_CONSUMER_KEY"], safe="") in authorization
    assert quote(KEYS["TWITTER_TOKEN"], safe="") in authorization


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "it does not understand the request"),
        (401, "the keys are wrong; copy them again from console.x.com"),
        (402, "no credits are left; buy some at console.x.com"),
        (403, "the app may not do this; check it at console.x.com"),
        (404, "this is not X's API; check TWITTER_API_URL"),
    ],
)
def test_an_answer_that_no_retry_changes_says_what_to_do(
    fake_x: FakeX, status: int, message: str
) -> None:
    fake_x.refusals.append((status, {}))
    with pytest.raises(streamer.StreamingError) as raised:
        streamer.X(TOKENS, "from:ada").get(f"{streamer.X_URL}/2/tweets/search/stream")
    assert str(raised.value) == f"X answered {status}: {message}"


@pytest.mark.parametrize("status", [409, 429, 503])
def test_another_answer_is_an_error_of_http(fake_x: FakeX, status: int) -> None:
    fake_x.refusals.append((status, {}))
    with pytest.raises(requests.HTTPError):
        streamer.X(TOKENS, "from:ada").get(f"{streamer.X_URL}/2/tweets/search/stream")


def test_the_search_is_asked_with_the_token(fake_x: FakeX, clock: FakeClock) -> None:
    fake_x.found = {"data": [a_post(1)["data"]], "meta": {"result_count": 1}}, 200
    x, buffer = streamer.X(TOKENS, "from:ada"), streamer.Buffer()
    streamer.backfill(x, clock.now, buffer)
    search = ("GET", "/2/tweets/search/recent", f"Bearer {BEARER}")
    assert fake_x.requests == [search] * 2
    assert buffer.counts["posts"] == 2


# --- the rule -------------------------------------------------------------------------------------

TAG = {"tag": "serverless-bytes"}
OURS, OLD = {"id": "1", "value": "from:ada"} | TAG, {"id": "2", "value": "from:old"} | TAG
FOREIGN, OLDER = (
    {"id": "3", "value": "cat", "tag": "cats"},
    {"id": "4", "value": "from:older"} | TAG,
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [OURS]),
        ([FOREIGN, OLD, OLDER], [FOREIGN, OURS]),
        ([FOREIGN, OURS], [FOREIGN, OURS]),
        ([OURS, OLD], [OURS]),
        ([{"id": "5", "value": "from:ada"}], [{"id": "5", "value": "from:ada"}]),
    ],
)
def test_the_rule_is_ours_and_only_ours_is_replaced(
    fake_x: FakeX, before: list[dict[str, str]], after: list[dict[str, str]]
) -> None:
    fake_x.rules = list(before)
    ids = streamer.X(TOKENS, "from:ada").set_rule()
    assert ids == [rule["id"] for rule in fake_x.rules if rule["value"] == "from:ada"]
    assert {authorization for *_, authorization in fake_x.requests} == {f"Bearer {BEARER}"}
    without_ids = [{name: rule[name] for name in rule if name != "id"} for rule in fake_x.rules]
    assert without_ids == [{name: rule[name] for name in rule if name != "id"} for rule in after]


def test_a_rule_that_x_does_not_accept(fake_x: FakeX) -> None:
    error = {"title": "UnprocessableEntity", "value": "from:ada", "details": ["no such operator"]}
    fake_x.rule_errors = [{"title": "DuplicateRule", "value": "from:ada"}, error]
    with pytest.raises(streamer.InputError) as raised:
        streamer.X(TOKENS, "from:ada").set_rule()
    assert str(raised.value) == "X refuses the rule from:ada: no such operator"
    fake_x.rule_errors = [{"title": "DuplicateRule", "value": "from:ada", "id": "7"}]
    assert streamer.X(TOKENS, "from:ada").set_rule() == ["7"]
    fake_x.rule_errors = [{"title": "Odd"}]
    with pytest.raises(streamer.InputError, match=r"the rule from:ada: {'title': 'Odd'}$"):
        streamer.X(TOKENS, "from:ada").set_rule()


def test_a_rule_that_x_does_not_delete(fake_x: FakeX) -> None:
    fake_x.rules = [OLD]
    fake_x.deletion_errors = [{"title": "Invalid Request", "detail": "no"}]
    with pytest.raises(streamer.StreamingError, match=r"keeps the rule from:old: .*no"):
        streamer.X(TOKENS, "from:ada").set_rule()


def test_the_rules_of_others_are_named(fake_x: FakeX, capsys: pytest.CaptureFixture[str]) -> None:
    fake_x.rules = [FOREIGN, OLD, OURS]
    streamer.X(TOKENS, "from:ada").set_rule()
    said = "Posts of another rule, which X bills, are skipped: cat\n"
    assert capsys.readouterr().out == said
