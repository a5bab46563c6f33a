"""Listen to X (Twitter) and push the metadata of posts with photos to Amazon Data Firehose.

    X -> listen -> handle_line -> Buffer -> send -> Firehose

One thread fills the Buffer, the main thread sends what is in it; after a reconnect one more
searches for what the stream missed. Ctrl-C, SIGTERM and SIGHUP close the Buffer, which is the end.
"""

import argparse
import html
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Thread

import boto3
import requests
import tweepy
from botocore import exceptions as aws

from firehose_producer import Buffer, StreamingError, print_counts, print_line, send_all

X_URL = 'https://api.twitter.com'  # tweepy's; TWITTER_API_URL replaces it
KEYS = ('TWITTER_CONSUMER_KEY', 'TWITTER_CONSUMER_SECRET', 'TWITTER_TOKEN', 'TWITTER_TOKEN_SECRET')
RULE_TAG = 'serverless-bytes'
FIELDS = {
    'tweet.fields': 'attachments,author_id,created_at,note_tweet',
    'media.fields': 'url,type',
    'expansions': 'attachments.media_keys,author_id',
}
FATAL_STATUSES = {  # no retry helps
    400: 'it does not understand the request',
    401: 'the keys are wrong; copy them again from console.x.com',
    402: 'no credits are left; buy some at console.x.com',
    403: 'the app may not do this; check it at console.x.com',
    404: "this is not X's API; check TWITTER_API_URL",
}
SILENCE_SECONDS = 21  # X says something every 20 s
BREAK_PAUSES = (0.25, 32)  # seconds: the first, and the longest
ERROR_PAUSES = (5, 320)
RATE_LIMIT_PAUSES = (60, 320)
STEADY_SECONDS = 60  # after them the pauses start again
SEARCH_SECONDS = 600_000  # X's search looks back so far
OVERLAP_SECONDS = 10  # the stream may lag


class InputError(StreamingError):
    """What the user gave us is at fault."""


class X(requests.Session):
    """Our requests to X, and tweepy's, which does rules, users and search."""

    def __init__(self, keys: dict[str, str], rule: str | None) -> None:
        super().__init__()
        token = keys['TWITTER_BEARER_TOKEN'] or self.bearer_token(keys)
        self.rule = rule or self.own_rule(keys)
        self.headers['Authorization'] = f'Bearer {token}'
        self.rules = tweepy.StreamingClient(token)
        self.posts = tweepy.Client(token, return_type=dict)
        self.rules.session = self.posts.session = self

    def request(self, method, url, *args, **options):
        """Send a request to X, or to TWITTER_API_URL; raise its error."""
        url = url.replace(X_URL, os.environ.get('TWITTER_API_URL', X_URL).rstrip('/'))
        options['timeout'] = SILENCE_SECONDS
        response = super().request(method, url, *args, **options)
        if message := FATAL_STATUSES.get(response.status_code):
            raise StreamingError(f'X answered {response.status_code}: {message}')
        response.raise_for_status()
        return response

    def bearer_token(self, keys: dict[str, str]) -> str:
        """Log in as the app."""
        app = (keys[KEYS[0]], keys[KEYS[1]])
        grant = {'grant_type': 'client_credentials'}
        return str(self.post(f'{X_URL}/oauth2/token', grant, auth=app).json()['access_token'])

    def own_rule(self, keys: dict[str, str]) -> str:
        """Log in as the user, whose posts with pictures are the default."""
        user = tweepy.Client(None, *(keys[name] for name in KEYS))
        user.session = self
        return f'from:{user.get_me(user_auth=True).data.username} has:images -is:retweet'

    def set_rule(self) -> list[str]:
        """Have only our rule under our tag, and return its id; name the others."""
        ours = []
        for rule in self.rules.get_rules().data or []:
            if rule.value == self.rule:
                ours.append(rule.id)
            elif rule.tag == RULE_TAG:
                for error in self.rules.delete_rules(rule.id).errors:
                    raise StreamingError(f'X keeps the rule {rule.value}: {error.get("detail")}')
            else:
                print_line(f'Posts of another rule, which X bills, are skipped: {rule.value}')
        if not ours:
            answer = self.rules.add_rules(tweepy.StreamRule(self.rule, RULE_TAG))
            ours = [rule.id for rule in answer.data or []]
            for error in answer.errors:
                if error.get('title') != 'DuplicateRule':
                    details = ' '.join(error.get('details', [str(error)]))
                    raise InputError(f'X refuses the rule {self.rule}: {details}')
                ours.append(error.get('id'))
        return ours


def listen(x: X, buffer: Buffer) -> Iterator[bytes]:
    """Yield the lines of X's stream; when it ends, connect again."""
    pause, last_received = 0.0, 0.0
    while True:
        started = time.monotonic()
        first, longest = BREAK_PAUSES
        try:
            buffer.rule_ids = x.set_rule()
            with x.get(f'{X_URL}/2/tweets/search/stream', params=FIELDS, stream=True) as response:
                print_line(f'Connected to X. The rule: {x.rule}')
                if last_received:
                    Thread(target=backfill, args=[x, last_received, buffer], daemon=True).start()
                last_received = time.time()
                # Each line is a chunk. Without chunks, we read byte by byte.
                for line in filter(None, response.iter_lines(None if response.raw.chunked else 1)):
                    last_received = time.time()
                    yield line
            problem = 'X closed the stream'
        except StreamingError:
            raise
        except requests.HTTPError as error:
            status = error.response.status_code
            problem = f'X answered {status}'
            if 'TooManyConnections' in error.response.text:
                problem += ': another copy of this program is connected; stop it'
            first, longest = RATE_LIMIT_PAUSES if status == 429 else ERROR_PAUSES
        except Exception as error:
            problem = f'The connection to X broke ({type(error).__name__})'
        if time.monotonic() - started > STEADY_SECONDS:
            pause = 0.0
        pause = min(max(2 * pause, first), longest)
        print_line(f'{problem}; connecting again in {pause:g} s.')
        time.sleep(pause)


def backfill(x: X, last_received: float, buffer: Buffer) -> None:
    """Search for what the stream missed. What comes twice changes nothing."""
    fields = {name.replace('.', '_'): value for name, value in FIELDS.items()}  # tweepy's names
    since = id_at(max(last_received - OVERLAP_SECONDS, time.time() - SEARCH_SECONDS))
    for pause in 0, 40:  # X's search finds a post after about 30 s
        time.sleep(pause)
        try:
            find = x.posts.search_recent_tweets
            for page in tweepy.Paginator(find, x.rule, since_id=since, **fields):
                for post in page.get('data', []):
                    handle_line(json.dumps({**page, 'data': post}).encode(), buffer)
        except Exception as error:
            print_line(f'The search for missed posts failed: {error}')


def id_at(seconds: float) -> int:
    """Return the lowest id that X gives to a post at this Unix time."""
    return (int(seconds * 1000) - 1288834974657) << 22  # ms, and 22 bits more


def fill(lines: Iterable[bytes], buffer: Buffer) -> None:
    """Handle all lines; then close the buffer, with the error that ended them."""
    try:
        for line in lines:
            handle_line(line, buffer)
        buffer.close()
    except Exception as error:
        buffer.close(error)


def handle_line(line: bytes, buffer: Buffer) -> None:
    """Take any line of X's stream; skip posts that fit other rules only."""
    text = line.strip()
    if not text or text.startswith(b':'):  # a keep-alive
        return
    try:
        message = json.loads(text.removeprefix(b'data:'))
        if 'data' in message:
            rules = [rule['id'] for rule in message.get('matching_rules', [])]
            skip = rules and buffer.rule_ids and not set(rules) & set(buffer.rule_ids)
            photos = [] if skip else extract_photos(message)
            buffer.add([json.dumps(photo).encode() + b'\n' for photo in photos])
        else:
            for error in message.get('errors', [message]):
                print_line(f"X says: {error['title']}: {error.get('detail')}")
    except Exception as error:
        buffer.counts['unreadable'] += 1
        print_line(f'A line of the stream could not be read ({type(error).__name__}); going on.')


def extract_photos(message: dict) -> list[dict[str, str]]:
    """Return the photos of a post, as Firehose gets them."""
    post, includes = message['data'], message.get('includes', {})
    media = {item['media_key']: item for item in includes.get('media', [])}
    users = {user['id']: user.get('username') for user in includes.get('users', [])}
    described = {
        'post_id': post['id'],
        'username': users.get(post.get('author_id')) or '',
        # note_tweet is whole. Firehose takes 1,000 KiB.
        'text': html.unescape((post.get('note_tweet') or post).get('text', ''))[:80_000],
        'created_at': post.get('created_at', ''),
    }
    return [
        {'media_key': key, 'url': media[key]['url'], **described}
        for key in post.get('attachments', {}).get('media_keys', [])
        if media.get(key, {}).get('type') == 'photo' and media[key].get('url')
    ]


def read_keys(config: argparse.Namespace) -> dict[str, str]:
    """Return the keys of X, from the secret, which has the rule, or the environment."""
    token = os.environ.get('TWITTER_BEARER_TOKEN', '').strip()
    keys = dict(os.environ)
    if config.secret and not (token and config.rule):
        answer = boto3.client('secretsmanager').get_secret_value(SecretId=config.secret)
        keys = json.loads(answer['SecretString'])
    config.rule = config.rule or keys.get('STREAM_RULE')
    needed: tuple[str, ...] = () if token else KEYS[:2]  # the app's
    if not config.rule:
        needed = KEYS  # and the user's, whose name X tells us
    if missing := ', '.join(name for name in needed if not keys.get(name)):
        hint = 'update the stack with your keys, or run this with --replay sample_posts.jsonl'
        raise InputError(f'no keys of X ({missing}): {hint}')
    return keys | {'TWITTER_BEARER_TOKEN': token}


def read_config() -> argparse.Namespace:
    """Merge the configuration file and the command line."""
    file = Path(__file__).with_suffix('.json')
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.set_defaults(region=None, secret=None)
    parser.add_argument('--delivery-stream', metavar='NAME', help=f'default: that of {file.name}')
    parser.add_argument('--rule', help='which posts; default: your own posts with pictures')
    parser.add_argument('--replay', type=Path, metavar='FILE', help='recorded posts, not X')
    try:
        if file.exists():
            parser.set_defaults(**json.loads(file.read_text()))
        config = parser.parse_args()
        config.recording = config.replay.open('rb') if config.replay else None
    except (OSError, ValueError, TypeError) as error:
        parser.error(f'{file.name} or --replay cannot be read: {error}')
    if not config.delivery_stream:
        parser.error(f'no --delivery-stream, and none in {file.name}')
    return config


def run(config: argparse.Namespace, buffer: Buffer) -> None:
    """Listen in a thread, and send what it brings; raise what stops us."""
    lines = config.recording or listen(X(read_keys(config), config.rule), buffer)
    Thread(target=fill, args=[lines, buffer], daemon=True).start()
    send_all(config.delivery_stream, buffer)


def main() -> int:
    """Run until a signal, an error or the recording's end; return the exit code."""
    logging.disable()  # we say it in a sentence
    config, buffer = read_config(), Buffer()
    boto3.setup_default_session(region_name=config.region)
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP
            # In a thread: the lock may be ours right now.
            signal.signal(number, lambda *_: Thread(target=buffer.close).start())
    try:
        run(config, buffer)
        problem = None
    except requests.RequestException as error:
        problem = StreamingError(f'X does not let us in: {error}')
    except (StreamingError, aws.BotoCoreError, aws.ClientError) as error:
        problem = error
    buffer.close()
    buffer.counts['failed'] = buffer.counts['photos'] - buffer.counts['sent']
    print_counts(buffer.counts)
    if not problem:
        return 0
    print(f"Stopped: {str(problem).rstrip('.')}.", file=sys.stderr)
    return 2 if isinstance(problem, InputError) else 1


if __name__ == '__main__':
    sys.exit(main())
