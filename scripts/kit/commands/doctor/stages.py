"""All stages in the order of the data, and how to check them one after the other."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import requests
from botocore.exceptions import BotoCoreError, ClientError

from kit.commands.doctor import (
    account,
    delivery,
    finding,
    fixes,
    functions,
    matches,
    reference,
    streamer,
    triggers,
    workshop,
)
from kit.commands.doctor.finding import OK, Finding, unknown, wrong
from kit.commands.doctor.stack_context import GoneError, StackContext
from kit.commands.errors import NOT_SUBSCRIBED, SUBSCRIBE
from kit.stack.find import StackNotFoundError
from kit.text import shorten

# What services answer when they get too many calls, in their "Common Errors" and S3's.
THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline.

    Attributes:
        name: as the output shows it.
        check: finds out how it is.
        owns: the resources that are reported here if somebody has deleted them.
        offline: whether only the emulated AWS has it.
    """

    name: str
    check: Callable[[StackContext], Finding]
    owns: tuple[str, ...] = ()
    offline: bool = False


STAGES = (
    Stage(finding.CREDENTIALS, account.check_credentials),
    Stage(finding.WORKSHOP, workshop.check_workshop, offline=True),
    Stage(finding.STACK, account.check_stack),
    Stage(finding.SUBSCRIPTION, matches.check_subscription, ("MatchTopic",)),
    Stage(finding.KEYS, streamer.check_keys, ("TwitterKeys",)),
    Stage(
        finding.INSTANCE, streamer.check_instance, ("StreamingInstance", "StreamingInstanceRole")
    ),
    Stage(finding.STREAMER, streamer.check_streamer),
    Stage(finding.STREAM, delivery.check_stream, ("DeliveryStream", "DeliveryStreamRole")),
    Stage(finding.OBJECTS, delivery.check_objects, ("TwitterBucket",)),
    Stage(finding.TRIGGERS, triggers.check_triggers),
    Stage(
        finding.TWITTER,
        functions.check_twitter,
        ("TwitterLambdaFunction", "TwitterLambdaRole", "TwitterLambdaLogs"),
    ),
    Stage(finding.PHOTOS, delivery.check_photos, ("RekognitionBucket",)),
    Stage(finding.TABLE, matches.check_table, ("PostsTable",)),
    Stage(
        finding.REKOGNITION,
        functions.check_rekognition,
        ("RekognitionLambdaFunction", "RekognitionLambdaRole", "RekognitionLambdaLogs"),
    ),
    Stage(finding.QUEUE, functions.check_queue, ("FailureQueue",)),
    Stage(finding.REFERENCE, reference.check_reference),
    Stage(finding.EXERCISE, matches.check_exercise),
    Stage(finding.COMPARISON, matches.check_comparison),
)
OWNERS = {resource: stage.name for stage in STAGES for resource in stage.owns}
FIRST = (finding.CREDENTIALS, finding.STACK)  # without these, no other stage can be checked


def check_all(context: StackContext) -> dict[str, Finding]:
    """Check all stages: name → what was found there.

    Raises:
        StackNotFoundError: there is no such stack, or there are several.
    """
    findings: dict[str, Finding] = {}
    blocked = ""
    for stage in STAGES:
        if stage.offline and not context.endpoint:
            continue
        findings[stage.name] = (
            unknown(f"not checked: see {blocked}") if blocked else check(stage, context)
        )
        if stage.name in FIRST and findings[stage.name].status != OK:
            blocked = stage.name
    return finding.without_consequences(findings)


def check(stage: Stage, context: StackContext) -> Finding:
    """Check a stage; say so if that is impossible, or if its resource was deleted."""
    try:
        return stage.check(context)
    except GoneError as gone:
        owner = OWNERS[gone.logical_id]
        if owner == stage.name:
            return deleted_resource(context, gone.logical_id)
        return unknown(f"see {owner}")
    except ClientError as error:
        return refused(context, error)
    except requests.RequestException as error:  # its text may hold a signed address
        message = type(error).__name__
    except (BotoCoreError, zipfile.BadZipFile) as error:
        message = shorten(error)
    except StackNotFoundError:
        raise
    except Exception as error:  # an answer that nobody expected must not hide the other stages
        return unknown(
            f"this check itself failed ({type(error).__name__}: {shorten(error)})",
            "please report it, as .github/CONTRIBUTING.md says",
        )
    return unknown(f"cannot be checked: {message}")


def refused(context: StackContext, error: ClientError) -> Finding:
    """What it means that AWS refuses a call of the doctor's."""
    code, message = error.response["Error"]["Code"], shorten(error)
    if code in NOT_SUBSCRIBED:
        cause = f"The account lacks the service, and so do the functions: {message}"
        return wrong(f"AWS refuses: {code}", cause, SUBSCRIBE)
    if code in THROTTLED:
        return unknown(f"AWS throttled this check ({code})", "run doctor again in a minute")
    if not context.ids:  # without the stack no stage can be checked
        fix = "Use credentials with read access to everything, such as ReadOnlyAccess gives"
        return wrong("it cannot be checked", message, fix)
    return unknown(f"cannot be checked: {message}")


def deleted_resource(context: StackContext, logical_id: str) -> Finding:
    """Say how to get a resource back that somebody deleted."""
    name, kind = context.ids[logical_id], context.resource(logical_id)["Type"]
    fix = context.relaunch()
    if kind == "AWS::Logs::LogGroup":
        fix = f"{fixes.create_log_group(name)}, and post again"
    elif kind == "AWS::S3::Bucket":  # the stack's deletion empties it, and fails without it
        fix = f"{fixes.create_bucket(name, context.region)} && {fix}"
    return wrong(f"{name} ({logical_id}) no longer exists", "Somebody deleted it.", fix)
