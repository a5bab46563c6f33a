"""The first hops: who asks, where, and which stack."""

from __future__ import annotations

import click
from botocore.exceptions import BotoCoreError, ClientError

from kit.commands.doctor.finding import REKOGNITION, Finding, nothing, ok, shorten, wrong
from kit.commands.doctor.stack_context import Json, Patient
from kit.stack.stack import workshop_stacks

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def see_credentials(patient: Patient) -> Finding:
    """STS knows who we are, and Rekognition is in the region."""
    rule = patient.template["Rules"]["RegionHasRekognition"]["Assertions"][0]["Assert"]
    region = patient.session.region_name
    if region not in rule["Fn::Contains"][0]:
        return wrong(
            f"the region {region} has no Amazon Rekognition" if region else "no region is set",
            "The stack can only be in a region that has it, and only there is it looked for.",
            "export AWS_DEFAULT_REGION=eu-west-1, or the region that you launched in",
        )
    where = patient.endpoint or "AWS"
    mend = (
        "Offline: make workshop. On AWS: aws login, or aws configure with the access key of your "
        "user; old keys in AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN come before both: unset them"
    )
    if patient.endpoint:
        mend = f"{mend}; and unset AWS_ENDPOINT_URL"
    try:
        account = patient.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        return wrong(f"{where} does not let us in", shorten(error), mend)
    where = f"offline AWS at {where}" if patient.endpoint else f"AWS account {account}"
    return ok(f"{where}, region {region}")


def see_stack(patient: Patient) -> Finding:
    """The stack is complete, and has what the template says."""
    stack = describe(patient, patient.stack or find(patient))
    name = patient.stack = stack["StackName"]
    status = stack["StackStatus"]
    if status.startswith("DELETE_IN"):
        mend = f"aws cloudformation wait stack-delete-complete --stack-name {name}, then launch it"
        return wrong(f"{name} is {status}", "Somebody deletes it.", f"{mend} again (step 3)")
    if status.endswith("_IN_PROGRESS") and "ROLLBACK" not in status:
        return nothing(f"{name} is {status}", "wait until that is over, then look again")
    if status not in COMPLETE:
        reason = first_failure(patient)
        return wrong(f"{name} is {status}", reason, f"Mend the reason, then: {patient.relaunch()}")
    patient.admit(stack)
    if REKOGNITION not in patient.ids:
        raise click.UsageError(f"The stack {name} is not one of this workshop.")
    if lacking := [key for key in patient.template["Resources"] if not patient.ids.get(key)]:
        return wrong(
            f"{name} has no {', '.join(lacking)}",
            "It was launched from another edition of the template.",
            patient.relaunch(),
        )
    return ok(f"{name} is {status}")


def describe(patient: Patient, name: str) -> Json:
    """What CloudFormation says of a stack.

    Raises:
        click.UsageError: there is none of this name.
    """
    try:
        answer = patient.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        # Or the name has characters that no stack can have.
        region = patient.session.region_name
        raise click.UsageError(f"There is no stack called {name} in {region}.") from None
    stack: Json = answer["Stacks"][0]
    return stack


def find(patient: Patient) -> str:
    """The only stack of this workshop.

    Raises:
        click.UsageError: there are several, or none.
    """
    stacks = workshop_stacks(patient.client("cloudformation"), REKOGNITION)
    statuses: dict[str, str] = {stack["StackName"]: stack["StackStatus"] for stack in stacks}
    staying = [name for name, status in statuses.items() if status != "DELETE_IN_PROGRESS"]
    names = sorted(staying or statuses)
    if not names:
        raise click.UsageError(
            f"There is no stack with a {REKOGNITION} in {patient.session.region_name}: launch it "
            "(step 3), or name another region with AWS_DEFAULT_REGION."
        )
    if len(names) > 1:
        raise click.UsageError(
            f"Several stacks have a {REKOGNITION}: name one with --stack, such as "
            f"--stack {names[0]} ({', '.join(names)})."
        )
    return names[0]


def first_failure(patient: Patient) -> str:
    """Say which resource failed first in the last operation, and why."""
    cloudformation, name = patient.client("cloudformation"), patient.stack
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    text = "No event says why."
    for event in (event for page in pages for event in page["StackEvents"]):  # newest first
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if status.endswith("_FAILED") and "cancelled" not in reason:
            text = f"{event['LogicalResourceId']}: {reason}"
        if reason == "User Initiated":
            break
    if "DescribeEvents" in text:  # it failed before the first resource; there are the details
        answer = cloudformation.describe_events(StackName=name, Filters={"FailedEvents": True})
        for event in answer["OperationEvents"]:
            if "ValidationStatusReason" in event:
                return f"{event.get('LogicalResourceId')}: {event['ValidationStatusReason']}"
    return shorten(text)
