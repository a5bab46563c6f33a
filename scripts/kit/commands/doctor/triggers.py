"""The triggers: what makes S3 invoke the functions when an object arrives."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

from kit.commands.doctor import fixes
from kit.commands.doctor.finding import REKOGNITION, TWITTER, Finding, ok, wrong
from kit.commands.doctor.permissions import covers
from kit.commands.doctor.stack_context import GoneError, StackContext
from kit.jsonl import Json

# The function puts its photos; Firehose writes objects by multipart upload if its buffer waits less
# than a minute (Data Firehose Developer Guide, "Configure buffering hints").
PUT, MULTIPART = "s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"
MULTIPART_SECONDS = 60


def check_triggers(context: StackContext) -> Finding:
    """New objects invoke both functions: S3 has the permission, and the bucket the notification."""
    for function, bucket in (TWITTER, "TwitterBucket"), (REKOGNITION, "RekognitionBucket"):
        # The permission first: without it S3 does not accept the notification.
        if missing := (
            missing_permission(context, function, bucket)
            or missing_notification(context, function, bucket)
        ):
            return missing
    return ok("new objects in both buckets invoke their functions")


def missing_permission(context: StackContext, function: str, bucket: str) -> Finding | None:
    """S3 has no permission to invoke the function."""
    bucket_arn, function_arn = context.arn(bucket), context.arn(function)
    context.function(function)  # if the function itself is gone, that is what to report
    try:
        policy = json.loads(context.call(function, "get_policy")["Policy"])
    except GoneError:
        policy = {"Statement": []}  # AWS keeps no empty policy
    if any(allows_s3(statement, function_arn, bucket_arn) for statement in policy["Statement"]):
        return None
    return wrong(
        f"S3 is not allowed to invoke {function}",
        f"The permission lambda:InvokeFunction for {bucket_arn} was removed.",
        fixes.allow_s3_to_invoke(
            context.ids[function], f"{bucket}Permission", context.account, bucket_arn
        ),
    )


def allows_s3(statement: Json, function_arn: str, bucket_arn: str) -> bool:
    """Whether a statement of a function's policy lets S3 invoke it for the bucket."""
    principal = statement["Principal"]
    sources = [
        value
        for values in statement.get("Condition", {}).values()
        for key, value in values.items()
        if key.lower() == "aws:sourcearn"
    ]
    return (
        statement["Effect"] == "Allow"
        and (principal == "*" or principal.get("Service") == "s3.amazonaws.com")
        and covers(statement, "lambda:InvokeFunction", function_arn)
        and all(fnmatchcase(bucket_arn, pattern) for pattern in sources)
    )


def missing_notification(context: StackContext, function: str, bucket: str) -> Finding | None:
    """The bucket does not notify the function about new objects."""
    (expected,) = context.expected(bucket, "NotificationConfiguration", "LambdaConfigurations")
    rules = expected.get("Filter", {}).get("S3Key", {}).get("Rules", [])
    key = f"{rules[0]['Value']}3_1.jpg" if rules else "firehose/2026/11/23/01/stream-1"
    event = event_of(context, bucket)
    configured = context.call(bucket, "get_bucket_notification_configuration")
    for found in configured.get("LambdaFunctionConfigurations", []):
        if (
            found["LambdaFunctionArn"] == expected["Function"]
            and any(fnmatchcase(event, pattern) for pattern in found["Events"])
            and passes_filter(key, found.get("Filter", {}).get("Key", {}).get("FilterRules", []))
        ):
            return None
    notification: Json = {"LambdaFunctionArn": expected["Function"], "Events": [expected["Event"]]}
    if rules:
        notification["Filter"] = {"Key": {"FilterRules": rules}}
    name = context.ids[bucket]
    return wrong(
        f"{name} does not invoke {function}",
        "The bucket's notification about new objects was removed or changed.",
        fixes.notify_function(name, notification),
    )


def event_of(context: StackContext, bucket: str) -> str:
    """What S3 calls the event of a new object in a bucket."""
    if bucket == "RekognitionBucket":
        return PUT
    destination = context.expected("DeliveryStream", "ExtendedS3DestinationConfiguration")
    seconds = int(destination["BufferingHints"]["IntervalInSeconds"])
    return MULTIPART if seconds < MULTIPART_SECONDS else PUT


def passes_filter(key: str, rules: list[Json]) -> bool:
    """Whether an object's key passes the filter of a notification."""
    return all(
        key.startswith(rule["Value"])
        if rule["Name"].lower() == "prefix"
        else key.endswith(rule["Value"])
        for rule in rules
    )
