"""The streamer: the X keys in their secret, the instance, and the connection to X."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from kit.admin_client import AdminClient
from kit.commands.doctor import fixes
from kit.commands.doctor.finding import (
    INSTANCE,
    KEYS,
    STREAM,
    Finding,
    local_time,
    ok,
    unknown,
    wrong,
)
from kit.commands.doctor.permissions import lost_permissions
from kit.commands.doctor.stack_context import StackContext, metric_sum
from kit.jsonl import Json
from kit.keys import TOKEN
from kit.text import count

RULE_TAG = "serverless-bytes"  # of the rule that twitter_streaming.py sets
DEFAULT_RULE = " has:images -is:retweet"  # how it ends, after the learner's name
STATUS_CHECKS = ("SystemStatus", "InstanceStatus")  # of EC2
LAUNCH = timedelta(minutes=30)  # no launch takes longer
START = "Start it on the instance (step 5): python twitter_streaming.py"


def check_keys(context: StackContext) -> Finding:
    """The secret exists. Its content is not read: only X knows whether the keys are right."""
    if deleted := context.call("TwitterKeys", "describe_secret").get("DeletedDate"):
        return wrong(
            "the secret with the keys is scheduled for deletion",
            f"Somebody deleted it; it can be restored until {local_time(deleted)}.",
            fixes.restore_secret(context.ids["TwitterKeys"]),
        )
    return ok("the secret with the keys exists")


def check_instance(context: StackContext) -> Finding:
    """The instance runs, and its role allows what the streamer does."""
    instance = context.ids["StreamingInstance"]
    answer = context.call("StreamingInstance", "describe_instances")
    state = answer["Reservations"][0]["Instances"][0]["State"]["Name"]
    message = f"{instance} is {state}"
    if state == "pending":
        return unknown(message, "run doctor again in a minute")
    if state in ("terminated", "shutting-down"):
        return wrong(message, "Somebody terminated the instance.", context.relaunch())
    if state != "running":
        return wrong(
            message,
            "The streamer runs on this instance, so no post arrives.",
            f"{fixes.start_instance(instance)}, then start the streamer again (step 5)",
        )
    if lost := lost_permissions(context, "StreamingInstanceRole"):
        return lost
    statuses = context.call("StreamingInstance", "describe_instance_status")["InstanceStatuses"]
    if any(status[check]["Status"] == "impaired" for status in statuses for check in STATUS_CHECKS):
        return wrong(
            f"{instance} is running, but fails EC2's status checks",
            "Its hardware or its operating system has a problem.",
            f"{fixes.restart_instance(instance)}, then start the streamer again (step 5)",
        )
    return ok(message)


def check_streamer(context: StackContext) -> Finding:
    """The streamer is connected to X. On AWS only its terminal shows that."""
    if context.x_url:
        return check_offline_streamer(context)
    if context.endpoint:
        return unknown("cannot be checked: TWITTER_API_URL does not name the emulated X")
    if recent := incoming_records(context, minutes=15):
        return ok(f"it sent {count(recent, 'record')} in the last 15 minutes")
    terminal = context.outputs.get("ConnectToInstance")
    start = f"{START}; its terminal is {terminal}" if terminal else START
    if (began := started_again(context)) and not incoming_records(context, minutes_since(began)):
        return wrong(
            f"it has sent nothing since the instance began at {local_time(began)}",
            "The instance was replaced, or stopped and started, after the launch of the stack. "
            "That ended the streamer.",
            start,
            INSTANCE,
        )
    sent = count(incoming_records(context, minutes=24 * 60), "record")
    return unknown(
        f"it sent {sent} in the last 24 hours; only its terminal shows whether it is connected "
        "to X",
        start,
    )


def started_again(context: StackContext) -> datetime | None:
    """When the instance began, if that was after the launch of the stack.

    EC2 API Reference, "Instance": the launch time is that of the last start.
    """
    reservations = context.call("StreamingInstance", "describe_instances")["Reservations"]
    began: datetime = reservations[0]["Instances"][0]["LaunchTime"]
    return began if context.created and began > context.created + LAUNCH else None


def minutes_since(moment: datetime) -> int:
    """How many minutes ago it was, at least five, for which CloudWatch has a value."""
    return max(5, int((datetime.now(UTC) - moment).total_seconds() / 60))


def check_offline_streamer(context: StackContext) -> Finding:
    """Ask the emulated X, which knows whether the streamer is connected, and why not."""
    stats: Json = AdminClient(context.x_url, os.environ.get(TOKEN, ""), timeout=5).get("stats")
    if stats["connected"]:
        return connected(context, stats["rules"])
    refused = f"X last refused it with {stats['refusal']}. " if stats["refusal"] else ""
    return wrong(
        "not connected to the emulated X",
        f"It was not started, or it stopped. {refused}Its terminal shows the reason.",
        START,
        KEYS,
        INSTANCE,
        STREAM,
    )


def connected(context: StackContext, rules: list[Json]) -> Finding:
    """The streamer is connected; X has its rule, and those of other programs."""
    chosen = context.parameters.get("StreamRule") or DEFAULT_RULE
    others = [
        rule["value"]
        for rule in rules
        # Another program may have set the same rule before, under another tag.
        if rule.get("tag") != RULE_TAG and not rule["value"].endswith(chosen)
    ]
    left = f"the stream has {count(len(others), 'rule')} of other programs: {'; '.join(others)}"
    if len(others) == len(rules):
        return wrong(
            "connected to the emulated X, but its rule is gone",
            "Somebody has deleted it, so X sends none of your posts"
            f"{f'; {left}' if others else ''}. The streamer sets it when it connects.",
            "Stop the streamer with Ctrl-C, and start it again (step 5)",
        )
    skipped = f"; {left}, whose posts it skips and X bills" if others else ""
    return ok(f"connected to the emulated X{skipped}")


def incoming_records(context: StackContext, minutes: int) -> int:
    """How many records Firehose accepted lately."""
    name = context.ids["DeliveryStream"]
    stream = {"DeliveryStreamName": name}
    return metric_sum(context, "AWS/Firehose", "IncomingRecords", minutes / 60, **stream)
