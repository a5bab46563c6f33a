"""The first stages: the credentials, the region, and which stack to check."""

from __future__ import annotations

import click
from botocore.exceptions import BotoCoreError, ClientError

from kit.commands.doctor import fixes
from kit.commands.doctor.finding import REKOGNITION, Finding, ok, shorten, unknown, wrong
from kit.commands.doctor.fixes import Json
from kit.commands.doctor.stack_context import StackContext
from kit.stack.find import COMPLETE, failure_of, workshop_stacks


def check_credentials(context: StackContext) -> Finding:
    """STS accepts the credentials, and the region has Rekognition."""
    rule = context.template["Rules"]["RegionHasRekognition"]["Assertions"][0]["Assert"]
    region = context.session.region_name
    if region not in rule["Fn::Contains"][0]:
        return wrong(
            f"the region {region} has no Amazon Rekognition" if region else "no region is set",
            "The stack can only be in a region with Rekognition, and is looked for only there.",
            "Set the region in which you launched: export AWS_DEFAULT_REGION=eu-west-1",
        )
    try:
        account = context.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        return wrong(
            f"no access to {context.endpoint or 'AWS'}",
            shorten(error),
            "Offline: python scripts/workshop.py start. On AWS: "
            f"{'unset AWS_ENDPOINT_URL, then ' if context.endpoint else ''}"
            "aws login, or aws configure with your user's access key. "
            "AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN come before both: if they are old, unset them",
        )
    if context.endpoint:
        return ok(f"emulated AWS at {context.endpoint}, region {region}")
    return ok(f"AWS account {account}, region {region}")


def check_stack(context: StackContext) -> Finding:
    """The stack is complete, and has all that the template declares."""
    stack = describe(context, context.name or find(context))
    name = context.name = stack["StackName"]
    status = stack["StackStatus"]
    message = f"{name} is {status}"
    if status.startswith("DELETE_IN"):
        wait = fixes.wait_for_deletion(name)
        return wrong(
            message, "Somebody is deleting the stack.", f"{wait}, then launch it again (step 3)"
        )
    if status.endswith("_IN_PROGRESS") and "ROLLBACK" not in status:
        return unknown(message, "wait until it is complete, then run doctor again")
    if status not in COMPLETE:
        return wrong(
            message,
            shorten(failure_of(context.client("cloudformation"), name)),
            f"Fix that, then: {context.relaunch()}",
        )
    context.load(stack)
    if REKOGNITION not in context.ids:
        raise click.UsageError(f"The stack {name} is not one of this workshop.")
    if missing := [key for key in context.template["Resources"] if not context.ids.get(key)]:
        return wrong(
            f"{name} has no {', '.join(missing)}",
            "The stack was launched from another version of the template.",
            context.relaunch(),
        )
    return ok(message)


def describe(context: StackContext, name: str) -> Json:
    """What CloudFormation says about a stack.

    Raises:
        click.UsageError: there is none of this name.
    """
    try:
        answer = context.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        # Or the name has characters that no stack can have.
        region = context.session.region_name
        raise click.UsageError(f"There is no stack called {name} in {region}.") from None
    stack: Json = answer["Stacks"][0]
    return stack


def find(context: StackContext) -> str:
    """The only stack of this workshop.

    Raises:
        click.UsageError: there are several, or none.
    """
    stacks = workshop_stacks(context.client("cloudformation"), REKOGNITION)
    statuses: dict[str, str] = {stack["StackName"]: stack["StackStatus"] for stack in stacks}
    staying = [name for name, status in statuses.items() if status != "DELETE_IN_PROGRESS"]
    names = sorted(staying or statuses)
    if not names:
        raise click.UsageError(
            f"There is no stack with a {REKOGNITION} in {context.session.region_name}: launch it "
            "(step 3), or name another region with AWS_DEFAULT_REGION."
        )
    if len(names) > 1:
        raise click.UsageError(
            f"Several stacks have a {REKOGNITION}: name one with --stack, such as "
            f"--stack {names[0]} ({', '.join(names)})."
        )
    return names[0]
