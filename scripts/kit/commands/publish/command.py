"""`workshop.py publish`: a click launches the template: from a bucket of yours, by links to it.

Everything is read before anything is changed, and the links are rewritten only after the template
has been read back as anybody reads it: without credentials.
"""

from __future__ import annotations

import json

import boto3
import click

from kit import running
from kit.commands.errors import handle_errors
from kit.commands.publish.bucket import Bucket, locate, name_problem
from kit.commands.publish.launch_links import launch_link, launch_links, rewrite, template_url
from kit.commands.publish.public_read import (
    allow_public_read,
    read_access,
    read_back,
    refuse_to_expose,
)
from kit.errors import InputError, WorkshopError
from kit.running import REPOSITORY
from kit.stack.template import TEMPLATE, rekognition_regions

PAGES = ("README.md", "Instructions.md")
# With Rekognition, of the regions that an account has to enable first: AWS Account Management
# Reference, "Enable or disable AWS Regions in your account".
OPT_IN = ("ap-southeast-5", "ap-southeast-7", "eu-south-2", "il-central-1")


def bucket_name(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """Check the bucket's name before AWS is asked."""
    if problem := name_problem(name):
        raise click.BadParameter(f"{name!r} {problem}.")
    return name


@click.command()
@click.option("--bucket", "name", required=True, callback=bucket_name, help="Yours, or a new one.")
@click.option("--region", help="Of a new bucket. Default: your own region.")
@handle_errors()
def publish(name: str, region: str | None) -> None:
    """Upload the template to a bucket of yours and point the launch links to it.

    The bucket is created if it is missing, and everybody may read this one file in it. Then the
    launch links of README.md and Instructions.md are rewritten: all take the template from there,
    and the main one opens the console in the bucket's region. Doing it again changes nothing.
    """
    running.use_named()
    try:
        template = TEMPLATE.read_bytes()
        if not is_ours(template):
            raise InputError(
                f"{TEMPLATE.name} is no longer the workshop's template: see make lint."
            )
        regions = rekognition_regions(json.loads(template))
        bucket = locate(boto3.Session(), name, region, regions)
        changed = publish_template(bucket, template)
        changed |= rewrite_pages(name, bucket.region)
    except OSError as error:
        raise WorkshopError(f"A file cannot be read or written: {error}") from error
    show_result(bucket, changed)


def is_ours(body: bytes) -> bool:
    """Whether a file is a version of the workshop's template."""
    try:
        template = json.loads(body)
        version = template["Outputs"]["TemplateVersion"]
    except (ValueError, TypeError, KeyError):
        return False
    return bool(version) and str(template.get("Description")).startswith("Serverless Bytes:")


def publish_template(bucket: Bucket, template: bytes) -> bool:
    """Create the bucket, upload the template, let everybody read it, and read it back.

    Returns:
        Whether anything had to be changed.

    Raises:
        InputError: it cannot be done with this bucket. Nothing has been changed.
        WorkshopError: it did not work.
    """
    there, etag = bucket.read_template()
    if etag and there != template and not is_ours(there):
        raise InputError(
            f"The bucket {bucket.name} holds another {TEMPLATE.name} already, which is not a "
            "version of this workshop's template: it is not overwritten. Choose another bucket, "
            "or delete that file."
        )
    access = read_access(bucket)
    refuse_to_expose(bucket, access)
    changed = bucket.create()
    if there == template:
        click.echo(f"{TEMPLATE.name} is in it, and the same as here.")
    else:
        bucket.upload_template(template, etag)
        changed = True
    changed |= allow_public_read(bucket, access)
    read_back(bucket, template)
    return changed


def rewrite_pages(bucket: str, region: str) -> bool:
    """Point the launch links of the pages to the bucket; return whether a page has changed."""
    changed = False
    for name in PAGES:
        path = REPOSITORY / name
        if not path.is_file():
            click.echo(f"{name} is not here, so it has no links to rewrite.")
            continue
        before = path.read_bytes().decode()
        after = rewrite(before, bucket, region)
        number = len(launch_links(before))
        if after == before:
            click.echo(f"{name}: launch links that are right already: {number}")
        else:
            path.write_bytes(after.encode())  # as bytes, which keeps the ends of the lines
            changed = True
            click.echo(f"{name}: launch links rewritten: {number}")
    return changed


def show_result(bucket: Bucket, changed: bool) -> None:
    """Print the launch link, and what it is good for."""
    if not changed:
        click.echo("Nothing had to be changed.")
    if bucket.offline:
        click.echo(
            f"This bucket exists only in offline AWS at {bucket.endpoint}: on AWS the links lead "
            "nowhere. If you changed nothing else in these files, this puts the links back: "
            f"git checkout {' '.join(page for page in PAGES if (REPOSITORY / page).is_file())}"
        )
    if bucket.region in OPT_IN:
        click.echo(
            f"Warning: {bucket.region} is an opt-in region. Accounts that have not enabled it may "
            "not be able to read the template there: better take a bucket in another region.",
            err=True,
        )
    link = launch_link(bucket.region, template_url(bucket.name, bucket.region))
    click.echo(f"The launch link: {link}")
