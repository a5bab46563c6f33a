"""Listen to X (Twitter) and push the metadata of posts with photos to Amazon Data Firehose.

Each photo becomes one line of JSON: media_key, url, post_id, username, text, created_at.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
import requests
import tweepy
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

X_API = "https://api.twitter.com"  # tweepy's own
RULE_TAG = "serverless-bytes"
KEYS = ("TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET", "TWITTER_TOKEN", "TWITTER_TOKEN_SECRET")
REFUSALS = {  # no retry helps
    400: "it does not understand the request",
    401: "the keys are wrong; copy them again from console.x.com",
    402: "no credits are left; buy some at console.x.com",
    403: "the app may not do this; check it at console.x.com",
}
BATCH_RECORDS, BATCH_BYTES = 500, 4 << 20  # what one PutRecordBatch takes
RECORD_BYTES = 5_000  # the least that Firehose bills
BUFFER_LINES = 10_000  # with more waiting, we read from X more slowly
LINGER_SECONDS = 0.2  # how long a line waits for more
FLUSH_SECONDS = 30  # how long we send the rest after Ctrl-C
FIELDS = {
    "expansions": "attachments.media_keys,author_id",
    "media_fields": "url,type",
    "tweet_fields": "created_at",
}


class StreamingError(Exception):
    """We cannot go on; the text says why and what to do."""


class InputError(StreamingError):
    """What the user gave us is at fault."""


class Buffer:
    """Lines on their way from X, one post at a time, to Firehose, in batches."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.closed = 0.0  # when, if it is
        self._lines: deque[bytes] = deque()
        self._changed = threading.Condition()

    def add(self, lines: list[bytes]) -> None:
        """Add the lines of one post; wait while the buffer is full."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or len(self._lines) < BUFFER_LINES)
            if not self.closed:
                self.counts["posts"] += 1
                self.counts["photos" if lines else "skipped"] += len(lines) or 1
                self._lines.extend(lines)
                self._changed.notify_all()

    def close(self) -> None:
        """Take no more; `batches` ends with what is there."""
        with self._changed:
            self.closed = self.closed or time.monotonic()
            self._changed.notify_all()

    def batches(self) -> Iterator[list[bytes]]:
        """Yield batches of records: full, LINGER_SECONDS old, or empty."""
        while not self.closed or self._lines:
            batch: list[bytes] = []
            with self._changed:
                if self._changed.wait_for(lambda: self.closed or self._lines, 0.5):
                    self._changed.wait_for(
                        lambda: self.closed or len(self._lines) >= BATCH_RECORDS, LINGER_SECONDS
                    )
                room = BATCH_BYTES
                while self._lines and len(batch) < BATCH_RECORDS and len(self._lines[0]) <= room:
                    line = self._lines.popleft()
                    room -= len(line)
                    if not batch or len(batch[-1] + line) > RECORD_BYTES:
                        batch.append(b"")
                    batch[-1] += line
                self._changed.notify_all()
            yield batch


def photos_of(message: dict[str, Any]) -> list[dict[str, str]]:
    """Return the photos of a post; a video has none."""
    post, includes = message["data"], message.get("includes", {})
    media = {item["media_key"]: item for item in includes.get("media", [])}
    users = {user["id"]: user.get("username") for user in includes.get("users", [])}
    described = {
        "post_id": post["id"],
        "username": users.get(post.get("author_id")) or "",
        "text": post.get("text", "")[:80_000],  # Firehose takes 1,000 KiB
        "created_at": post.get("created_at", ""),
    }
    return [
        {"media_key": key, "url": media[key]["url"], **described}
        for key in post.get("attachments", {}).get("media_keys", [])
        if media.get(key, {}).get("type") == "photo" and media[key].get("url")
    ]


def receive(raw: bytes, buffer: Buffer) -> None:
    """Take one line of X's stream, whatever it holds."""
    text = raw.strip()
    if not text or text.startswith(b":"):  # a keep-alive
        return
    try:
        message = json.loads(text.removeprefix(b"data:"))
        if "data" in message:
            buffer.add([json.dumps(photo).encode() + b"\n" for photo in photos_of(message)])
        else:
            for error in message.get("errors", [message]):
                say(f"X says: {error['title']}: {error.get('detail')}")
    except Exception as error:
        buffer.counts["unreadable"] += 1
        say(f"A line of the stream could not be read ({type(error).__name__}); going on.")


class ApiAddress(requests.adapters.HTTPAdapter):
    """Leads tweepy to TWITTER_API_URL; reads at once; waits 21 s at most."""

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        """Send a request that tweepy made."""
        base = os.environ.get("TWITTER_API_URL", X_API).rstrip("/")
        request.url = base + request.url.removeprefix(X_API)
        response = super().send(request, *args, **options | {"timeout": 21})
        raw: Any = response.raw
        # Else urllib3 holds a post back until it has 512 bytes.
        raw.stream = lambda *_, **__: iter(lambda: raw.read1(1 << 16, decode_content=True), b"")
        return response


class PostStream(tweepy.StreamingClient):
    """X's filtered stream; bad lines, pauses and refusals are ours."""

    def __init__(self, bearer_token: str, buffer: Buffer, rule: str) -> None:
        super().__init__(bearer_token)
        self.archive = tweepy.Client(bearer_token, return_type=dict)
        self.archive.session.mount(X_API, ApiAddress())
        self.session.mount(X_API, ApiAddress())
        self.buffer, self.rule = buffer, rule
        self.heard = 0.0  # when X last sent something
        self.problem: StreamingError | None = None
        self._paused_at, self._pause = 0.0, 0.25

    def listen(self) -> None:
        """Fill the buffer until it is closed or X refuses; then close it."""
        while not (self.buffer.closed or self.problem):
            try:
                self.set_rule()
                self.filter(**FIELDS)
            except Exception as error:
                self.on_exception(error)
        self.buffer.close()

    def set_rule(self) -> None:
        """Have exactly our rule under our tag; others stay."""
        rules = self.get_rules().data or []
        if old := [rule.id for rule in rules if rule.tag == RULE_TAG and rule.value != self.rule]:
            self.delete_rules(old)
        if all(rule.value != self.rule for rule in rules):
            answer = self.add_rules(tweepy.StreamRule(self.rule, RULE_TAG))
            for error in answer.errors or []:
                if error.get("title") != "DuplicateRule":
                    raise InputError(f"X does not accept the rule: {error}")

    def on_connect(self) -> None:
        """Say so; get what was posted meanwhile, which the stream does not bring."""
        say(f"Connected to X. The rule: {self.rule}")
        if self.heard:
            threading.Thread(target=self.catch_up, args=[self.heard], daemon=True).start()
        self.heard = time.time()

    def catch_up(self, heard: float) -> None:
        """Search twice: X finds a post after 30 s. The same photo again changes nothing."""
        since = (int(max(heard - 10, time.time() - 6e5) * 1000) - 1288834974657) << 22
        for pause in 0, 40:
            time.sleep(pause)
            try:
                search = self.archive.search_recent_tweets
                for page in tweepy.Paginator(search, self.rule, since_id=since, **FIELDS):
                    for post in page.get("data", []):
                        receive(json.dumps({**page, "data": post}).encode(), self.buffer)
            except Exception as error:
                say(f"What was posted meanwhile may be missing: {error}")

    def on_data(self, raw_data: bytes) -> None:
        """Replace tweepy's parser, which ends at a line it cannot read."""
        self.heard = time.time()
        receive(raw_data, self.buffer)

    def on_closed(self, response: requests.Response) -> None:
        """Wait; tweepy would not, and X allows 50 connects in 15 minutes."""
        self._wait("X closed the stream")

    def on_connection_error(self) -> None:
        """Wait: the connection broke or was silent for 21 s."""
        self._wait("The connection to X broke")

    def on_request_error(self, status_code: int) -> None:
        """Give up where no retry helps; else tweepy waits."""
        if status_code in REFUSALS:
            self.problem = StreamingError(f"X answered {status_code}: {REFUSALS[status_code]}")
            self.disconnect()
        elif status_code == 409:  # somebody deleted our rule
            self.set_rule()
        else:
            say(f"X answered {status_code}; trying again in a while.")

    def on_exception(self, exception: Exception) -> None:
        """Give up where no retry helps."""
        if isinstance(exception, StreamingError):
            self.problem = exception
        elif (status := getattr(getattr(exception, "response", 0), "status_code", 0)) in REFUSALS:
            self.on_request_error(status)
        else:
            self._wait(f"X cannot be reached ({type(exception).__name__})")

    def _wait(self, what: str) -> None:
        now = time.monotonic()
        self._pause = 0.25 if now - self._paused_at > 60 else min(2 * self._pause, 32)
        self._paused_at = now
        say(f"{what}; connecting again in {self._pause} s.")
        time.sleep(self._pause)


def open_stream(buffer: Buffer, config: dict[str, Any]) -> PostStream:
    """Log in to X: as the app, and as the user for the default rule."""
    token, rule = os.environ.get("TWITTER_BEARER_TOKEN", "").strip(), config.get("rule")
    needed = KEYS if not rule else () if token else KEYS[:2]
    keys: dict[str, str] = dict(os.environ)
    if needed and config.get("secret"):
        answer = boto3.client("secretsmanager").get_secret_value(SecretId=config["secret"])
        keys = json.loads(answer["SecretString"])
    if missing := ", ".join(name for name in needed if not keys.get(name)):
        raise InputError(f"{missing} not set; set them, or TWITTER_BEARER_TOKEN and a rule")
    with requests.Session() as session:
        session.mount(X_API, ApiAddress())
        if not token:
            grant, key = {"grant_type": "client_credentials"}, (keys[KEYS[0]], keys[KEYS[1]])
            login = session.post(f"{X_API}/oauth2/token", grant, auth=key)
            login.raise_for_status()
            token = login.json()["access_token"]
        if not rule:
            user = tweepy.Client(None, *(keys[name] for name in KEYS))
            user.session = session
            rule = f"from:{user.get_me(user_auth=True).data.username} has:images -is:retweet"
    return PostStream(token, buffer, rule)


def replay(lines: Iterable[bytes], buffer: Buffer) -> None:
    """Feed recorded posts to the buffer as if X sent them."""
    for line in lines:
        receive(line, buffer)
    buffer.close()


def send(firehose: Any, stream: str, batch: list[bytes], buffer: Buffer) -> None:
    """Send a batch, and again what failed of it."""
    pause = 0.1
    while batch:
        try:
            records = [{"Data": data} for data in batch]
            answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
            # Each record has its own result, also with HTTP 200.
            results = zip(batch, answer["RequestResponses"], strict=True)
            unsent = [data for data, result in results if result.get("ErrorCode")]
            problem = f"Firehose did not take {len(unsent)} of {len(batch)} records"
        except (NoConnection, HTTPClientError) as error:  # or no answer in time
            unsent, problem = batch, str(error)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            problem = error.response["Error"]["Code"]
            if status < 500 and "Throttl" not in problem and "Limit" not in problem:
                raise
            unsent = batch
        buffer.counts["sent"] += b"".join(batch).count(b"\n") - b"".join(unsent).count(b"\n")
        if unsent:
            if buffer.closed and time.monotonic() - buffer.closed > FLUSH_SECONDS:
                raise StreamingError(f"{problem}; the rest was not sent")
            say(f"{problem}; sending {len(unsent)} again in {pause:.1f} s.")
            time.sleep(pause)
            pause = min(2 * pause, 5)
        batch = unsent


def say(text: str, end: str = "\n") -> None:
    """Print a line over the live count, a terminal's; in one piece, for several threads do."""
    print(f"\r\033[K{text}{end}" if sys.stdout.isatty() else text + end, end="", flush=True)


def summary(counts: Counter[str]) -> str:
    """Say the counts in words."""
    names = ("posts", "photos", "sent", "failed", "skipped", "unreadable")
    return " · ".join(f"{name} {counts[name]}" for name in names)


def read_config() -> dict[str, Any]:
    """Merge the configuration file and the command line, which wins."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    beside = Path(__file__).with_suffix(".json")
    parser.add_argument(
        "--config",
        type=Path,
        default=beside if beside.exists() else None,
        metavar="FILE",
        help=f"JSON: delivery_stream, region, secret, rule; default: {beside.name}",
    )
    parser.add_argument("--delivery-stream", metavar="NAME")
    parser.add_argument("--rule", help="which posts; default: your own posts with pictures")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="recorded posts, not X")
    given = parser.parse_args()
    try:
        config: dict[str, Any] = json.loads(given.config.read_text()) if given.config else {}
        config |= {name: value for name, value in vars(given).items() if value}
        if given.replay:
            config["replay"] = given.replay.open("rb")
    except (OSError, ValueError, TypeError) as error:
        parser.error(f"--config or --replay cannot be read: {error}")
    if not config.get("delivery_stream"):
        parser.error("no --delivery-stream, and none in the configuration")
    return config


def main() -> int:
    """Run until Ctrl-C, SIGTERM or the replay's end; return the exit code."""
    logging.disable()  # what tweepy logs, `PostStream` says in a sentence
    config = read_config()
    if config.get("region"):
        os.environ["AWS_DEFAULT_REGION"] = config["region"]
    buffer = Buffer()
    for number in (signal.SIGINT, signal.SIGTERM):
        # In a thread: the lock may be ours right now.
        signal.signal(number, lambda *_: threading.Thread(target=buffer.close).start())
    stream = problem = None
    try:
        once = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
        firehose = boto3.client("firehose", config=once)
        if "replay" not in config:
            stream = open_stream(buffer, config)
        listen = stream.listen if stream else lambda: replay(config["replay"], buffer)
        threading.Thread(target=listen, daemon=True).start()
        for batch in buffer.batches():
            send(firehose, config["delivery_stream"], batch, buffer)
            if sys.stdout.isatty():
                say(summary(buffer.counts), end="")
        problem = stream.problem if stream else None
    except (tweepy.HTTPException, requests.RequestException) as error:
        status = getattr(error.response, "status_code", 0)
        problem = StreamingError(f"X does not let us in: {REFUSALS.get(status, error)}")
    except (StreamingError, BotoCoreError, ClientError) as error:
        problem = error
    buffer.close()
    buffer.counts["failed"] = buffer.counts["photos"] - buffer.counts["sent"]
    say(summary(buffer.counts))
    if problem:
        print(f"Stopped: {str(problem).rstrip('.')}.", file=sys.stderr)
    return 0 if not problem else 2 if isinstance(problem, InputError) else 1


if __name__ == "__main__":
    sys.exit(main())
