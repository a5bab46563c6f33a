"""An emulated X on 127.0.0.1: the parts of the X API v2 that the workshop needs, and a photo host.

Run it with `python -m offline.x --port 4570`. It answers with X's own words and shapes
(https://docs.x.com/x-api), so a program that works with it works with api.twitter.com too. Paths
below /_workshop/ exist only here: they show what was posted, and make faults happen on purpose.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import os
import re
import secrets
import tempfile
import time
import urllib.parse
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

import click
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from offline.guard import Guard
from offline.processes import exit_with_parent
from offline.x_photos import is_too_large_to_decode, large_jpeg
from offline.x_rules import (
    PROBLEM_TYPE,
    InvalidRule,
    Media,
    Post,
    RuleSet,
    compile_rule,
    made_at,
    new_id,
    now,
)

MIB = 1024 * 1024
MAX_UPLOAD_BYTES = 32 * MIB
MAX_MEDIA = 4  # of one post
CONNECTS_PER_WINDOW = 50
WINDOW_SECONDS = 15 * 60
KEEP_ALIVE = b"\r\n"

PHOTO_FAULT = {"status": 200, "times": 1, "delay": 0, "location": "", "serve": "", "body": ""}

INVALID_REQUEST = {
    "title": "Invalid Request",
    "detail": "One or more parameters to your request was invalid.",
    "type": PROBLEM_TYPE + "invalid-request",
}
RULES_PATH = "/2/tweets/search/stream/rules"
STREAMER_PATHS = ("/oauth2/token", "/2/users/me", RULES_PATH, "/2/tweets/search/stream")
# Why X refuses a connection to the stream, by status.
STREAM_PROBLEMS: dict[int, dict[str, str]] = {
    402: {
        "title": "CreditsDepleted",
        "detail": "Your enrolled account [1] does not have any credits to fulfill this request.",
        "type": PROBLEM_TYPE + "credits",
    },
    403: {
        "title": "Client Forbidden",
        "detail": "You must use keys and tokens from an X developer App with access to this API.",
        "type": PROBLEM_TYPE + "client-forbidden",
    },
    409: {
        "title": "ConnectionException",
        "detail": "You must define rules before you connect to the stream.",
        "connection_issue": "RuleConfigurationIssue",
        "type": PROBLEM_TYPE + "streaming-connection",
    },
    429: {
        "title": "ConnectionException",
        "detail": "This stream is currently at the maximum allowed connection limit.",
        "connection_issue": "TooManyConnections",
        "type": PROBLEM_TYPE + "streaming-connection",
    },
}

# Two at a time: decoding 50 megapixels takes 150 MB and more.
_converters = ThreadPoolExecutor(max_workers=2)


class Problem(Exception):  # noqa: N818 - X's own name for it
    """An error as X answers it: a status, and JSON with title, type and detail."""

    def __init__(self, status: int, **fields: Any) -> None:
        """Fill in what `fields` leaves out with what HTTP calls the status."""
        phrase = HTTPStatus(status).phrase
        self.status = status
        self.body = {"title": phrase, "type": "about:blank", "status": status, "detail": phrase}
        self.body |= fields


def form_file(content_type: str, body: bytes, name: str) -> bytes:
    """Return the bytes of one field of a multipart/form-data body.

    Raises:
        Problem: 400, there is no such field.
    """
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary:
        for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode()):
            head, _, content = part.partition(b"\r\n\r\n")
            if f'name="{name}"'.encode() in head:
                return content
    raise Problem(400, **INVALID_REQUEST)


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises:
        Problem: 400, it is something else.
    """
    try:
        body = await request.json()
        # Neither half of an emoji nor NaN could be sent on.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem(400, **INVALID_REQUEST)
    return body


def _only(fields: set[str], item: dict[str, Any]) -> dict[str, Any]:
    """Return those fields of an item that it has."""
    return {name: value for name, value in item.items() if name in fields}


async def endless(pause: float) -> AsyncIterator[bytes]:
    """Yield a picture that never ends, `pause` seconds before each of its parts."""
    yield b"\xff\xd8\xff\xe0"
    while True:
        await asyncio.sleep(pause)
        yield bytes(1 if pause else 1 << 16)


class Truncated(Response):
    """A picture that breaks off long before its announced length."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the beginning; the client sees that the connection is closed."""
        headers = [(b"content-type", b"image/jpeg"), (b"content-length", b"100000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"\xff\xd8\xff\xe0" + bytes(1000)
        await send({"type": "http.response.body", "body": body, "more_body": True})


class Wanted:
    """Which fields of posts a request asks for; some are always sent."""

    def __init__(self, request: Request) -> None:
        """Read them from the query."""
        asked = {name: set(value.split(",")) for name, value in request.query_params.items()}
        expansions = asked.get("expansions", set())
        self.with_media = "attachments.media_keys" in expansions
        self.with_author = "author_id" in expansions
        self.media_fields = {"media_key", "type"} | asked.get("media.fields", set())
        self.post_fields = {"id", "text", "edit_history_tweet_ids"}
        self.post_fields |= asked.get("tweet.fields", set())
        # An expansion brings the field it expands.
        self.post_fields |= {name.partition(".")[0] for name in expansions}

    def post(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return what is wanted of a post."""
        return _only(self.post_fields, data)

    def includes(
        self, media: list[dict[str, str]], users: list[dict[str, str]]
    ) -> dict[str, list[dict[str, str]]]:
        """Return what is wanted of the media and authors of posts."""
        includes = {}
        if self.with_media and media:
            includes["media"] = [_only(self.media_fields, item) for item in media]
        if self.with_author:
            includes["users"] = users
        return includes


class Stream(StreamingResponse):
    """The open connection of the filtered stream. It lasts until one side hangs up."""

    def __init__(self, x: X, request: Request) -> None:
        """Note which fields the request asks for."""
        super().__init__(self.lines(), media_type="application/json")
        self.x = x
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()  # None hangs up
        self.cut = False
        self.wanted = Wanted(request)

    def line(self, post: Post, rules: list[dict[str, str]]) -> bytes:
        """Return a post as one line of JSON, with the fields the client asked for."""
        data, media, user = self.x.describe(post)
        payload: dict[str, Any] = {"data": self.wanted.post(data)}
        if includes := self.wanted.includes(media, [user]):
            payload["includes"] = includes
        return json.dumps(payload | {"matching_rules": rules}).encode() + b"\r\n"

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the lines as they come, and an empty one when none came for a while."""
        while True:
            try:
                line = await asyncio.wait_for(self.queue.get(), self.x.keep_alive)
            except TimeoutError:
                line = KEEP_ALIVE
            while time.monotonic() < self.x.silent_until and self.x.stream is self:
                await asyncio.sleep(0.02)
            if line is None:
                return
            if self.cut and line != KEEP_ALIVE:
                yield line[: len(line) // 2]
                return
            yield line

    async def stream_response(self, send: Send) -> None:
        """Send the lines. Without the last, empty message the client sees a broken connection."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for line in self.body_iterator:
                await send({"type": "http.response.body", "body": line, "more_body": True})
        finally:
            if self.x.stream is self:
                self.x.stream = None
        if not self.cut:
            await send({"type": "http.response.body", "body": b""})


@dataclass
class X:
    """All that the emulated X knows, and the answers to its requests."""

    base_url: str  # where it can be reached, such as http://127.0.0.1:4570
    username: str  # who the keys belong to
    photos: Path  # the folder for the uploads
    keep_alive: float  # seconds between two signs of life on a silent stream
    keys: dict[str, str]  # by their names in the environment; what is missing is not checked
    search_delay: float = 30.0  # seconds until the search finds a post

    def __post_init__(self) -> None:
        """Begin with no rules and no posts."""
        # Made of the consumer's keys, if we know them: it is the same after a restart, as X's is.
        pair = (self.keys.get(name) for name in ("TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET"))
        seed = "".join(key or secrets.token_urlsafe(48) for key in pair)
        made = hashlib.sha256(f"bearer {seed}".encode()).hexdigest()
        self.bearer = self.keys.get("TWITTER_BEARER_TOKEN") or made
        self.users: dict[str, str] = {}  # id by username
        self.rule_set = RuleSet()
        self.media: dict[str, Media] = {}  # by id
        self.posts: list[Post] = []
        self.streamed: set[str] = set()  # ids of the posts that went out on the stream
        self.counts = dict.fromkeys(("connects", "delivered", "photos_served"), 0)
        self.stream: Stream | None = None
        self.refusal = ""  # why the streamer was refused, until it is let in
        self.journal = self.photos / "journal.jsonl"
        self.recall()
        self.reset_faults()

    def reset_faults(self) -> None:
        """Let everything work again."""
        self.connects: deque[float] = deque()
        self.status_faults: list[int] = []
        self.photo_faults: list[dict[str, Any]] = []
        self.silent_until = 0.0
        if self.stream:
            self.stream.cut = False

    # What survives a restart

    def remember(self, kind: str, value: Any) -> None:
        """Append a change to the journal beside the photos."""
        with self.journal.open("a") as journal:
            journal.write(json.dumps([kind, value]) + "\n")

    def recall(self) -> None:
        """Read the journal of an earlier run in the same folder."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        for kind, value in map(json.loads, lines):
            match kind:
                case "rules":
                    self.rule_set = RuleSet.restored(value)
                case "media":
                    self.media[value["id"]] = Media(**value)
                case "post":
                    media = [Media(**item) for item in value.pop("media")]
                    self.posts.append(Post(media=media, **value))
                    self.users[value["username"]] = value["author_id"]

    # Who is asking?

    def is_key(self, name: str, value: str) -> bool:
        """Compare a credential; the time this takes does not tell how much of it was right."""
        expected = self.keys.get(name)
        return bool(value) and (
            expected is None or secrets.compare_digest(value.encode(), expected.encode())
        )

    def check_app(self, request: Request) -> None:
        """Let only the bearer token pass; otherwise raise Problem 401."""
        header = request.headers.get("authorization", "")
        if not secrets.compare_digest(header.encode(), f"Bearer {self.bearer}".encode()):
            raise Problem(401)

    def check_user(self, request: Request) -> None:
        """Let only the OAuth 1.0a keys of the user pass; otherwise raise Problem 401 or 403.

        The signature is not verified: clients sign for https://api.twitter.com, whose requests
        are redirected to here.
        """
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            self.check_app(request)
            raise Problem(
                403,
                title="Unsupported Authentication",
                detail="Authenticating with OAuth 2.0 Application-Only is forbidden for this "
                "endpoint.  Supported authentication types are [OAuth 1.0a User Context, "
                "OAuth 2.0 User Context].",
                type=PROBLEM_TYPE + "unsupported-authentication",
            )
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        consumer, token = (
            urllib.parse.unquote(pairs.get(name, ""))
            for name in ("oauth_consumer_key", "oauth_token")
        )
        if scheme != "OAuth" or not (
            self.is_key("TWITTER_CONSUMER_KEY", consumer) and self.is_key("TWITTER_TOKEN", token)
        ):
            raise Problem(401)

    async def token(self, request: Request) -> Response:
        """POST /oauth2/token: change the consumer key and secret into the bearer token."""
        try:
            encoded = request.headers.get("authorization", "").removeprefix("Basic ")
            key, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            key = secret = ""
        grant = urllib.parse.parse_qs((await request.body()).decode(errors="replace"))
        if grant.get("grant_type") != ["client_credentials"] or not (
            self.is_key("TWITTER_CONSUMER_KEY", urllib.parse.unquote(key))
            and self.is_key("TWITTER_CONSUMER_SECRET", urllib.parse.unquote(secret))
        ):
            message = "Unable to verify your credentials"
            error = {"code": 99, "message": message, "label": "authenticity_token_error"}
            return JSONResponse({"errors": [error]}, 403)
        return JSONResponse({"token_type": "bearer", "access_token": self.bearer})

    async def me(self, request: Request) -> Response:
        """GET /2/users/me: the user the keys belong to."""
        self.check_user(request)
        return JSONResponse({"data": self.user(self.username)})

    def user(self, username: str) -> dict[str, str]:
        """Return a user as X describes it. Whoever is asked for exists."""
        identity = self.users.setdefault(username, new_id())
        return {"id": identity, "name": username, "username": username}

    # Rules and the stream

    async def list_rules(self, request: Request) -> Response:
        """GET /2/tweets/search/stream/rules."""
        self.check_app(request)
        rules = self.rule_set.rules
        meta = {"sent": now(), "result_count": len(rules)}
        return JSONResponse(({"data": rules} if rules else {}) | {"meta": meta})

    async def change_rules(self, request: Request) -> Response:
        """POST /2/tweets/search/stream/rules: add or delete; with dry_run=true only say so."""
        self.check_app(request)
        body = await json_object(request)
        dry_run = request.query_params.get("dry_run", "").lower() == "true"
        try:
            if "add" in body:
                answer = self.rule_set.add(body["add"], dry_run)
            else:
                answer = self.rule_set.delete(body["delete"], dry_run)
        except (AttributeError, KeyError, TypeError):  # the JSON has another shape
            raise Problem(400, **INVALID_REQUEST) from None
        self.remember("rules", self.rule_set.rules)
        return JSONResponse(answer, 201 if "data" in answer else 200)

    async def connect(self, request: Request) -> Response:
        """GET /2/tweets/search/stream: one connection, held open."""
        self.check_app(request)
        while self.connects and self.connects[0] < time.monotonic() - WINDOW_SECONDS:
            self.connects.popleft()
        if len(self.connects) >= CONNECTS_PER_WINDOW:
            raise Problem(429)
        self.connects.append(time.monotonic())
        if self.status_faults:
            status = self.status_faults.pop(0)
            raise Problem(status, **STREAM_PROBLEMS.get(status, {}))
        if not self.rule_set.rules:
            raise Problem(409, **STREAM_PROBLEMS[409])
        if self.stream:
            raise Problem(429, **STREAM_PROBLEMS[429])
        self.counts["connects"] += 1
        self.refusal = ""
        self.stream = Stream(self, request)
        return self.stream

    async def search(self, request: Request) -> Response:
        """GET /2/tweets/search/recent: posts that a query finds, the newest first, in pages."""
        self.check_app(request)
        asked = request.query_params
        try:
            matches = compile_rule(asked["query"])
            since, size = int(asked.get("since_id", 0)), int(asked.get("max_results", 10))
            until = int(asked.get("next_token", 1 << 63))
        except (InvalidRule, KeyError, ValueError):
            raise Problem(400, **INVALID_REQUEST) from None
        newest = time.time() - self.search_delay
        found = [
            post
            for post in reversed(self.posts)
            if since < int(post.id) < until and made_at(post.id) <= newest and matches(post)
        ]
        described = [self.describe(post) for post in found[:size]]
        wanted = Wanted(request)
        answer: dict[str, Any] = {"meta": {"result_count": len(described)}}
        if described:
            answer["data"] = [wanted.post(data) for data, _, _ in described]
            answer["includes"] = wanted.includes(
                [item for _, media, _ in described for item in media],
                list({user["id"]: user for _, _, user in described}.values()),
            )
        if len(found) > size:
            answer["meta"]["next_token"] = found[size - 1].id
        return JSONResponse(answer)

    def hang_up(self) -> None:
        """Close the open stream, if there is one."""
        if self.stream:
            self.stream.queue.put_nowait(None)
            self.stream = None

    # Posts and photos

    async def upload(self, request: Request) -> Response:
        """POST /2/media/upload: any bytes in the form field "media", at most 32 MiB.

        X would refuse what is no picture. Here it passes, to see what the Lambda function does;
        but not a picture that would take gigabytes to decode.
        """
        self.check_user(request)
        body = await request.body()
        data = form_file(request.headers.get("content-type", ""), body, "media")
        if len(data) > MAX_UPLOAD_BYTES:
            raise Problem(413)
        if is_too_large_to_decode(data):
            raise Problem(400, **INVALID_REQUEST | {"detail": "The picture has too many pixels."})
        media = Media(new_id(), "photo", secrets.token_urlsafe(11) + ".jpg")
        await asyncio.to_thread((self.photos / media.name).write_bytes, data)
        self.media[media.id] = media
        self.remember("media", asdict(media))
        answer = {"id": media.id, "media_key": media.key, "size": len(data)}
        return JSONResponse({"data": answer | {"expires_after_secs": 86400}})

    async def create_post(self, request: Request) -> Response:
        """POST /2/tweets: post a text with up to four photos, and put it on the stream.

        "emulator" in the body is not X's: an object with any of username, created_at, lang (text),
        retweet, reply, video (true or false).
        """
        self.check_user(request)
        body = await json_object(request)
        extra = body.get("emulator", {})
        try:
            ids = body.get("media", {}).get("media_ids", [])
            if len(ids) > MAX_MEDIA or not set(ids) <= self.media.keys():
                wrong = {"media.media_ids": ids}
                error = {"parameters": wrong, "message": "Your media IDs are invalid."}
                raise Problem(400, errors=[error], **INVALID_REQUEST)
            username = str(extra.get("username", self.username))
            post = Post(
                id=new_id(),
                text=str(body.get("text", "")),
                author_id=self.user(username)["id"],
                username=username,
                created_at=str(extra.get("created_at", now())),
                media=[self.media[identity] for identity in ids]
                + ([Media(new_id(), "video")] if extra.get("video") else []),
                lang=str(extra.get("lang", "en")),
                retweet=bool(extra.get("retweet")),
                reply=bool(extra.get("reply")),
            )
        except (AttributeError, TypeError):  # the JSON has another shape
            raise Problem(400, **INVALID_REQUEST) from None
        self.posts.append(post)
        self.remember("post", asdict(post))
        self.deliver(post)
        return JSONResponse({"data": {"id": post.id, "text": post.text}}, 201)

    def deliver(self, post: Post) -> None:
        """Put a post on the stream. When nobody listens, or no rule matches, it is not kept."""
        rules = self.rule_set.matching(post)
        if rules and self.stream:
            self.counts["delivered"] += 1
            self.streamed.add(post.id)
            self.stream.queue.put_nowait(self.stream.line(post, rules))

    def describe(self, post: Post) -> tuple[dict[str, Any], list[dict[str, str]], dict[str, str]]:
        """Return everything X says about a post, about its media, and about its author."""
        data: dict[str, Any] = {
            "id": post.id,
            "text": post.text,
            "edit_history_tweet_ids": [post.id],
            "author_id": post.author_id,
            "created_at": post.created_at,
            "lang": post.lang,
        }
        if post.media:
            data["attachments"] = {"media_keys": [media.key for media in post.media]}
        media = [
            {"media_key": media.key, "type": media.type}
            | ({"url": f"{self.base_url}/media/{media.name}"} if media.type == "photo" else {})
            for media in post.media
        ]
        return data, media, self.user(post.username)

    async def photo(self, request: Request) -> Response:
        """GET /media/{name}: what https://pbs.twimg.com/media/ is for X."""
        name, size = request.path_params["name"], request.query_params
        for fault in self.photo_faults:
            if fault["times"] > 0 and fault["name"] in ("*", name):
                fault["times"] -= 1
                await asyncio.sleep(fault["delay"])
                if broken := self.broken_photo(fault):
                    return broken
                name = fault["serve"] or name
                break
        if not any(media.name == name for media in self.media.values()):
            raise Problem(404)
        self.counts["photos_served"] += 1
        path = self.photos / name
        if (size.get("format"), size.get("name")) == ("jpg", "large"):
            loop = asyncio.get_running_loop()
            jpeg = await loop.run_in_executor(_converters, large_jpeg, path)
            if jpeg:
                return Response(jpeg, media_type="image/jpeg")
        return FileResponse(path, media_type="image/jpeg")

    def broken_photo(self, fault: dict[str, Any]) -> Response | None:
        """Return what the photo host answers by a fault; None: the photo, as ever."""
        match fault["body"]:
            case "endless":  # as fast as it can
                return StreamingResponse(endless(0), media_type="image/jpeg")
            case "slow":
                return StreamingResponse(endless(1), media_type="image/jpeg")
            case "truncated":
                return Truncated()
            case "page":
                return Response("<!DOCTYPE html><p>Something went wrong.", media_type="text/html")
        if fault["status"] == 200:
            return None
        location = {"location": fault["location"] or self.base_url + "/_workshop/ready"}
        return Response(None, fault["status"], location)

    # Only here, not at X

    async def timeline(self, request: Request) -> Response:
        """GET /_workshop/posts: all posts, the newest first; ?after=ID&limit=N for fewer."""
        after = request.query_params.get("after")
        posts = itertools.takewhile(lambda post: post.id != after, reversed(self.posts))
        limit = int(request.query_params.get("limit", len(self.posts)))
        descriptions = map(self.describe, itertools.islice(posts, limit))
        return JSONResponse(
            [
                data | {"media": media, "user": user, "streamed": data["id"] in self.streamed}
                for data, media, user in descriptions
            ]
        )

    async def stats(self, _: Request) -> Response:
        """GET /_workshop/stats and /_workshop/ready."""
        counts = self.counts | {"posts": len(self.posts), "rules": self.rule_set.rules}
        state = {"connected": self.stream is not None, "refusal": self.refusal}
        return JSONResponse(state | counts)

    async def fault(self, request: Request) -> Response:
        """POST /_workshop/faults: break something on purpose; DELETE repairs everything.

        A photo fault has a name (* is any) and any of PHOTO_FAULT: status; times; delay, seconds;
        location, of a redirect; serve, the name of the photo to send instead; body, one of
        endless, slow, truncated, page.
        """
        fault = {"kind": "reset"} if request.method == "DELETE" else await json_object(request)
        match fault:
            case {"kind": "reset"}:
                self.reset_faults()
            case {"kind": "disconnect"}:
                self.hang_up()
            case {"kind": "cut"} if self.stream:
                self.stream.cut = True
            case {"kind": "line", "text": str(text)} if self.stream:
                self.stream.queue.put_nowait(text.encode() + b"\r\n")
            case {"kind": "silence", "seconds": float() | int() as seconds}:
                self.silent_until = time.monotonic() + seconds
            case {"kind": "status", "status": int(status)}:
                self.status_faults += [status] * int(fault.get("times", 1))
            case {"kind": "photo", "name": str()}:
                self.photo_faults.append(PHOTO_FAULT | fault)
            case _:
                raise Problem(400, detail="Not a fault, or it needs an open stream and none is.")
        return Response(status_code=204)

    def app(self) -> Starlette:
        """Return the web application."""

        async def answer(request: Request, problem: Exception) -> Response:
            assert isinstance(problem, Problem)
            if request.url.path in STREAMER_PATHS:
                self.refusal = f"{problem.status} {problem.body.get('title', '')}".rstrip()
            return JSONResponse(problem.body, problem.status, media_type="application/problem+json")

        return Starlette(
            routes=[
                Route("/oauth2/token", self.token, methods=["POST"]),
                Route("/2/users/me", self.me),
                Route(RULES_PATH, self.list_rules),
                Route(RULES_PATH, self.change_rules, methods=["POST"]),
                Route("/2/tweets/search/stream", self.connect),
                Route("/2/tweets/search/recent", self.search),
                Route("/2/media/upload", self.upload, methods=["POST"]),
                Route("/2/tweets", self.create_post, methods=["POST"]),
                Route("/media/{name}", self.photo),
                Route("/_workshop/ready", self.stats),
                Route("/_workshop/posts", self.timeline),
                Route("/_workshop/stats", self.stats),
                Route("/_workshop/faults", self.fault, methods=["POST", "DELETE"]),
            ],
            exception_handlers={Problem: answer},
            # What is around the file of an upload is less than 1 MiB.
            middleware=[Middleware(Guard, max_body=MAX_UPLOAD_BYTES + MIB)],
        )


class Server(uvicorn.Server):
    """Ends at once when it is told to, also while a stream is open."""

    def __init__(self, x: X, config: uvicorn.Config) -> None:
        """Serve `x`."""
        super().__init__(config)
        self.x = x

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Hang up first, because uvicorn waits until all connections are closed."""
        self.x.hang_up()
        super().handle_exit(sig, frame)


@click.command()
@click.option("--port", type=int, required=True, help="TCP port on 127.0.0.1.")
@click.option("--username", default="learner", show_default=True, help="Who the keys belong to.")
@click.option(
    "--keep-alive", default=20.0, show_default=True, help="Seconds between signs of life."
)
@click.option(
    "--search-delay", default=30.0, show_default=True, help="Seconds until a post is found."
)
@click.option("--photos", type=click.Path(path_type=Path), help="Folder for the uploads.")
def main(
    port: int, username: str, keep_alive: float, search_delay: float, photos: Path | None
) -> None:
    """Run an emulated X on 127.0.0.1."""
    exit_with_parent()
    folder = photos or Path(tempfile.mkdtemp(prefix="offline-x-"))
    folder.mkdir(parents=True, exist_ok=True)
    keys = {name: key for name, key in os.environ.items() if name.startswith("TWITTER_") and key}
    x = X(f"http://127.0.0.1:{port}", username, folder, keep_alive, keys, search_delay)
    # An access log would hold what the learner does, and is of no use to anybody.
    quiet: dict[str, Any] = {"access_log": False, "log_level": "error"}
    config = uvicorn.Config(
        x.app(), "127.0.0.1", port, ws="none", lifespan="off", timeout_graceful_shutdown=1, **quiet
    )
    Server(x, config).run()


if __name__ == "__main__":
    main()
