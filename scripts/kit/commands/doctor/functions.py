"""The functions: may they run, can they, and how their last run went."""

from __future__ import annotations

import re
from functools import partial

from kit.commands.doctor.finding import (
    OBJECTS,
    PHOTOS,
    REFERENCE,
    REKOGNITION,
    STREAM,
    SUBSCRIPTION,
    TABLE,
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
from kit.commands.doctor.function_code import broken_code, configure, how_to_change
from kit.commands.doctor.function_runs import Run, recent_runs
from kit.commands.doctor.matches import reference
from kit.commands.doctor.permissions import listed, lost_permissions
from kit.commands.doctor.stack_context import GoneError, Patient, newest

# What a function works with: the resource, a call that shows whether it is there, and its hop.
NEEDS = {
    TWITTER: (
        ("TwitterBucket", "get_bucket_location", OBJECTS),
        ("RekognitionBucket", "get_bucket_location", PHOTOS),
        ("PostsTable", "describe_table", TABLE),
    ),
    REKOGNITION: (
        ("RekognitionBucket", "get_bucket_location", PHOTOS),
        ("PostsTable", "describe_table", TABLE),
        ("MatchTopic", "get_topic_attributes", SUBSCRIPTION),
    ),
}


def see_function(patient: Patient, function: str) -> Finding:
    """The function is active, may do its work, can be loaded, and its last run went well."""
    return (
        not_active(patient, function)
        or lost_permissions(patient, function.replace("Function", "Role"))
        or other_settings(patient, function)
        or broken_code(patient, function)
        or last_run(patient, function)
    )


see_twitter = partial(see_function, function=TWITTER)
see_rekognition = partial(see_function, function=REKOGNITION)


def not_active(patient: Patient, function: str) -> Finding | None:
    """Lambda does not run the function."""
    config = patient.configuration(function)
    states = {config.get("State"), config.get("LastUpdateStatus")}
    if "Failed" in states:
        reason = config.get("StateReason") or config.get("LastUpdateStatusReason", "no reason")
        return wrong("Lambda cannot run it", shorten(reason), how_to_change(patient, function))
    if states & {"Pending", "InProgress"}:
        return nothing("it is being changed right now", "look again in a minute")
    if patient.ask(function, "get_function_concurrency").get("ReservedConcurrentExecutions") == 0:
        return wrong(
            "it is throttled: it may run 0 times at once",
            "Somebody pressed Throttle in the console.",
            f"aws lambda delete-function-concurrency --function-name {patient.ids[function]}",
        )
    return None


def other_settings(patient: Patient, function: str) -> Finding | None:
    """The function has another role, or does not know the names of the other resources."""
    config = patient.configuration(function)
    role = patient.wanted(function, "Role")
    if config["Role"] != role:
        return wrong(
            f"its role is {config['Role'].rpartition('/')[2]}, not the template's",
            "What that role may do, nobody knows.",
            configure(patient, function, f"--role {role}"),
        )
    found = config.get("Environment", {}).get("Variables", {})
    wanted = patient.wanted(function, "Environment", "Variables")
    free = ("REFERENCE_PHOTO", "SIMILARITY_THRESHOLD", "PHOTO_URL_PREFIX")  # others are a choice
    other = {
        name: value
        for name, value in wanted.items()
        if (name not in found if name in free else found.get(name) != value)
    }
    if not other:
        return None
    environment = quoted({"Variables": found | other})
    return wrong(
        "its environment was changed: "
        + ", ".join(f"{n} is {found.get(n, 'not set')}" for n in other),
        "So it does not know what the stack's resources are called.",
        configure(patient, function, f"--environment {environment}"),
    )


def last_run(patient: Patient, function: str) -> Finding:
    """What the log says of the last run."""
    runs = recent_runs(patient, function)
    if not runs:
        return nothing("Active; it has not run since it was changed", "post a photo")
    if runs[-1].error:
        return explain(patient, function, runs[-1])
    text = f"Active; its last run, at {when(runs[-1].ended)},"
    return ok(f"{text} went well") if runs[-1].lines else nothing(f"{text} printed nothing")


def explain(patient: Patient, function: str, run: Run) -> Finding:
    """Say whose fault an error is."""
    text, error = f"its last run, at {when(run.ended)}, failed", run.error
    for resource, call, hop in NEEDS[function]:
        try:
            patient.ask(resource, call)
        except GoneError:
            return nothing(f"{text}: see {hop}")
    mend = how_to_change(patient, function)
    if denied := re.search(r"not authorized to perform: ([\w:-]+)", error):
        return explain_denied(patient, function, text, denied[1], mend)
    why = shorten(error)
    if "Task timed out" in error:
        seconds = patient.wanted(function, "Timeout")
        if patient.configuration(function)["Timeout"] < seconds:
            mend = configure(patient, function, f"--timeout {seconds}")
    if function == REKOGNITION and "InvalidParameterException" in error:
        why += " (Rekognition says so when one of the two pictures shows no face.)"
    if re.search("InvalidS3Object|InvalidParameter|InvalidImageFormat|ImageTooLarge", error):
        found = reference(patient)
        if found and newest(found) > run.ended:
            return nothing(f"{text}, before the reference photo was uploaded", "post again")
        return wrong(text, why, mend, REFERENCE)
    return wrong(text, why, mend)


def explain_denied(patient: Patient, function: str, text: str, action: str, mend: str) -> Finding:
    """Its role holds all that the template gave it; so it is more than that, or was mended."""
    (policy,) = patient.declared(function.replace("Function", "Role"))["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    allowed = {a.lower() for statement in statements for a in listed(statement["Action"])}
    if action.lower() in allowed:  # SNS writes SNS:Publish
        return nothing(f"{text} for want of {action}, which it may do now", "post again")
    return wrong(
        f"{text}: it may not {action}",
        "Its role allows what the exercise needs, and this is not among it.",
        f"Do without {action}: {mend}",
    )


def see_queue(patient: Patient) -> Finding:
    """No event failed three times; or that was before a function was mended."""
    if not (number := patient.failures()):
        return ok("empty")
    again = "python scripts/workshop.py redrive"
    text = f"{count(number, 'event')} failed three times"
    last_runs = [run for name in (TWITTER, REKOGNITION) for run in recent_runs(patient, name)[-1:]]
    if any(run.lines and not run.error for run in last_runs):
        return nothing(f"{text}, but the last run went well. Try them again: {again}")
    return wrong(
        text,
        "The photos of these events wait there until they are tried again; no log says why.",
        f"Try them again: {again}",
        *(SUBSCRIPTION, STREAM, OBJECTS, TRIGGERS, TWITTER, PHOTOS, TABLE, REKOGNITION, REFERENCE),
    )
