"""Publishes the template, so that a click launches it: a bucket of yours, and links to it.

Everything is looked at before anything is changed, and the links are rewritten only after the
template has been read back as anybody reads it: without credentials.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import click
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from kit import running
from kit.commands.publish.launch_links import (
    NAME,
    launch_link,
    launch_links,
    rekognition_regions,
    rewrite,
    template_url,
)
from kit.running import REPOSITORY
from kit.stack.template import TEMPLATE

PAGES = ("README.md", "Instructions.md")
PATIENCE_SECONDS = 10.0  # S3's settings and policies take a moment to be in force
POLL_SECONDS = 0.5
LARGEST_TEMPLATE = 1 << 20  # bytes that CloudFormation takes from S3
BLOCK_PUBLIC_ACCESS = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)
CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
BAD_CREDENTIALS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
Json = dict[str, Any]


# --- The bucket's name ------------------------------------------------------------------------

RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")


def bucket_name(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """Check a name by S3's rules for general purpose buckets, before AWS is asked."""
    if not 3 <= len(name) <= 63:
        problem = f"has {len(name)} characters, and must have 3 to 63"
    elif not re.fullmatch(r"[a-z0-9.-]*", name):
        problem = "may have only lower-case letters, digits, dots and hyphens"
    elif not (name[0].isalnum() and name[-1].isalnum()):
        problem = "must begin and end with a letter or digit"
    elif ".." in name:
        problem = "must not have two dots side by side"
    elif re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        problem = "must not look like an IP address"
    elif name.startswith(RESERVED_STARTS) or name.endswith(RESERVED_ENDS):
        starts, ends = ", ".join(RESERVED_STARTS), ", ".join(RESERVED_ENDS)
        problem = f"must not begin with {starts} or end with {ends}, which S3 keeps for itself"
    else:
        return name
    raise click.BadParameter(f"{name!r} {problem}.")


# --- The bucket -------------------------------------------------------------------------------


def reading_statement(bucket: str) -> Json:
    """What the bucket's policy allows to everybody: to read this one object, over TLS."""
    return {
        "Sid": "WhoeverClicksTheLaunchLinkReadsThisTemplate",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{NAME}",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }


def is_for_everybody(statement: Json) -> bool:
    """Whether a statement of a policy may give something to the public."""
    everybody = "NotPrincipal" in statement or "*" in json.dumps(statement.get("Principal"))
    return bool(statement["Effect"] == "Allow" and everybody)


def is_ours(body: bytes) -> bool:
    """Whether a file is a version of the workshop's template."""
    try:
        template = json.loads(body)
        version = template["Outputs"]["TemplateVersion"]
    except (ValueError, TypeError, KeyError):
        return False
    return bool(version) and str(template.get("Description")).startswith("Serverless Bytes:")


def lasting(problem: Callable[[], str]) -> str:
    """Ask again and again whether there is a problem; return the one that does not go away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := problem()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return found


class Publisher:
    """Puts the template into a bucket of the caller's.

    Args:
        name: the bucket's, valid by S3's rules.
        asked: the region that was asked for, if any. Default: where the bucket is, or, for a new
            one, the caller's own region.
        template: the file's bytes.

    Attributes:
        region: of the bucket.
        changed: whether anything had to be changed.
        endpoint: where S3 is.
        offline: whether that is offline AWS.

    Raises:
        click.UsageError: it cannot be done like this. Nothing has been changed.
        click.ClickException, BotoCoreError, ClientError: it did not work.
    """

    def __init__(self, name: str, asked: str | None, template: bytes) -> None:
        self.name = name
        self.template = template
        self.changed = False
        self.regions = rekognition_regions(json.loads(template))
        if asked:
            self.require_rekognition(asked)
        session = boto3.Session()
        own = asked or session.region_name
        anywhere = own or "us-east-1"  # where a bucket is can be asked in any region
        sts = session.client("sts", region_name=anywhere, config=CONFIG)
        self.account: str = sts.get_caller_identity()["Account"]
        self.s3 = session.client("s3", region_name=anywhere, config=CONFIG)
        where = self.find()
        self.exists = where is not None
        if where and asked and where != asked:
            raise click.UsageError(
                f"Your bucket {name} is in {where}, not in {asked}: leave --region out, or choose "
                "another name."
            )
        if not (region := where or own):
            raise click.UsageError("Say in which region: --region eu-west-1, for example.")
        self.require_rekognition(region)
        self.region: str = region
        self.s3 = session.client("s3", region_name=region, config=CONFIG)
        self.endpoint: str = self.s3.meta.endpoint_url
        self.offline = not str(urlsplit(self.endpoint).hostname).endswith(".amazonaws.com")

    def require_rekognition(self, region: str) -> None:
        """Refuse a region in which nobody could launch the template."""
        if region not in self.regions:
            raise click.UsageError(
                f"{region} has no Amazon Rekognition, so the main launch link would lead to a "
                f"stack that cannot be launched; these regions have it: {', '.join(self.regions)}."
            )

    def find(self) -> str | None:
        """The region of the caller's bucket; None if nobody has the name."""
        try:
            answer = self.s3.head_bucket(**self.mine)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                return None
            if status == 403:
                raise self.taken() from error
            raise
        return str(answer["BucketRegion"])

    def taken(self) -> click.UsageError:
        """Say whose bucket it is."""
        return click.UsageError(
            f"The bucket {self.name} belongs to someone else than your account {self.account}, or "
            "you may not look into it: nothing is uploaded. Choose another name, which nobody in "
            "the world has."
        )

    @property
    def mine(self) -> dict[str, str]:
        """The bucket, for calls that must fail if it is someone else's."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.account}

    def run(self) -> None:
        """Look, create, upload, open this one object, and read it back."""
        there = self.look_up(self.s3.get_object, "NoSuchKey", Key=NAME) if self.exists else None
        body = there["Body"].read(LARGEST_TEMPLATE + 1) if there else b""
        if there and body != self.template and not is_ours(body):
            raise click.UsageError(
                f"The bucket {self.name} holds another {NAME} already, which is not a version of "
                "this workshop's template: it is not overwritten. Choose another bucket, or "
                "delete that file."
            )
        block = self.public_access_block()
        policy = self.policy()
        ours = reading_statement(self.name)
        others = [one for one in policy["Statement"] if one.get("Sid") != ours["Sid"]]
        if self.exists and block.get("RestrictPublicBuckets"):
            self.keep_shut(others)
        self.create()
        self.upload(body, there)
        allowed = ours in policy["Statement"]
        self.open(block, None if allowed else {**policy, "Statement": [*others, ours]})
        self.read_back()

    def look_up(self, call: Any, missing: str, **arguments: str) -> Json | None:
        """The answer of a call, or None if what it asks for is missing."""
        try:
            answer: Json = call(**self.mine, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] == missing:
                return None
            raise
        return answer

    def public_access_block(self) -> dict[str, bool]:
        """The bucket's settings of Block Public Access. A new bucket has all of them."""
        if not self.exists:
            return dict.fromkeys(BLOCK_PUBLIC_ACCESS, True)
        call = self.s3.get_public_access_block
        answer = self.look_up(call, "NoSuchPublicAccessBlockConfiguration")
        return dict(answer["PublicAccessBlockConfiguration"]) if answer else {}

    def policy(self) -> Json:
        """The bucket's policy, its statements as a list."""
        answer = None
        if self.exists:
            answer = self.look_up(self.s3.get_bucket_policy, "NoSuchBucketPolicy")
        policy: Json = json.loads(answer["Policy"]) if answer else {"Version": "2012-10-17"}
        statements = policy.get("Statement", [])
        policy["Statement"] = statements if isinstance(statements, list) else [statements]
        return policy

    def keep_shut(self, others: list[Json]) -> None:
        """Refuse to open what only Block Public Access keeps shut."""
        for statement in filter(is_for_everybody, others):
            raise click.UsageError(
                f"The policy of your bucket {self.name} gives more to the public "
                f"({statement.get('Sid', 'a statement without Sid')}), which only Block Public "
                "Access prevents, and that would have to go: nothing is changed. Choose another "
                "bucket."
            )

    def create(self) -> None:
        """Create the bucket, if it is missing."""
        if self.exists:
            click.echo(f"The bucket {self.name} in {self.region} is yours already.")
            return
        # us-east-1 is what S3 takes without being told, and must not be told.
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        try:
            self.s3.create_bucket(Bucket=self.name, **place if self.region != "us-east-1" else {})
        except ClientError as error:
            if error.response["Error"]["Code"] == "BucketAlreadyExists":
                raise self.taken() from error
            raise
        self.changed = True
        click.echo(f"The bucket {self.name} is created in {self.region}.")

    def upload(self, body: bytes, there: Json | None) -> None:
        """Upload the template, unless it is there; only over what was looked at."""
        if body == self.template:
            click.echo(f"{NAME} is in it, and the same as here.")
            return
        self.s3.put_object(
            **self.mine,
            Key=NAME,
            Body=self.template,
            ContentType="application/json",
            ServerSideEncryption="AES256",  # with a KMS key only its users could read
            **{"IfMatch": there["ETag"]} if there else {"IfNoneMatch": "*"},
        )
        self.changed = True
        click.echo(f"{NAME} is uploaded{', over an older version' if there else ''}.")

    def open(self, block: dict[str, bool], policy: Json | None) -> None:
        """Let everybody read the template.

        Args:
            block: the settings of Block Public Access. ACLs stay blocked if they are.
            policy: the policy to set, or None if it allows that already.
        """
        if block.get("RestrictPublicBuckets") or (policy and block.get("BlockPublicPolicy")):
            self.s3.put_public_access_block(
                **self.mine,
                PublicAccessBlockConfiguration={
                    **block,
                    "BlockPublicPolicy": False,
                    "RestrictPublicBuckets": False,
                },
            )
            self.changed = True
            click.echo("Block Public Access lets the bucket's policy count; ACLs stay as they are.")
        if not policy:
            click.echo("The bucket's policy allows everybody to read it.")
            return
        if problem := lasting(lambda: self.refusal(policy)):
            raise click.ClickException(
                f"The bucket's policy was refused: {problem} The links stay as they are. If "
                "Block Public Access is on for your whole account, nobody else can read a "
                "template in it: take another account."
            )
        self.changed = True
        click.echo("The bucket's policy now allows everybody to read this file, and adds no more.")

    def refusal(self, policy: Json) -> str:
        """Set the bucket's policy; say why that was refused, or return an empty string."""
        try:
            self.s3.put_bucket_policy(**self.mine, Policy=json.dumps(policy))
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return str(error.response["Error"]["Message"])
        return ""

    def read_back(self) -> None:
        """See that the template can be read without credentials and is the same."""
        url = f"{self.endpoint}/{self.name}/{NAME}"
        if problem := lasting(lambda: self.difference(url)):
            raise click.ClickException(
                f"{url} cannot be read without credentials ({problem}): the links stay as they "
                "are. Look at the bucket's policy and at Block Public Access, then try again."
            )
        click.echo(f"Without credentials it reads the same, {len(self.template)} bytes: {url}")

    def difference(self, url: str) -> str:
        """What is wrong with the file at an address; empty if nothing is."""
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                same = answer.read(LARGEST_TEMPLATE + 1) == self.template
        except urllib.error.HTTPError as error:
            return f"HTTP status {error.code}"
        except OSError as error:
            return str(error)
        return "" if same else "it is another file"


# --- The command ------------------------------------------------------------------------------


def rewrite_pages(bucket: str, region: str) -> list[str]:
    """Point the launch links of the pages to the bucket; return the names of changed pages."""
    changed = []
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
            changed.append(name)
            click.echo(f"{name}: launch links rewritten: {number}")
    return changed


@contextlib.contextmanager
def one_sentence() -> Iterator[None]:
    """Turn what boto3 raises into a sentence and an exit code."""
    hint = "aws login, or aws configure with the access key of your user"
    if running.load() and "AWS_ENDPOINT_URL" not in os.environ:
        hint += '; for the offline workshop: eval "$(python scripts/workshop.py env)"'
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise click.UsageError(f"There are no credentials for AWS: {hint}.") from error
    except (NoConnectionError, HTTPClientError) as error:
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        mend = "is the workshop running (make workshop)?" if endpoint else "is the network there?"
        raise click.ClickException(
            f"{'Offline AWS' if endpoint else 'AWS'} does not answer ({error}): {mend}"
        ) from error
    except ClientError as error:
        answer = error.response["Error"]
        text = answer.get("Message", answer["Code"])
        if answer["Code"] in BAD_CREDENTIALS:
            raise click.UsageError(
                f"AWS does not take your credentials ({text}): {hint}."
            ) from error
        raise click.ClickException(f"AWS refused {error.operation_name}: {text}") from error
    except (BotoCoreError, ValueError) as error:  # a profile or an address that is not one
        raise click.UsageError(f"AWS cannot be used: {error}") from error
    except OSError as error:
        raise click.ClickException(f"A file cannot be read or written: {error}") from error


@click.command()
@click.option("--bucket", required=True, callback=bucket_name, help="Yours, or a new one.")
@click.option("--region", help="Of a new bucket. Default: your own region.")
def publish(bucket: str, region: str | None) -> None:
    """Upload the template to a bucket of yours and point the launch links to it.

    The bucket is created if it is missing, and everybody may read this one file in it. Then the
    launch links of README.md and Instructions.md are rewritten: all take the template from there,
    and the main one opens the console in the bucket's region. Doing it again changes nothing.
    """
    if os.environ.get("AWS_ENDPOINT_URL"):
        os.environ.setdefault("NO_PROXY", "127.0.0.1")
    with one_sentence():
        template = TEMPLATE.read_bytes()
        if not is_ours(template):
            raise click.UsageError(f"{NAME} is no longer the workshop's template: see make lint.")
        publisher = Publisher(bucket, region, template)
        publisher.run()
        changed = rewrite_pages(bucket, publisher.region)
    if not (changed or publisher.changed):
        click.echo("Nothing had to be changed.")
    if publisher.offline:
        click.echo(
            f"This bucket exists only in offline AWS at {publisher.endpoint}: on AWS the links "
            "lead nowhere. If you changed nothing else in these files, this puts the links back: "
            f"git checkout {' '.join(page for page in PAGES if (REPOSITORY / page).is_file())}"
        )
    link = launch_link(publisher.region, template_url(bucket, publisher.region))
    click.echo(f"The launch link: {link}")
