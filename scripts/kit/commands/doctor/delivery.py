"""Delivery: Firehose's delivery stream, the records it delivered, and the photos of these."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from kit.commands.doctor import fixes
from kit.commands.doctor.finding import (
    OBJECTS,
    REFERENCE,
    STREAM,
    TRIGGERS,
    TWITTER,
    Finding,
    local_time,
    ok,
    unknown,
    wrong,
)
from kit.commands.doctor.function_runs import Run, recent_runs
from kit.commands.doctor.permissions import lost_permissions
from kit.commands.doctor.stack_context import GoneError, StackContext, newest
from kit.jsonl import Json
from kit.text import count, shorten


def check_stream(context: StackContext) -> Finding:
    """The delivery stream exists, works, and is allowed to write into the right bucket."""
    name = context.ids["DeliveryStream"]
    try:
        answer = context.call("DeliveryStream", "describe_delivery_stream")
    except GoneError:
        return deleted_stream(context, name)
    stream = answer["DeliveryStreamDescription"]
    status = stream["DeliveryStreamStatus"]
    if status == "CREATING":
        return unknown(f"{name} is being created", "run doctor again in a minute")
    if status != "ACTIVE":
        return wrong(
            f"{name} is {status}", "In this state it accepts no records.", context.relaunch()
        )
    return (
        wrong_destination(context, stream)
        or lost_permissions(context, "DeliveryStreamRole")
        or ok(f"{name} is {status}")
    )


def deleted_stream(context: StackContext, name: str) -> Finding:
    """The stream was deleted. It is the one resource that a single command brings back."""
    destination = context.expected("DeliveryStream", "ExtendedS3DestinationConfiguration")
    hints = destination["BufferingHints"]
    hints["IntervalInSeconds"] = int(hints["IntervalInSeconds"])
    create = fixes.create_delivery_stream(name, destination)
    return wrong(
        f"{name} does not exist",
        "Somebody deleted it. The streamer cannot send posts, and stops.",
        f"{create}, then start the streamer again (step 5)",
    )


def wrong_destination(context: StackContext, stream: Json) -> Finding | None:
    """The stream writes into another bucket, or with another role."""
    (destination,) = stream["Destinations"]
    found = destination.get("ExtendedS3DestinationDescription", {})
    expected = context.expected("DeliveryStream", "ExtendedS3DestinationConfiguration")
    changed = {
        key: expected[key] for key in ("BucketARN", "RoleARN") if found.get(key) != expected[key]
    }
    if not changed:
        return None
    name = context.ids["DeliveryStream"]
    return wrong(
        f"{name} was changed: " + ", ".join(f"its {key} is {found.get(key)}" for key in changed),
        f"{TWITTER} is invoked only for objects in {context.ids['TwitterBucket']}.",
        fixes.update_destination(
            name, stream["VersionId"], destination["DestinationId"], update=changed
        ),
    )


def check_objects(context: StackContext) -> Finding:
    """Firehose has written objects."""
    if not (objects := context.objects("TwitterBucket")):
        return unknown(
            f"none yet in {context.ids['TwitterBucket']}: no post with a photo arrived",
            "post a photo with the X account whose keys the stack has (step 6)",
        )
    return ok(f"{count(len(objects), 'object')}, the latest at {local_time(newest(objects))}")


def check_photos(context: StackContext) -> Finding:
    """TwitterLambdaFunction has stored photos."""
    runs = recent_runs(context, TWITTER)
    if photos := context.objects("RekognitionBucket", "images/"):
        message = f"{count(len(photos), 'photo')}, the latest at {local_time(newest(photos))}"
        notes = [f"; the last run rejected one: {shorten(why)}" for why in rejections(runs[-1:])]
        return ok(message + "".join(notes[-1:]))
    message = f"none yet in {context.ids['RekognitionBucket']}/images/"
    if rejected := rejections(runs):
        return wrong(
            f"{message}: all were rejected",
            f"{TWITTER} logged for the last one: {shorten(rejected[-1])}",
            "Post another photo, a JPEG or PNG. If its URL was rejected, launch the stack with "
            "the right PhotoUrlPrefix",
            TWITTER,
            # What is not metadata may be the reference photo, in the wrong bucket.
            *([REFERENCE] if "not the metadata" in rejected[-1] else []),
        )
    delivered = context.objects("TwitterBucket")
    if delivered and newest(delivered) < datetime.now(UTC) - timedelta(minutes=1):
        return wrong(
            f"{message}, though metadata arrived at {local_time(newest(delivered))}",
            f"{TWITTER} was not invoked for it, or did not finish.",
            "Post a photo again, then read the function's log",
            STREAM,
            OBJECTS,
            TRIGGERS,
            TWITTER,
        )
    return unknown(message)


def rejections(runs: list[Run]) -> list[str]:
    """Why TwitterLambdaFunction rejected photos in some runs, oldest first."""
    return [
        match[1]
        for run in runs
        for line in run.lines
        if (match := re.search("^Photo .* rejected: (.+)", line))
    ]
