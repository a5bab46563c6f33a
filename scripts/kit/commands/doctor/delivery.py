"""Delivery: Firehose, the buckets, and what starts the functions when an object arrives."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from kit.commands.doctor.finding import (
    OBJECTS,
    REFERENCE,
    REKOGNITION,
    STREAM,
    TRIGGERS,
    TWITTER,
    Finding,
    count,
    nothing,
    ok,
    quoted,
    shorten,
    when,
    wrong,
)
from kit.commands.doctor.function_runs import recent_runs
from kit.commands.doctor.permissions import covers, lost_permissions
from kit.commands.doctor.stack_context import GoneError, Json, Patient, newest

# How S3 names new objects: the functions' photo and what Firehose writes are put.
EVENTS = ("s3:ObjectCreated:*", "s3:ObjectCreated:Put")


def see_stream(patient: Patient) -> Finding:
    """Firehose's delivery stream is there, works, and may write into the right bucket."""
    name = patient.ids["DeliveryStream"]
    try:
        answer = patient.ask("DeliveryStream", "describe_delivery_stream")
    except GoneError:
        return create_again(patient, name)
    stream = answer["DeliveryStreamDescription"]
    status = stream["DeliveryStreamStatus"]
    if status == "CREATING":
        return nothing(f"{name} is being created", "wait a minute, then look again")
    if status != "ACTIVE":
        return wrong(f"{name} is {status}", "It takes no records.", patient.relaunch())
    return (
        wrong_destination(patient, stream)
        or lost_permissions(patient, "DeliveryStreamRole")
        or ok(f"{name} is {status}")
    )


def create_again(patient: Patient, name: str) -> Finding:
    """The stream was deleted. It is the one resource that one command brings back."""
    destination = patient.wanted("DeliveryStream", "ExtendedS3DestinationConfiguration")
    hints = destination["BufferingHints"]
    hints["IntervalInSeconds"] = int(hints["IntervalInSeconds"])
    return wrong(
        f"{name} does not exist",
        "Somebody deleted it. The streamer has nowhere to send posts to, and stops.",
        f"aws firehose create-delivery-stream --delivery-stream-name {name} "
        "--delivery-stream-encryption-configuration-input KeyType=AWS_OWNED_CMK "
        f"--extended-s3-destination-configuration {quoted(destination)}, "
        "then start the streamer again",
    )


def wrong_destination(patient: Patient, stream: Json) -> Finding | None:
    """The stream writes elsewhere, or as somebody else."""
    (destination,) = stream["Destinations"]
    found = destination.get("ExtendedS3DestinationDescription", {})
    wanted = patient.wanted("DeliveryStream", "ExtendedS3DestinationConfiguration")
    other = {key: wanted[key] for key in ("BucketARN", "RoleARN") if found.get(key) != wanted[key]}
    if not other:
        return None
    name = patient.ids["DeliveryStream"]
    described = ", ".join(f"its {key} is {found.get(key)}" for key in other)
    return wrong(
        f"{name} was changed: {described}",
        f"{TWITTER} is started by what arrives in {patient.ids['TwitterBucket']}.",
        f"aws firehose update-destination --delivery-stream-name {name} "
        f"--current-delivery-stream-version-id {stream['VersionId']} "
        f"--destination-id {destination['DestinationId']} "
        f"--extended-s3-destination-update {quoted(other)}",
    )


def see_objects(patient: Patient) -> Finding:
    """Firehose has written objects."""
    if not (objects := patient.objects("TwitterBucket")):
        text = f"none yet in {patient.ids['TwitterBucket']}: no post with a photo arrived"
        return nothing(text, "post a photo as the user whose keys they are (step 6)")
    return ok(f"{count(len(objects), 'object')}, the last one at {when(newest(objects))}")


def see_triggers(patient: Patient) -> Finding:
    """New objects start both functions: S3 may do it, and is to do it."""
    for function, bucket in (TWITTER, "TwitterBucket"), (REKOGNITION, "RekognitionBucket"):
        # The permission first: without it S3 does not accept the notification.
        problem = missing_permission(patient, function, bucket)
        if problem := problem or missing_notification(patient, function, bucket):
            return problem
    return ok("new objects in both buckets start their functions")


def missing_permission(patient: Patient, function: str, bucket: str) -> Finding | None:
    """S3 may not invoke the function."""
    source, name = patient.arn(bucket), patient.ids[function]
    patient.function(function)  # if it is gone, that is what is to be said
    try:
        policy = json.loads(patient.ask(function, "get_policy")["Policy"])
    except GoneError:
        policy = {"Statement": []}  # AWS keeps no empty policy
    for statement in policy["Statement"]:
        principal, condition = statement["Principal"], statement.get("Condition", {})
        sources = [
            value
            for values in condition.values()
            for key, value in values.items()
            if key.lower() == "aws:sourcearn"
        ]
        if (
            statement["Effect"] == "Allow"
            and (principal == "*" or principal.get("Service") == "s3.amazonaws.com")
            and covers(statement, "lambda:InvokeFunction", patient.arn(function))
            and all(fnmatchcase(source, pattern) for pattern in sources)
        ):
            return None
    return wrong(
        f"S3 may not start {function}",
        f"The permission lambda:InvokeFunction for {source} was removed.",
        f"aws lambda add-permission --function-name {name} --statement-id {bucket}Permission "
        "--action lambda:InvokeFunction --principal s3.amazonaws.com "
        f"--source-account {patient.account} --source-arn {source}",
    )


def missing_notification(patient: Patient, function: str, bucket: str) -> Finding | None:
    """The bucket does not tell the function of new objects."""
    (wanted,) = patient.wanted(bucket, "NotificationConfiguration", "LambdaConfigurations")
    rules = wanted.get("Filter", {}).get("S3Key", {}).get("Rules", [])
    key = f"{rules[0]['Value']}3_1.jpg" if rules else "firehose/2026/11/23/01/stream-1"
    configured = patient.ask(bucket, "get_bucket_notification_configuration")
    for entry in configured.get("LambdaFunctionConfigurations", []):
        if (
            entry["LambdaFunctionArn"] == wanted["Function"]
            and set(entry["Events"]) & set(EVENTS)
            and passes(key, entry.get("Filter", {}).get("Key", {}).get("FilterRules", []))
        ):
            return None
    entry = {"LambdaFunctionArn": wanted["Function"], "Events": [wanted["Event"]]}
    if rules:
        entry["Filter"] = {"Key": {"FilterRules": rules}}
    name = patient.ids[bucket]
    return wrong(
        f"{name} does not start {function}",
        "Its notification of new objects was removed or changed.",
        f"aws s3api put-bucket-notification-configuration --bucket {name} "
        f"--notification-configuration {quoted({'LambdaFunctionConfigurations': [entry]})}",
    )


def passes(key: str, rules: list[Json]) -> bool:
    """Say whether an object's key passes the filter of a notification."""
    return all(
        key.startswith(rule["Value"])
        if rule["Name"].lower() == "prefix"
        else key.endswith(rule["Value"])
        for rule in rules
    )


def see_photos(patient: Patient) -> Finding:
    """TwitterLambdaFunction has stored photos."""
    bucket = patient.ids["RekognitionBucket"]
    if photos := patient.objects("RekognitionBucket", "images/"):
        return ok(f"{count(len(photos), 'photo')}, the last one at {when(newest(photos))}")
    text = f"none yet in {bucket}/images/"
    rejected = [
        match[1]
        for run in recent_runs(patient, TWITTER)
        for line in run.lines
        if (match := re.search("^Photo .* rejected: (.+)", line))
    ]
    if rejected:
        return wrong(
            f"{text}: all were rejected",
            f"{TWITTER} says of the last one: {shorten(rejected[-1])}",
            "Post another photo, a JPEG or PNG; if its address is the matter, launch the stack "
            "with the right PhotoUrlPrefix",
            TWITTER,
            *([REFERENCE] if "not the metadata" in rejected[-1] else []),  # it may lie there
        )
    delivered = patient.objects("TwitterBucket")
    if delivered and newest(delivered) < datetime.now(UTC) - timedelta(minutes=1):
        return wrong(
            f"{text}, though metadata arrived at {when(newest(delivered))}",
            f"{TWITTER} was not started by it, or did not get to its end.",
            "Post a photo again; what the function logs says more",
            STREAM,
            OBJECTS,
            TRIGGERS,
            TWITTER,
        )
    return nothing(text)
