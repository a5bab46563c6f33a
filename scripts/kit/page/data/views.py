"""The table, the queue, the topic, the logs and the secrets; each view is an object of JSON.

`more` of a view asks for what comes after it; it is empty at the end.
"""

from __future__ import annotations

import json
import shlex
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from starlette.exceptions import HTTPException

from kit.jsonl import Json
from kit.page.data.buckets import ROWS
from kit.page.data.places import Place
from kit.page.formatting import iso, pretty_line
from kit.page.pollers.functions import command_for
from kit.page.services import Services
from kit.page.state import State
from kit.stack.failure_queue import FailedEvent, FailureQueue, NotSentError, read_message

KEY = "media_key"  # the table's
COLUMNS = (KEY, "text", "outcome", "similarity")
MAX_TEXT = 16_000  # characters of a message
MAX_LINE = 4_000  # characters of a line of a log
plain = TypeDeserializer().deserialize


class Views:
    """They read; nothing is changed."""

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.services.client(service)

    # --- The table ----------------------------------------------------------------------------

    def table(self, place: Place, after: str) -> Json:
        """Some columns of the items, those of the newest posts first.

        A scan of DynamoDB has no order, so only this page of it is sorted.
        """
        start = {"ExclusiveStartKey": {KEY: {"S": after}}} if after else {}
        names = {f"#{number}": name for number, name in enumerate(COLUMNS)}  # "text" is reserved
        answer = self.client("dynamodb").scan(
            TableName=place.name,
            Limit=ROWS,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
            **start,
        )
        items = [plain({"M": item}) for item in answer["Items"]]
        rows = [{name: cell(item.get(name)) for name in COLUMNS} for item in items]
        return {
            "rows": sorted(rows, key=newest_first),
            "more": answer.get("LastEvaluatedKey", {}).get(KEY, {}).get("S", ""),
            "command": f"aws dynamodb scan --table-name {place.name} --max-items {ROWS}",
        }

    def item(self, place: Place, key: str) -> Json:
        """A whole item."""
        typed = {KEY: {"S": key}}
        answer = self.client("dynamodb").get_item(
            TableName=place.name, Key=typed, ConsistentRead=True
        )
        if "Item" not in answer:
            raise HTTPException(404, "The table has no such item.")
        shown = shlex.quote(json.dumps(typed, ensure_ascii=False))
        return {
            "text": json.dumps(
                plain({"M": answer["Item"]}), indent=2, ensure_ascii=False, default=as_json
            ),
            "photo": bool(self.state.posts.photo(key)),
            "command": f"aws dynamodb get-item --table-name {place.name} --key {shown}",
        }

    # --- The queue ----------------------------------------------------------------------------

    def queue(self, place: Place, _: str) -> Json:
        """The messages, which stay in the queue."""
        stack = self.state.stack or {"name": ""}
        queue = FailureQueue(self.client, stack["name"], self.state.ids)
        messages = queue.peek(ROWS)
        rows = [message_row(message, queue.names) for message in messages]
        return {
            "rows": sorted(rows, key=lambda row: (row["at"], row["id"]), reverse=True),
            "more": "",
            # Version 1 of the CLI takes SQS's address from nowhere else.
            "command": (
                f"aws sqs receive-message --queue-url {place.name} --visibility-timeout 0 \\\n"
                '  --max-number-of-messages 10 --endpoint-url "$AWS_ENDPOINT_URL"'
            ),
        }

    # --- The topic ----------------------------------------------------------------------------

    def topic(self, place: Place, after: str) -> Json:
        """The subscriptions, and the mails that were sent to them."""
        token = {"NextToken": after} if after else {}
        answer = self.client("sns").list_subscriptions_by_topic(TopicArn=place.name, **token)
        since = (self.state.stack or {}).get("created", "")
        sent = [m for m in list(self.state.mails) if not m["token"] and m["sent"] >= since]
        return {
            "rows": [
                {
                    "endpoint": one["Endpoint"],
                    "protocol": one["Protocol"],
                    # One that waits for its confirmation is listed without its ARN.
                    "confirmed": one["SubscriptionArn"].startswith("arn:"),
                }
                for one in answer["Subscriptions"]
            ],
            "mails": [
                {name: mail[name] for name in ("number", "sent", "to", "subject")}
                for mail in reversed(sent)
            ],
            "more": answer.get("NextToken", ""),
            "command": f"aws sns list-subscriptions-by-topic --topic-arn {place.name}",
        }

    # --- A log --------------------------------------------------------------------------------

    def log(self, place: Place, after: str) -> Json:
        """The newest lines of a log group, or those before; the oldest of them first.

        Args:
            place: the log group.
            after: "TIMESTAMP-NUMBER": the oldest line that was shown, in milliseconds, and how
                many of this millisecond were shown.
        """
        until, shown = parse_after(after)
        lines = self.newest_lines(place.name, until, ROWS + shown + 1)
        lines = lines[: len(lines) - shown]
        page = lines[-ROWS:]
        more = ""
        if len(lines) > len(page):
            first = page[0][0]
            same = sum(moment == first for moment, _ in page)
            same += shown if until == first else 0
            more = f"{first}-{same}"
        return {
            "rows": [{"at": iso(moment / 1000), "text": text} for moment, text in page],
            "more": more,
            "command": command_for(shlex.quote(place.name)),
        }

    def newest_lines(self, group: str, until: int | None, number: int) -> list[tuple[int, str]]:
        """At least so many of the newest lines, up to a moment and with it; the oldest first.

        Each worker of the function writes a stream of its own; those that ended before are not
        read.
        """
        logs, found = self.client("logs"), list[tuple[int, str]]()
        end = {} if until is None else {"endTime": until + 1}  # CloudWatch: "not included"
        streams = logs.describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=50
        )["logStreams"]
        for stream in streams:
            found.sort(key=lambda line: line[0])
            ended = stream.get("lastEventTimestamp", 0)  # one without events has none
            if len(found) >= number and ended < found[-number][0]:
                break
            events = logs.get_log_events(
                logGroupName=group,
                logStreamName=stream["logStreamName"],
                startFromHead=False,
                limit=number,
                **end,
            )["events"]
            found += [(e["timestamp"], e["message"].rstrip()[:MAX_LINE]) for e in events]
        found.sort(key=lambda line: line[0])
        return found[-number:]

    # --- A secret -----------------------------------------------------------------------------

    def secret(self, place: Place, _: str) -> Json:
        """What a secret is called; its value is never read."""
        found = self.client("secretsmanager").describe_secret(SecretId=place.name)
        return {
            "rows": [
                {
                    "name": found["Name"],
                    "description": found.get("Description", ""),
                    "changed": iso(found["LastChangedDate"]) if "LastChangedDate" in found else "",
                }
            ],
            "more": "",
            "command": f"aws secretsmanager describe-secret --secret-id {shlex.quote(place.name)}",
        }


def newest_first(row: Json) -> tuple[bool, int]:
    """A key to sort by: the number in X's media keys grows; other keys come after all of X's."""
    number = row[KEY].rpartition("_")[2]
    return (False, -int(number)) if number.isdecimal() else (True, 0)


def cell(value: Any) -> str:
    """A value of an item as text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(as_json(value))


def as_json(value: Any) -> Any:
    """DynamoDB's numbers, sets and bytes as JSON has them."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return sorted(value, key=str) if isinstance(value, set) else str(value)


def message_row(message: Json, names: dict[str, str]) -> Json:
    """A message of the queue: what failed, and why; or that it is no such message."""
    failed: FailedEvent | None = None
    problem = ""
    try:
        failed = read_message(message["Body"], names)
    except NotSentError as error:
        problem = str(error)
    records = failed.payload["Records"] if failed else []
    return {
        "id": message["MessageId"],
        "at": iso(int(message["Attributes"]["SentTimestamp"]) / 1000),
        "function": failed.function if failed else "",
        "keys": [str(record["s3"]["object"]["key"]) for record in records],
        "error": failed.error[:500] if failed else problem,
        "sendable": failed is not None,
        "text": pretty_line(message["Body"])[:MAX_TEXT],
    }


def parse_after(after: str) -> tuple[int | None, int]:
    """The two numbers of a log's `more`; (None, 0) if it is none."""
    moment, _, number = after.partition("-")
    if not (moment.isdecimal() and number.isdecimal() and len(after) < 40):
        return None, 0
    return int(moment), int(number)
