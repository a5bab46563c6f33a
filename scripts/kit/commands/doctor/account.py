"""The first stages: the credentials, the region, and which stack to check."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from kit import running
from kit.commands.doctor import fixes
from kit.commands.doctor.finding import REKOGNITION, Finding, ok, unknown, wrong
from kit.commands.doctor.stack_context import SERVICES, StackContext
from kit.stack.find import COMPLETE, choose_stack, failure_of, workshop_stacks
from kit.stack.template import rekognition_regions
from kit.text import shorten


def check_credentials(context: StackContext) -> Finding:
    """STS accepts the credentials, and the region has Rekognition."""
    region = context.session.region_name
    if region not in rekognition_regions(context.template):
        return wrong(
            f"the region {region} has no Amazon Rekognition" if region else "no region is set",
            "The workshop needs a region with Rekognition, so only there can its stack be.",
            "Set the region in which you launched: export AWS_DEFAULT_REGION=eu-west-1",
        )
    try:
        account = context.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        return wrong(
            f"no access to {context.endpoint or 'AWS'}",
            shorten(error),
            how_to_get_in(context.endpoint),
        )
    if context.endpoint:
        return ok(f"emulated AWS at {context.endpoint}, region {region}")
    return ok(f"AWS account {account}, region {region}")


def how_to_get_in(endpoint: str) -> str:
    """What to do when the AWS at an endpoint, or AWS itself, lets nobody in."""
    workshop = running.find()
    if workshop and endpoint == workshop.aws_url:
        return "Stop the workshop with Ctrl-C and start it again; what you did is kept"
    if endpoint:
        return (
            "Start the workshop: python scripts/workshop.py start. For the stack on AWS, run "
            "doctor in a terminal without AWS_ENDPOINT_URL"
        )
    return (
        "Use aws login, or aws configure with your user's access key. AWS_ACCESS_KEY_ID and "
        "AWS_SESSION_TOKEN take precedence over both: unset them if they hold old keys"
    )


def check_stack(context: StackContext) -> Finding:
    """The stack is complete, and has all that the template declares.

    Raises:
        StackNotFoundError: there is no such stack, or there are several.
    """
    cloudformation = context.client("cloudformation")
    stacks = workshop_stacks(cloudformation, REKOGNITION, context.name)
    stack = choose_stack(stacks, context.name, context.session.region_name)
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
            shorten(failure_of(cloudformation, name)),
            f"Fix that, then: {context.relaunch()}",
        )
    context.load(stack)
    resources = context.template["Resources"]
    if missing := [key for key in resources if key not in context.ids]:
        return wrong(
            f"{name} has no {', '.join(missing)}",
            "The stack was launched from another version of the template.",
            context.relaunch(),
        )
    # DescribeStackResources need not give a physical ID ("Required: No"), and some need none.
    needed = [key for key, resource in resources.items() if resource["Type"] in SERVICES]
    if unnamed := [key for key in needed if not context.ids[key]]:
        return unknown(
            f"CloudFormation does not say which resource {', '.join(unnamed)} is",
            "look at the stack's resources in the CloudFormation console",
        )
    return ok(message)
