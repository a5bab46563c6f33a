"""X has other habits, and bad days."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from streamer.fakes import FakeFirehose, FakeX
from streamer.harness import Streamer, a_post, sentence
from support import wait_until


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("chunked", [False, True], ids=["HTTP/1.0", "chunked"])
@pytest.mark.parametrize("sse", [False, True], ids=["lines", "events"])
def test_another_x(
    tmp_path: Path, firehose: FakeFirehose, sse: bool, chunked: bool, gzip: bool
) -> None:
    x = FakeX(sse, chunked, gzip)
    post = a_post(2)
    post["matching_rules"] = [{"id": "1"}]  # without tag
    del post["includes"]["users"]
    keep_alive = b": keep-alive\n\n" if sse else b"\r\n"
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.items += [keep_alive, keep_alive]
        x.send(a_post(1))
        wait_until(lambda: firehose.posts() == [1])
        x.items.append(keep_alive)
        x.send(post)
        wait_until(lambda: firehose.posts() == [1, 2])
        end = time.monotonic()
        x.end()
        wait_until(lambda: len(x.connects) == 2)
        x.send(a_post(3))
        wait_until(lambda: firehose.posts() == [1, 2, 3])
        assert streamer.finish(signal.SIGTERM) == 0
    assert streamer.counts()["unreadable"] == 0
    assert x.connects[1] - end > 0.24  # tweepy alone would not wait


def test_a_post_in_pieces_and_many_in_one_piece(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        line = json.dumps(a_post(1, text="é😃"), ensure_ascii=False).encode() + b"\r\n"
        x.items += [line[at : at + 1] for at in range(len(line))]
        x.items.append(b"".join(json.dumps(a_post(at)).encode() + b"\r\n" for at in range(2, 400)))
        wait_until(lambda: len(firehose.taken) == 399)
        assert streamer.finish(signal.SIGTERM) == 0
    assert firehose.posts() == list(range(1, 400))
    assert json.loads(firehose.taken[0])["text"] == "é😃"


def test_what_was_posted_meanwhile_is_searched(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose
) -> None:
    message = a_post(7)
    x.found = ({"data": [message["data"]], "includes": message["includes"], "meta": {}}, 200)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        assert x.searches == []  # what was posted before we came is not asked for
        before = int((time.time() - 12) * 1000)
        x.end()
        wait_until(lambda: firehose.posts() == [7])
        (query,) = x.searches
        assert query["query"] == [x.rules[0]["value"]]
        assert query["expansions"] == ["attachments.media_keys,author_id"]
        since = (int(query["since_id"][0]) >> 22) + 1288834974657  # ids hold the time
        assert before < since < time.time() * 1000
        assert streamer.finish(signal.SIGTERM) == 0
    assert json.loads(firehose.taken[0])["url"]


def test_a_search_that_x_refuses_is_said(tmp_path: Path, x: FakeX, firehose: FakeFirehose) -> None:
    x.found = ({"title": "Forbidden", "detail": "not in your plan"}, 403)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.end()
        streamer.says("The search for missed posts failed: X answered 403: the app may not do this")
        x.send(a_post(1))
        wait_until(lambda: firehose.posts() == [1])
        assert streamer.finish(signal.SIGTERM) == 0


@pytest.mark.parametrize("wrapped", [True, False], ids=["errors", "bare"])
def test_x_says_why_it_will_hang_up(
    tmp_path: Path, x: FakeX, firehose: FakeFirehose, wrapped: bool
) -> None:
    detail = "This stream has been disconnected upstream for operational reasons."
    kind = "https://api.twitter.com/2/problems/operational-disconnect"
    error = {"title": "operational-disconnect", "detail": detail, "type": kind}
    error |= {"disconnect_type": "UpstreamOperationalDisconnect"}
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send({"errors": [error]} if wrapped else error)
        x.end()
        streamer.says(f"X says: operational-disconnect: {detail}")
        wait_until(lambda: len(x.connects) == 2)
        x.send(a_post(1))
        wait_until(lambda: firehose.taken)
        assert streamer.finish(signal.SIGTERM) == 0
    assert streamer.counts()["unreadable"] == 0


@pytest.mark.parametrize("chunked", [False, True], ids=["HTTP/1.0", "chunked"])
def test_a_cut_in_the_middle_of_a_line(
    tmp_path: Path, firehose: FakeFirehose, chunked: bool
) -> None:
    x = FakeX(chunked=chunked)
    with Streamer(tmp_path, x, firehose) as streamer:
        streamer.says("Connected")
        x.send(a_post(1))
        x.items.append(json.dumps(a_post(2)).encode()[:200])
        wait_until(lambda: firehose.posts() == [1])
        x.end("reset")
        wait_until(lambda: len(x.connects) == 2)
        x.send(a_post(3))
        wait_until(lambda: firehose.posts() == [1, 3])
        assert streamer.finish(signal.SIGTERM) == 0
    assert x.connects[1] - x.connects[0] > 0.2
    assert "connecting again" in streamer.out


@pytest.mark.parametrize(
    ("status", "said"), [(401, "keys"), (402, "credits"), (403, "app"), (400, "understand")]
)
def test_where_no_retry_helps_it_stops(tmp_path: Path, x: FakeX, status: int, said: str) -> None:
    x.refusals.append((status, {"title": "No", "detail": "no"}))
    with Streamer(tmp_path, x) as streamer:
        assert streamer.finish() == 1
    assert f"X answered {status}: " in sentence(streamer)
    assert said in sentence(streamer)
    assert streamer.err.count("\n") == 1
    assert len(x.connects) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_where_a_retry_helps_it_stays(tmp_path: Path, x: FakeX, status: int) -> None:
    x.refusals.append((status, {"title": "ConnectionException", "detail": "too many"}))
    an_hour = dict.fromkeys(("ERROR_PAUSES", "RATE_LIMIT_PAUSES"), (3600, 3600))
    with Streamer(tmp_path, x, constants=an_hour) as streamer:
        streamer.says(f"X answered {status}")
        with pytest.raises(subprocess.TimeoutExpired):
            streamer.process.wait(0.7)
        assert len(x.connects) == 1
        assert streamer.finish(signal.SIGTERM) == 0  # although the pause is not over


def test_a_rule_that_x_refuses_is_our_users_fault(tmp_path: Path, x: FakeX) -> None:
    x.rule_errors = [
        {"title": "UnprocessableEntity", "value": "from:ada", "details": ["no such operator"]}
    ]
    with Streamer(tmp_path, x) as streamer:
        assert streamer.finish() == 2
    assert "no such operator" in sentence(streamer)
    assert x.connects == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "Stopped: X answered 401: the keys are wrong; copy them again from console.x.com."),
        (404, "Stopped: X answered 404: this is not X's API; check TWITTER_API_URL."),
    ],
)
def test_what_x_answers_about_the_rules_ends_it(
    tmp_path: Path, x: FakeX, status: int, said: str
) -> None:
    x.rules_status = status
    with Streamer(tmp_path, x) as streamer:
        assert streamer.finish() == 1
    assert sentence(streamer) == said
    assert x.connects == []


@pytest.mark.parametrize(("status", "pause"), [(429, 60), (500, 5)])
def test_what_x_answers_about_the_rules_may_pass(
    tmp_path: Path, x: FakeX, status: int, pause: int
) -> None:
    x.rules_status = status
    with Streamer(tmp_path, x) as streamer:
        streamer.says(f"X answered {status}; connecting again in {pause} s.")
        assert streamer.finish(signal.SIGTERM) == 0


def test_what_x_answers_about_the_user_is_told(tmp_path: Path, x: FakeX) -> None:
    x.me_status = 503
    with Streamer(tmp_path, x, "", ["--delivery-stream", "posts"]) as streamer:
        assert streamer.finish() == 1
    assert "X does not let us in: 503 Server Error" in sentence(streamer)


def test_a_rule_that_x_does_not_take_is_the_user_s_fault(tmp_path: Path, x: FakeX) -> None:
    x.rule_errors = [{"title": "UnprocessableEntity", "details": ["no such operator", "here"]}]
    with Streamer(tmp_path, x) as streamer:
        assert streamer.finish() == 2
    said = "Stopped: X refuses the rule from:ada: no such operator here."
    assert sentence(streamer) == said


def test_an_old_rule_that_x_does_not_delete(tmp_path: Path, x: FakeX) -> None:
    x.rules = [{"id": "1", "value": "from:old", "tag": "serverless-bytes"}]
    x.deletion_errors = [{"title": "Invalid Request", "detail": "not now"}]
    with Streamer(tmp_path, x) as streamer:
        assert streamer.finish() == 1
    assert sentence(streamer) == "Stopped: X keeps the rule from:old: not now."
