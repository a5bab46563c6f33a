"""Send lines of JSON, one for each photo, to Amazon Data Firehose in batches."""

import os
import sys
import time
from collections import Counter, namedtuple
from collections.abc import Iterator
from threading import Condition

import boto3
from botocore import exceptions as aws
from botocore.config import Config

BATCH_RECORDS = 500  # of one PutRecordBatch
BATCH_BYTES = 4 << 20  # the same
RECORD_BYTES = 5_000  # the least that Firehose bills
BUFFER_LINES = 10_000  # with more, we read X more slowly
LINGER_SECONDS = 0.2  # that a line waits for more
FLUSH_SECONDS = 30  # that we send after Ctrl-C
Record = namedtuple('Record', 'data photos')  # lines of JSON, and how many


class StreamingError(Exception):
    """We cannot go on; the message says why."""


class Buffer:
    """Lines on their way from X, post by post, to Firehose, in batches."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rule_ids: list[str] = []  # X's, of our rule
        self.closed_at: float | None = None
        self.error: Exception | None = None  # that closed it
        self._lines: list[bytes] = []
        self._changed = Condition()

    def add(self, lines: list[bytes]) -> None:
        """Add the lines of one post; wait while the buffer is full."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed_at or len(self._lines) < BUFFER_LINES)
            if not self.closed_at:
                self.counts['posts'] += 1
                self.counts['photos'] += len(lines)
                self.counts['skipped'] += not lines
                self._lines += lines
                self._changed.notify_all()

    def close(self, error: Exception | None = None) -> None:
        """Take no more; `batches` ends with what is there."""
        with self._changed:
            if not self.closed_at:
                self.closed_at, self.error = time.monotonic(), error
            self._changed.notify_all()

    def batches(self) -> Iterator[list[Record]]:
        """Yield full batches, or what is there after LINGER_SECONDS; raise the error in the end."""
        while not self.closed_at or self._lines:
            with self._changed:
                self._changed.wait_for(
                    lambda: self.closed_at or len(self._lines) >= BATCH_RECORDS, LINGER_SECONDS
                )
                batch = pack(self._lines)
                del self._lines[: sum(record.photos for record in batch)]
                self._changed.notify_all()
            yield batch
        if self.error:
            raise self.error


def pack(lines: list[bytes]) -> list[Record]:
    """Pack as many lines as one batch takes into records. No line is cut."""
    records: list[Record] = []
    size = 0
    for line in lines:
        size += len(line)
        fits = bool(records) and len(records[-1].data) + len(line) <= RECORD_BYTES
        if size > BATCH_BYTES or (len(records) == BATCH_RECORDS and not fits):
            break
        if fits:
            data, photos = records[-1]
            records[-1] = Record(data + line, photos + 1)
        else:
            records.append(Record(line, 1))
    return records


def send_all(stream: str, buffer: Buffer) -> None:
    """Send what is added until the buffer is closed and empty."""
    once = Config(connect_timeout=5, read_timeout=10, retries={'total_max_attempts': 1})
    firehose = boto3.client('firehose', config=once)
    for batch in buffer.batches():
        send(firehose, stream, batch, buffer)
        if sys.stdout.isatty():
            print_counts(buffer.counts, end='')


def send(firehose, stream: str, batch: list[Record], buffer: Buffer) -> None:
    """Send a batch, and again what Firehose did not take."""
    pause = 0.1
    while batch:
        unsent = batch
        try:
            records = [{'Data': record.data} for record in batch]
            answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
            results = zip(batch, answer['RequestResponses'], strict=True)
            unsent = [record for record, result in results if result.get('ErrorCode')]
            problem = f'Firehose did not take {len(unsent)} of {len(batch)} records'
        except (aws.BotoCoreError, aws.ClientError) as error:
            if not is_temporary(error):
                raise
            problem = str(error).rstrip('.')
        buffer.counts['sent'] += sum(r.photos for r in batch) - sum(r.photos for r in unsent)
        if unsent:
            if buffer.closed_at and time.monotonic() - buffer.closed_at > FLUSH_SECONDS:
                raise StreamingError(f'{problem}; the rest was not sent')
            print_line(f'{problem}; sending {len(unsent)} again in {pause:.1f} s.')
            time.sleep(pause)
            pause = min(2 * pause, 5)
        batch = unsent


def is_temporary(error: Exception) -> bool:
    """Tell whether Firehose may take the same later: it is away, or overloaded."""
    if not isinstance(error, aws.ClientError):
        return isinstance(error, (aws.ConnectionError, aws.HTTPClientError))
    code: str = error.response['Error']['Code']
    status: int = error.response['ResponseMetadata']['HTTPStatusCode']
    return status >= 500 or 'Throttl' in code or 'Limit' in code


def print_line(text: str, end: str = '\n') -> None:
    """Print over the status line, in one write because several threads print."""
    try:
        print(f'\r\033[K{text}{end}' if sys.stdout.isatty() else text + end, end='', flush=True)
    except OSError:  # the terminal is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_counts(counts: Counter[str], end: str = '\n') -> None:
    """Print the counts; without a line end they are the status line."""
    names = ('posts', 'photos', 'sent', 'failed', 'skipped', 'unreadable')
    print_line(', '.join(f'{name} {counts[name]}' for name in names), end)
