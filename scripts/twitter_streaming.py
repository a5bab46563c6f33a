"""Listen to X (Twitter) and push the metadata of posts with photos to Amazon Data Firehose.

    X -> listen -> handle_line -> Buffer -> send -> Firehose

The listener thread runs `fill`: each line of `listen`, or of a recording, goes to `handle_line`.
The main thread takes batches of records out of the Buffer and gives them to `send`.
After each reconnect one more thread runs `backfill`: it searches for what the stream missed.
Ctrl-C and SIGTERM close the Buffer; the main thread sends what is in it, and ends.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections import Counter, deque, namedtuple
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Condition, Thread

import boto3
import requests
import tweepy
from botocore import exceptions as aws
from botocore.config import Config

X_URL = "https://api.twitter.com"  # tweepy's own; TWITTER_API_URL replaces it
KEYS = ("TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET", "TWITTER_TOKEN", "TWITTER_TOKEN_SECRET")
RULE_TAG = "serverless-bytes"
FIELDS = {"tweet.fields": "created_at", "media.fields": "url,type"}
FIELDS["expansions"] = "attachments.media_keys,author_id"
FATAL_STATUSES = {  # no retry helps
    400: "it does not understand the request",
    401: "the keys are wrong; copy them again from console.x.com",
    402: "no credits are left; buy some at console.x.com",
    403: "the app may not do this; check it at console.x.com",
}
SILENCE_SECONDS = 21  # X sends something every 20 s; a longer silence is a broken connection
# Seconds until we connect again: the first pause, and the longest. Each is twice the last one.
BREAK_PAUSES, ERROR_PAUSES, RATE_LIMIT_PAUSES = (0.25, 32), (5, 320), (60, 320)
STEADY_SECONDS = 60  # after a connection that held so long, the pauses start again
SNOWFLAKE_EPOCH_MS, SNOWFLAKE_SHIFT = 1288834974657, 22  # an id: milliseconds, and 22 bits more
SEARCH_WINDOW, OVERLAP = 600_000, 10  # seconds that X's search looks back, and the stream may lag
BATCH_RECORDS, BATCH_BYTES = 500, 4 << 20  # what one PutRecordBatch takes
RECORD_BYTES = 5_000  # the least that Firehose bills
BUFFER_LINES = 10_000  # with more waiting, we read from X more slowly
LINGER_SECONDS = 0.2  # how long a line waits for more
FLUSH_SECONDS = 30  # how long we send the rest after Ctrl-C
Record = namedtuple("Record", "data photos")  # lines of JSON, and how many: one a photo


class StreamingError(Exception):
    """We cannot go on; the message says why and what to do."""


class InputError(StreamingError):
    """What the user gave us is at fault."""


class X(requests.Session):
    """Our requests to X, and tweepy's. The stream is ours; rules, users and search are tweepy's."""

    def __init__(self, keys: dict[str, str], rule: str | None) -> None:
        super().__init__()
        token = keys["TWITTER_BEARER_TOKEN"] or self.bearer_token(keys)
        self.rule = rule or self.own_rule(keys)
        self.headers["Authorization"] = f"Bearer {token}"
        self.rules = tweepy.StreamingClient(token)
        self.posts = tweepy.Client(token, return_type=dict)
        self.rules.session = self.posts.session = self

    def request(self, method, url, *args, **options):
        """Send a request to X, or to TWITTER_API_URL; raise an error if that is the answer."""
        url = url.replace(X_URL, os.environ.get("TWITTER_API_URL", X_URL).rstrip("/"))
        options["timeout"] = SILENCE_SECONDS
        response = super().request(method, url, *args, **options)
        if message := FATAL_STATUSES.get(response.status_code):
            raise StreamingError(f"X answered {response.status_code}: {message}")
        response.raise_for_status()
        return response

    def bearer_token(self, keys: dict[str, str]) -> str:
        """Log in as the app, for the token with which it listens."""
        grant, app = {"grant_type": "client_credentials"}, (keys[KEYS[0]], keys[KEYS[1]])
        return str(self.post(f"{X_URL}/oauth2/token", grant, auth=app).json()["access_token"])

    def own_rule(self, keys: dict[str, str]) -> str:
        """Log in as the user: the default rule is the user's own posts with pictures."""
        user = tweepy.Client(None, *(keys[name] for name in KEYS))
        user.session = self
        return f"from:{user.get_me(user_auth=True).data.username} has:images -is:retweet"

    def set_rule(self) -> None:
        """Have exactly our rule under our tag; others stay."""
        rules = self.rules.get_rules().data or []
        if old := [rule.id for rule in rules if rule.tag == RULE_TAG and rule.value != self.rule]:
            self.rules.delete_rules(old)
        if all(rule.value != self.rule for rule in rules):
            for error in self.rules.add_rules(tweepy.StreamRule(self.rule, RULE_TAG)).errors:
                if error.get("title") != "DuplicateRule":
                    raise InputError(f"X does not accept the rule: {error}")


def listen(x: X, buffer: Buffer) -> Iterator[bytes]:
    """Yield the lines of X's stream; when it ends, pause and connect again."""
    pause, last_received = 0.0, 0.0
    while True:
        started, (first, longest) = time.monotonic(), BREAK_PAUSES
        try:
            x.set_rule()
            with x.get(f"{X_URL}/2/tweets/search/stream", params=FIELDS, stream=True) as response:
                print_line(f"Connected to X. The rule: {x.rule}")
                if last_received:
                    Thread(target=backfill, args=[x, last_received, buffer], daemon=True).start()
                last_received = time.time()
                # X sends each line as a chunk; from a server without chunks we read byte by byte.
                for line in filter(None, response.iter_lines(None if response.raw.chunked else 1)):
                    last_received = time.time()
                    yield line
            problem = "X closed the stream"
        except StreamingError:
            raise
        except requests.HTTPError as error:
            status = error.response.status_code
            problem = f"X answered {status}"
            first, longest = RATE_LIMIT_PAUSES if status == 429 else ERROR_PAUSES
        except Exception as error:
            problem = f"The connection to X broke ({type(error).__name__})"
        if time.monotonic() - started > STEADY_SECONDS:
            pause = 0.0
        pause = min(max(2 * pause, first), longest)
        print_line(f"{problem}; connecting again in {pause:g} s.")
        time.sleep(pause)


def backfill(x: X, last_received: float, buffer: Buffer) -> None:
    """Search for the posts that the stream missed. A photo that comes twice changes nothing."""
    fields = {name.replace(".", "_"): value for name, value in FIELDS.items()}  # as tweepy has them
    since = id_at(max(last_received - OVERLAP, time.time() - SEARCH_WINDOW))
    for pause in 0, 40:  # X's search finds a post after about 30 s
        time.sleep(pause)
        try:
            find = x.posts.search_recent_tweets
            for page in tweepy.Paginator(find, x.rule, since_id=since, **fields):
                for post in page.get("data", []):
                    handle_line(json.dumps({**page, "data": post}).encode(), buffer)
        except Exception as error:
            print_line(f"The search for missed posts failed: {error}")


def id_at(seconds: float) -> int:
    """Return the lowest id that X gives to a post at this Unix time."""
    return (int(seconds * 1000) - SNOWFLAKE_EPOCH_MS) << SNOWFLAKE_SHIFT


def fill(lines: Iterable[bytes], buffer: Buffer) -> None:
    """Handle all lines; then close the buffer, with the error if one ended them."""
    try:
        for line in lines:
            handle_line(line, buffer)
        buffer.close()
    except Exception as error:
        buffer.close(error)


def handle_line(line: bytes, buffer: Buffer) -> None:
    """Take one line of X's stream, whatever it holds."""
    text = line.strip()
    if not text or text.startswith(b":"):  # it only keeps the connection alive
        return
    try:
        message = json.loads(text.removeprefix(b"data:"))
        if "data" in message:
            buffer.add([json.dumps(photo).encode() + b"\n" for photo in extract_photos(message)])
        else:
            for error in message.get("errors", [message]):
                print_line(f"X says: {error['title']}: {error.get('detail')}")
    except Exception as error:
        buffer.counts["unreadable"] += 1
        print_line(f"A line of the stream could not be read ({type(error).__name__}); going on.")


def extract_photos(message: dict) -> list[dict[str, str]]:
    """Return the photos of a post, each as its line for Firehose says it; a video has none."""
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


class Buffer:
    """Lines on their way from X, one post at a time, to Firehose, in batches."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.closed_at: float | None = None
        self.error: Exception | None = None  # that closed it
        self._lines: deque[bytes] = deque()
        self._changed = Condition()

    def add(self, lines: list[bytes]) -> None:
        """Add the lines of one post; wait while the buffer is full."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed_at or len(self._lines) < BUFFER_LINES)
            if not self.closed_at:
                self.counts["posts"] += 1
                self.counts["photos"] += len(lines)
                self.counts["skipped"] += 0 if lines else 1
                self._lines.extend(lines)
                self._changed.notify_all()

    def close(self, error: Exception | None = None) -> None:
        """Take no more; `batches` ends with what is there."""
        with self._changed:
            if not self.closed_at:
                self.closed_at, self.error = time.monotonic(), error
            self._changed.notify_all()

    def batches(self) -> Iterator[list[Record]]:
        """Yield a batch as soon as it is full, and what there is every LINGER_SECONDS."""
        while not self.closed_at or self._lines:
            with self._changed:
                self._changed.wait_for(
                    lambda: self.closed_at or len(self._lines) >= BATCH_RECORDS, LINGER_SECONDS
                )
                batch = pack(self._lines)
                for _ in range(sum(record.photos for record in batch)):
                    self._lines.popleft()
                self._changed.notify_all()
            yield batch


def pack(lines: Iterable[bytes]) -> list[Record]:
    """Pack lines into the records of one batch, as many as it takes. No line is cut."""
    records: list[Record] = []
    size = 0
    for line in lines:
        size += len(line)
        fits = bool(records) and len(records[-1].data) + len(line) <= RECORD_BYTES
        if size > BATCH_BYTES or (len(records) == BATCH_RECORDS and not fits):
            break
        data, photos = records.pop() if fits else (b"", 0)
        records.append(Record(data + line, photos + 1))
    return records


def send(firehose, stream: str, batch: list[Record], buffer: Buffer) -> None:
    """Send a batch, and again what Firehose did not take of it."""
    pause = 0.1
    while batch:
        unsent = batch
        try:
            records = [{"Data": record.data} for record in batch]
            answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
            # Each record has its own result, also when the call succeeds.
            results = zip(batch, answer["RequestResponses"], strict=True)
            unsent = [record for record, result in results if result.get("ErrorCode")]
            problem = f"Firehose did not take {len(unsent)} of {len(batch)} records"
        except (aws.BotoCoreError, aws.ClientError) as error:
            if not is_temporary(error):
                raise
            problem = str(error).rstrip(".")
        buffer.counts["sent"] += sum(r.photos for r in batch) - sum(r.photos for r in unsent)
        if unsent:
            if buffer.closed_at and time.monotonic() - buffer.closed_at > FLUSH_SECONDS:
                raise StreamingError(f"{problem}; the rest was not sent")
            print_line(f"{problem}; sending {len(unsent)} again in {pause:.1f} s.")
            time.sleep(pause)
            pause = min(2 * pause, 5)
        batch = unsent


def is_temporary(error: Exception) -> bool:
    """Tell whether Firehose may take the same records later: it is not reached, or overloaded."""
    if not isinstance(error, aws.ClientError):
        return isinstance(error, (aws.ConnectionError, aws.HTTPClientError))
    code: str = error.response["Error"]["Code"]
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or "Throttl" in code or "Limit" in code


def print_line(text: str, end: str = "\n") -> None:
    """Print over the terminal's status line, in one write because several threads print."""
    print(f"\r\033[K{text}{end}" if sys.stdout.isatty() else text + end, end="", flush=True)


def print_counts(counts: Counter[str], end: str = "\n") -> None:
    """Print the counts; without a line end they are the terminal's status line."""
    names = ("posts", "photos", "sent", "failed", "skipped", "unreadable")
    print_line(", ".join(f"{name} {counts[name]}" for name in names), end)


def read_keys(config: argparse.Namespace) -> dict[str, str]:
    """Return the keys of X that we need, from the secret or from the environment."""
    token = os.environ.get("TWITTER_BEARER_TOKEN", "").strip()
    needed: tuple[str, ...] = () if token else KEYS[:2]
    if not config.rule:
        needed = KEYS  # the default rule names the user, and X tells us the name
    keys = dict(os.environ)
    if needed and config.secret:
        answer = boto3.client("secretsmanager").get_secret_value(SecretId=config.secret)
        keys = json.loads(answer["SecretString"])
    if missing := ", ".join(name for name in needed if not keys.get(name)):
        raise InputError(f"{missing} not set; set them, or TWITTER_BEARER_TOKEN and a rule")
    return keys | {"TWITTER_BEARER_TOKEN": token}


def read_config() -> argparse.Namespace:
    """Merge the configuration file and the command line, which wins."""
    beside = Path(__file__).with_suffix(".json")
    files = f"JSON: delivery_stream, region, secret, rule; default: {beside.name}"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.set_defaults(config=beside if beside.exists() else None, region=None, secret=None)
    parser.add_argument("--config", type=Path, metavar="FILE", help=files)
    parser.add_argument("--delivery-stream", metavar="NAME")
    parser.add_argument("--rule", help="which posts; default: your own posts with pictures")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="recorded posts, not X")
    config = parser.parse_args()
    try:
        if config.config:
            parser.set_defaults(**json.loads(config.config.read_text()))
        config = parser.parse_args()
        config.recording = config.replay.open("rb") if config.replay else None
    except (OSError, ValueError, TypeError) as error:
        parser.error(f"--config or --replay cannot be read: {error}")
    if not config.delivery_stream:
        parser.error("no --delivery-stream, and none in the configuration")
    return config


def run(config: argparse.Namespace, buffer: Buffer) -> None:
    """Send what the listener brings until the buffer is closed and empty; raise what stops us."""
    once = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    firehose = boto3.client("firehose", config=once)
    lines = config.recording or listen(X(read_keys(config), config.rule), buffer)
    Thread(target=fill, args=[lines, buffer], daemon=True).start()
    for batch in buffer.batches():
        send(firehose, config.delivery_stream, batch, buffer)
        if sys.stdout.isatty():
            print_counts(buffer.counts, end="")
    if buffer.error:
        raise buffer.error


def main() -> int:
    """Run until Ctrl-C, SIGTERM or the end of the recording; return the exit code."""
    logging.disable()  # what libraries log, we say in a sentence
    config, buffer = read_config(), Buffer()
    boto3.setup_default_session(region_name=config.region)
    for number in signal.SIGINT, signal.SIGTERM:  # in a thread: the lock may be ours right now
        signal.signal(number, lambda *_: Thread(target=buffer.close).start())
    problem: Exception | None = None
    try:
        run(config, buffer)
    except requests.RequestException as error:
        problem = StreamingError(f"X does not let us in: {error}")
    except (StreamingError, aws.BotoCoreError, aws.ClientError) as error:
        problem = error
    buffer.close()
    buffer.counts["failed"] = buffer.counts["photos"] - buffer.counts["sent"]
    print_counts(buffer.counts)
    if not problem:
        return 0
    print(f"Stopped: {str(problem).rstrip('.')}.", file=sys.stderr)
    return 2 if isinstance(problem, InputError) else 1


if __name__ == "__main__":
    sys.exit(main())
