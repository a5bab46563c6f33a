"""The command: it looks at all hops, prints a line for each, and says which one to mend."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import boto3
import click
import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from kit import running
from kit.commands.doctor import account, delivery, finding, functions, matches, streamer
from kit.commands.doctor.finding import NOTHING, OK, WRONG, Finding, count, nothing, shorten, wrong
from kit.commands.doctor.stack_context import GoneError, Patient
from kit.processes import is_free

STYLES = {OK: "green", WRONG: "bold red", NOTHING: "dim"}


@dataclass(frozen=True)
class Hop:
    """A hop: its name, who looks at it, and the resources whose loss is told of there."""

    name: str
    look: Callable[[Patient], Finding]
    owns: tuple[str, ...] = ()


HOPS = (
    Hop(finding.CREDENTIALS, account.see_credentials),
    Hop(finding.STACK, account.see_stack),
    Hop(finding.SUBSCRIPTION, matches.see_subscription, ("MatchTopic",)),
    Hop(finding.KEYS, streamer.see_keys, ("TwitterKeys",)),
    Hop(finding.INSTANCE, streamer.see_instance, ("StreamingInstance", "StreamingInstanceRole")),
    Hop(finding.STREAMER, streamer.see_streamer),
    Hop(finding.STREAM, delivery.see_stream, ("DeliveryStream", "DeliveryStreamRole")),
    Hop(finding.OBJECTS, delivery.see_objects, ("TwitterBucket",)),
    Hop(finding.TRIGGERS, delivery.see_triggers),
    Hop(
        finding.TWITTER,
        functions.see_twitter,
        ("TwitterLambdaFunction", "TwitterLambdaRole", "TwitterLambdaLogs"),
    ),
    Hop(finding.PHOTOS, delivery.see_photos, ("RekognitionBucket",)),
    Hop(finding.TABLE, matches.see_table, ("PostsTable",)),
    Hop(
        finding.REKOGNITION,
        functions.see_rekognition,
        ("RekognitionLambdaFunction", "RekognitionLambdaRole", "RekognitionLambdaLogs"),
    ),
    Hop(finding.QUEUE, functions.see_queue, ("FailureQueue",)),
    Hop(finding.REFERENCE, matches.see_reference),
    Hop(finding.EXERCISE, matches.see_exercise),
    Hop(finding.COMPARISON, matches.see_comparison),
)
OWNERS = {resource: hop.name for hop in HOPS for resource in hop.owns}


def examine(patient: Patient) -> dict[str, Finding]:
    """Look at all hops and return what is to be said of each.

    Raises:
        click.UsageError: there is no such stack.
    """
    findings: dict[str, Finding] = {}
    blocked = ""
    for hop in HOPS:
        findings[hop.name] = (
            nothing(f"not looked at: see {blocked}") if blocked else look(hop, patient)
        )
        if hop.name in (finding.CREDENTIALS, finding.STACK) and findings[hop.name].mark != OK:
            blocked = hop.name  # without these, nothing else can be seen
    return finding.without_consequences(findings)


def look(hop: Hop, patient: Patient) -> Finding:
    """Look at a hop; say so when it cannot be seen, or when what it is about is gone."""
    try:
        return hop.look(patient)
    except GoneError as gone:
        owner = OWNERS[str(gone)]
        return is_gone(patient, str(gone)) if owner == hop.name else nothing(f"see {owner}")
    except ClientError as error:
        reason = shorten(error)
        if not patient.ids:  # without the stack there is nothing to look at
            mend = "Use credentials that may look at everything, such as ReadOnlyAccess gives"
            return wrong("it cannot be seen", reason, mend)
    except requests.RequestException as error:  # its text may hold a signed address
        reason = type(error).__name__
    except (BotoCoreError, zipfile.BadZipFile) as error:
        reason = shorten(error)
    return nothing(f"cannot be seen: {reason}")


def is_gone(patient: Patient, resource: str) -> Finding:
    """Say how to get a resource back that somebody deleted."""
    name, kind = patient.ids[resource], patient.declared(resource)["Type"]
    mend = patient.relaunch()
    if kind == "AWS::Logs::LogGroup":
        mend = f"aws logs create-log-group --log-group-name {name}, and post again"
    elif kind == "AWS::S3::Bucket":  # the stack's deletion empties it, and fails without it
        mend = f"aws s3 mb s3://{name} --region {patient.region} && {mend}"
    return wrong(f"{name} ({resource}) does not exist any more", "Somebody deleted it.", mend)


def show(console: Console, findings: dict[str, Finding]) -> None:
    """Print a line for each hop; below a broken one why, and what mends it; what comes next."""
    for name, found in findings.items():
        line = Text(f"{found.mark} ", STYLES[found.mark])
        line.append(name, "bold").append(f": {found.text}", "")
        console.print(line, soft_wrap=True)
        for title, text in ("Why", found.why), ("Mend", found.mend):
            if text and found.mark == WRONG:
                console.print(Text(f"    {title}: {text}"), soft_wrap=True)
    faulty = sum(found.mark == WRONG for found in findings.values())
    if faulty:
        console.print(f"{count(faulty, 'hop')} wrong. Mend the first one, then look again.")
        return
    console.print("Nothing is wrong.")
    for name, found in findings.items():
        if found.mend:
            console.print(Text(f"Next, {name}: {found.mend}."), soft_wrap=True)
            return


@click.command()
@click.option("--stack", metavar="NAME", help="Default: the only stack of this workshop.")
def doctor(stack: str | None) -> None:
    """Say, hop by hop, why nothing happens, and what mends it.

    Looks only, on AWS and offline alike. On AWS, Rekognition bills one image for looking for the
    face in your reference photo. Exit code: 0 nothing is wrong, 1 something is, 2 no such stack.
    """
    console = Console()
    workshop = None if os.environ.get("AWS_ENDPOINT_URL") else running.load()
    # One that was killed has left its file behind, and nobody at its address.
    if workshop and not is_free(int(workshop.aws_url.rpartition(":")[2])):
        os.environ.update(workshop.environment())
        console.print(
            "The offline workshop is running, so that is what is looked at. The commands below "
            "are for a terminal with the lines that its start has printed."
        )
    x_url = os.environ.get("TWITTER_API_URL", "")
    if os.environ.get("AWS_ENDPOINT_URL"):
        os.environ.setdefault("NO_PROXY", "127.0.0.1")
    elif x_url:
        x_url = ""  # AWS's streamer does not see this terminal's environment
    try:
        session = boto3.Session()
    except BotoCoreError as error:
        raise click.UsageError(f"AWS cannot be used: {error}.") from error
    with console.status("Looking at every hop"):
        findings = examine(Patient(session, stack, x_url.rstrip("/")))
    show(console, findings)
    sys.exit(int(any(found.mark == WRONG for found in findings.values())))
