"""The functions: whether Lambda can run them, how their last run went, and what failed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial

from kit.commands.doctor import finding as at
from kit.commands.doctor import fixes
from kit.commands.doctor.finding import Finding, local_time, ok, unknown, wrong
from kit.commands.doctor.function_code import broken_code, how_to_correct
from kit.commands.doctor.function_runs import Run, all_runs, recent_runs, running_since
from kit.commands.doctor.permissions import as_list, lost_permissions
from kit.commands.doctor.reference import find_reference
from kit.commands.doctor.stack_context import GoneError, StackContext, newest
from kit.commands.errors import NOT_SUBSCRIBED, SUBSCRIBE
from kit.text import count, shorten

# What a function needs: the resource, a call that shows whether it exists, and its stage.
NEEDS = {
    at.TWITTER: (
        ("TwitterBucket", "get_bucket_location", at.OBJECTS),
        ("RekognitionBucket", "get_bucket_location", at.PHOTOS),
        ("PostsTable", "describe_table", at.TABLE),
    ),
    at.REKOGNITION: (
        ("RekognitionBucket", "get_bucket_location", at.PHOTOS),
        ("PostsTable", "describe_table", at.TABLE),
        ("MatchTopic", "get_topic_attributes", at.SUBSCRIPTION),
    ),
}
LONG_RUN = timedelta(seconds=30)
# These environment variables are a choice; the others name the stack's resources.
CHOICES = ("REFERENCE_PHOTO", "SIMILARITY_THRESHOLD", "PHOTO_URL_PREFIX", "SAMPLE_URL_PREFIX")
# Rekognition's errors that a wrong reference photo can cause.
REFERENCE_ERRORS = "InvalidS3Object|InvalidParameter|InvalidImageFormat|ImageTooLarge"
# What AWS answers when photos come faster than a quota allows.
TOO_FAST = "Throttling|ThroughputExceeded|TooManyRequests|SlowDown|Rate exceeded"
POST_FIELDS = "Item|text|username|created_at|post_id"  # that a post, or all of it, can lack
QUEUE_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def check_function(context: StackContext, function: str) -> Finding:
    """The function is active, has its permissions, can be loaded, and its last run went well."""
    return (
        not_active(context, function)
        or lost_permissions(context, function.replace("Function", "Role"))
        or other_role(context, function)
        or other_environment(context, function)
        or useless_threshold(context, function)
        or broken_code(context, function)
        or runs(context, function)
    )


check_twitter = partial(check_function, function=at.TWITTER)
check_rekognition = partial(check_function, function=at.REKOGNITION)


def not_active(context: StackContext, function: str) -> Finding | None:
    """Lambda does not run the function."""
    config = context.configuration(function)
    states = {config.get("State"), config.get("LastUpdateStatus")}
    if "Failed" in states:
        cause = config.get("StateReason") or config.get("LastUpdateStatusReason", "no reason given")
        return wrong("Lambda cannot run it", shorten(cause), how_to_correct(context, function))
    if states & {"Pending", "InProgress"}:
        return unknown("it is being updated", "run doctor again in a minute")
    if context.call(function, "get_function_concurrency").get("ReservedConcurrentExecutions") == 0:
        return wrong(
            "it is throttled: its reserved concurrency is 0",
            "Somebody pressed Throttle in the console.",
            fixes.end_throttling(context.ids[function]),
        )
    return None


def other_role(context: StackContext, function: str) -> Finding | None:
    """The function has another role than the template's."""
    found, expected = context.configuration(function)["Role"], context.expected(function, "Role")
    if found == expected:
        return None
    return wrong(
        f"its role is {found.rpartition('/')[2]}, not the template's",
        "The other role may not allow what the function does.",
        fixes.configure_function(context.ids[function], role=expected),
    )


def other_environment(context: StackContext, function: str) -> Finding | None:
    """The function does not know the names of the other resources."""
    found = context.configuration(function).get("Environment", {}).get("Variables", {})
    expected = context.expected(function, "Environment", "Variables")
    changed = {
        name: value
        for name, value in expected.items()
        if (name not in found if name in CHOICES else found.get(name) != value)
    }
    if not changed:
        return None
    environment = {"Variables": found | changed}
    return wrong(
        "its environment was changed: "
        + ", ".join(f"{name} is {found.get(name, 'not set')}" for name in changed),
        "The function finds the stack's resources with these variables.",
        fixes.configure_function(context.ids[function], environment=environment),
    )


def useless_threshold(context: StackContext, function: str) -> Finding | None:
    """The threshold lets nobody match, or everybody, or Rekognition refuses it."""
    found = context.configuration(function).get("Environment", {}).get("Variables", {})
    value = found.get("SIMILARITY_THRESHOLD", "80")
    try:
        threshold = float(value)
    except ValueError:
        threshold = 101
    if function != at.REKOGNITION or 0 < threshold < 100:
        return None
    cause = "It must be a number from 0 to 100."
    if threshold in (0, 100):
        cause = (
            "Two photos of one person are hardly ever so similar, so nothing matches."
            if threshold
            else "Any two faces are at least so similar, so everybody matches."
        )
    environment = {"Variables": found | {"SIMILARITY_THRESHOLD": "80"}}
    return wrong(
        f"its SIMILARITY_THRESHOLD is {value}",
        cause,
        fixes.configure_function(context.ids[function], environment=environment),
    )


def runs(context: StackContext, function: str) -> Finding:
    """How the function runs: how the last run ended, and whether there is one that does not end."""
    last = last_run(context, function)
    return last if last.status == at.WRONG else endless_run(context, function) or last


def endless_run(context: StackContext, function: str) -> Finding | None:
    """A run goes on: some take seconds, one with an endless loop all the time that it may."""
    if not (began := running_since(context, function)):
        return None
    message = f"it has been running since {local_time(began)}"
    if datetime.now(UTC) - began < LONG_RUN:
        return unknown(message, "run doctor again in a minute")
    limit = context.configuration(function)["Timeout"]
    return wrong(
        f"{message} and does not end",
        f"A loop without end, or a long wait. Lambda stops it after {limit} s, and tries it twice "
        "more.",
        how_to_correct(context, function),
    )


def last_run(context: StackContext, function: str) -> Finding:
    """What the log says about the last run."""
    ended = recent_runs(context, function)
    if not ended:
        tested = " (the button Test does not count)" if all_runs(context, function) else ""
        return unknown(f"active; it has not run since its last change{tested}", "post a photo")
    if ended[-1].error:
        return explain_failure(context, function, ended[-1])
    message = f"active; its last run, at {local_time(ended[-1].ended)},"
    if any(": not compared" in line for line in ended[-1].lines):
        return unknown(f"{message} had no reference photo that it could use", "post a photo again")
    return ok(f"{message} went well") if ended[-1].lines else unknown(f"{message} printed nothing")


def explain_failure(context: StackContext, function: str, run: Run) -> Finding:
    """Find the cause of an error: a deleted resource, a permission, the reference or the code."""
    message, error = f"its last run, at {local_time(run.ended)}, failed", run.error
    for resource, operation, stage in NEEDS[function]:
        try:
            context.call(resource, operation)
        except GoneError:
            return unknown(f"{message}: see {stage}")
    if denied := re.search(r"not authorized to perform: ([\w:-]+)", error):
        return explain_denied(context, function, message, denied[1])
    if refused := explain_refusal(message, error):
        return refused
    return explain_error(context, function, message, run)


def explain_refusal(message: str, error: str) -> Finding | None:
    """AWS refuses this account what it does for others: the function is not to blame."""
    if re.search("|".join(NOT_SUBSCRIBED), error):
        return wrong(f"{message}: the account lacks a service", shorten(error), SUBSCRIBE)
    if re.search(TOO_FAST, error):
        return wrong(
            f"{message}: AWS throttled it",
            f"More photos came in a second than the account's quota allows. {shorten(error)}",
            f"Lambda tries each twice more; what is in the failure queue then: {fixes.redrive()}",
        )
    return None


def explain_error(context: StackContext, function: str, message: str, run: Run) -> Finding:
    """Find the cause in the reference photo or in the code."""
    error = run.error
    fix = how_to_correct(context, function)
    if "Task timed out" in error:
        seconds = context.expected(function, "Timeout")
        if context.configuration(function)["Timeout"] < seconds:
            fix = fixes.configure_function(context.ids[function], timeout=str(seconds))
    cause = shorten(error)
    if function == at.REKOGNITION and "InvalidParameterException" in error:
        cause += " (Rekognition gives this error if one of the two pictures shows no face.)"
    if function == at.REKOGNITION and re.search(f"KeyError: '({POST_FIELDS})'", error):
        cause += (
            " (A post can lack its text, and a photo that was uploaded by hand has no post: use "
            ".get. If the code had marked the photo before, no later try sends its e-mail: post it "
            "again.)"
        )
    if not re.search(REFERENCE_ERRORS, error):
        return wrong(message, cause, fix)
    reference = find_reference(context)
    if reference and newest(reference) > run.ended:
        return unknown(f"{message}, before the reference photo was uploaded", "post again")
    return wrong(message, cause, fix, at.REFERENCE)


def explain_denied(context: StackContext, function: str, message: str, action: str) -> Finding:
    """The role has all that the template gave it: either again, or the code asks for more."""
    (policy,) = context.resource(function.replace("Function", "Role"))["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    allowed = {a.lower() for statement in statements for a in as_list(statement["Action"])}
    if action.lower() in allowed:  # SNS writes SNS:Publish
        return unknown(
            f"{message} because {action} was denied; the role allows it now", "post again"
        )
    if action.lower().startswith("kms:"):
        return wrong(
            f"{message}: its role does not allow {action}",
            "A bucket, or the reference photo, is encrypted with a KMS key of the account.",
            fixes.encrypt_with_s3(context.ids["RekognitionBucket"]),
            at.REFERENCE,
        )
    return wrong(
        f"{message}: its role does not allow {action}",
        "The role allows what the exercise needs, and the exercise does not need this.",
        f"Remove the call that needs {action}. {how_to_correct(context, function)}",
    )


def check_queue(context: StackContext) -> Finding:
    """No event failed three times; or that was before a function was fixed."""
    answer = context.call("FailureQueue", "get_queue_attributes", AttributeNames=list(QUEUE_COUNTS))
    number = sum(int(answer["Attributes"].get(name, 0)) for name in QUEUE_COUNTS)
    if not number:
        return ok("empty")
    message = f"{count(number, 'event')} failed three times"
    again = f"Try them again: {fixes.redrive()}"
    last = {name: recent_runs(context, name)[-1:] for name in (at.TWITTER, at.REKOGNITION)}
    if failed := [name for name, runs in last.items() if any(run.error for run in runs)]:
        return unknown(f"{message}: see {' and '.join(failed)}, and then: {fixes.redrive()}")
    if any(run.lines for runs in last.values() for run in runs):
        return unknown(f"{message}, but the last run went well. {again}")
    tests = [run for name in (at.TWITTER, at.REKOGNITION) for run in all_runs(context, name)]
    if any(run.is_test and run.error for run in tests):
        return unknown(
            f"{message}; a function was tried with an event that is not from S3, which names no "
            "photo. Post a photo instead; what is in the queue is deleted after 14 days"
        )
    return wrong(
        message,
        "These events wait in the queue until you try them again; no log gives the reason.",
        again,
        *(
            at.SUBSCRIPTION,
            at.STREAM,
            at.OBJECTS,
            at.TRIGGERS,
            at.TWITTER,
            at.PHOTOS,
            at.TABLE,
            at.REKOGNITION,
            at.REFERENCE,
        ),
    )
