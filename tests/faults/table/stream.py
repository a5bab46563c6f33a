"""The stream of X ends, falls silent, refuses, or brings what nobody expects."""

from __future__ import annotations

import json

from faults.harness import MATCH, NO_FACE, OTHER, Harness
from faults.ledger import MAILED
from faults.table.registry import Fault, Faults
from support import end_of

fault = Faults()


@fault("none")
def _(harness: Harness, number: int) -> None:
    harness.post_many(3 * number)


@fault("stream: cut in the middle of a line")
def _(harness: Harness, number: int) -> None:
    harness.faults.x(kind="cut")
    harness.post_many(number + 1)


@fault("stream: disconnected again and again")
def _(harness: Harness, number: int) -> None:
    for _ in range(3):
        harness.faults.x(kind="disconnect")
        harness.post_many(number)
        harness.wait_until_settled()


@fault("stream: keep-alives only, then posts")
def _(harness: Harness, number: int) -> None:
    for _ in range(20):
        harness.faults.x(kind="line", text="")
    harness.post_many(number)


@fault("stream: silent for 25 s", long=True)
def _(harness: Harness, number: int) -> None:
    harness.faults.x(kind="silence", seconds=25)
    harness.post_many(number)
    harness.wait_for_log("The connection to X broke")


def refuse(status: int) -> Fault:
    def function(harness: Harness, number: int) -> None:
        harness.faults.x(kind="status", status=status, times=1)
        harness.faults.x(kind="disconnect")
        harness.post_many(number)

    return function


fault("stream: 503 at the next connect", long=True)(refuse(503))
fault("stream: 429 at the next connect", long=True)(refuse(429))


@fault("stream: 409, the rule was deleted", long=True)
def _(harness: Harness, number: int) -> None:
    harness.delete_rules()
    harness.faults.x(kind="disconnect")
    harness.wait_for_log("Connected to X", harness.said().count("Connected to X") + 1)
    harness.post_many(number)


def stop_for_good(status: int) -> Fault:
    def function(harness: Harness, number: int) -> None:
        harness.post_many(number)
        harness.faults.x(kind="status", status=status, times=1)
        harness.faults.x(kind="disconnect")
        streamer = harness.streamer
        assert streamer
        assert end_of(streamer.process) == 1
        assert f"X answered {status}" in harness.said()
        harness.post_in_vain(number, f"no streamer ran: it had stopped at {status}, and said so")
        harness.system.children.remove(streamer)
        harness.start_streamer()
        harness.post_many(number)

    return function


fault("stream: 402, then started again", long=True)(stop_for_good(402))
fault("stream: 401, then started again", long=True)(stop_for_good(401))


@fault("stream: operational-disconnect")
def _(harness: Harness, number: int) -> None:
    error = {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": "https://api.twitter.com/2/problems/operational-disconnect",
    }
    harness.faults.x(kind="line", text=json.dumps({"errors": [error]}))
    harness.faults.x(kind="disconnect")
    harness.post_many(number)


@fault("posts: no media, a video, four photos")
def _(harness: Harness, number: int) -> None:
    for _ in range(number):
        harness.system.x.post("no picture")
        harness.system.x.post("a video", video=True)
        harness.entry.skipped += 2
        harness.entry.posts += 3
        ids = [
            harness.system.x.upload(harness.photo(name)) for name in (MATCH, OTHER, NO_FACE, MATCH)
        ]
        for media_id, expected in zip(
            ids, (MAILED, "other person", "no face", MAILED), strict=True
        ):
            harness.expect(media_id, expected)
        harness.system.x.post("four", ids)


@fault("posts: edited, unknown fields, no tag")
def _(harness: Harness, number: int) -> None:
    for _ in range(number):
        media_id = harness.system.x.upload(harness.photo(MATCH))
        message = harness.message(media_id, harness.address(media_id))
        harness.expect(media_id, MAILED)
        harness.post_line(message)
        edited = json.loads(json.dumps(message))
        edited["data"]["id"] += "0"
        edited["data"]["edit_history_tweet_ids"].append(edited["data"]["id"])
        edited["data"]["text"] = "edited"
        harness.post_line(edited)
        media_id = harness.system.x.upload(harness.photo(MATCH))
        message = harness.message(media_id, harness.address(media_id))
        message["data"]["new_field"] = message["new_part"] = {"a": [None]}
        message["includes"]["polls"] = []
        del message["matching_rules"][0]["tag"]
        harness.expect(media_id, MAILED)
        harness.post_line(message)


GARBAGE = (
    "garbage",
    "{",
    "[]",
    "17",
    '"data"',
    "null",
    "\x00\ufffd",
    '{"data": null}',
    '{"data": {"id": 1, "attachments": 7}}',
    '{"errors": [{}]}',
    '{"errors": "no"}',
    "[" * 100_000,
    '{"data": "' + "x" * 1_000_000,
)


@fault("posts: garbage between them")
def _(harness: Harness, number: int) -> None:
    for line in GARBAGE:
        harness.faults.x(kind="line", text=line)
        harness.post_many(1)
    harness.post_many(number)
