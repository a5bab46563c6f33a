"""The bucket: a valid name, whose it is and where, and the template in it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import click
from botocore.config import Config
from botocore.exceptions import ClientError

from kit.errors import InputError
from kit.jsonl import Json
from kit.limits import TEMPLATE_OBJECT_BYTES
from kit.stack.template import TEMPLATE

CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")


def name_problem(name: str) -> str:
    """What S3's rules for general purpose buckets say against a name; empty if nothing."""
    starts, ends = ", ".join(RESERVED_STARTS), ", ".join(RESERVED_ENDS)
    rules = (
        (3 <= len(name) <= 63, f"has {len(name)} characters, and must have 3 to 63"),
        (
            re.fullmatch(r"[a-z0-9.-]*", name),
            "may have only lower-case letters, digits, dots and hyphens",
        ),
        (
            name[:1].isalnum() and name[-1:].isalnum(),
            "must begin and end with a letter or digit",
        ),
        (".." not in name, "must not have two dots side by side"),
        (
            not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name),
            "must not look like an IP address",
        ),
        (
            not (name.startswith(RESERVED_STARTS) or name.endswith(RESERVED_ENDS)),
            f"must not begin with {starts} or end with {ends}, which S3 keeps for itself",
        ),
    )
    return next((problem for holds, problem in rules if not holds), "")


class Bucket:
    """A bucket of the caller's account, which may have to be created yet.

    Args:
        s3: a boto3 client for the bucket's region.
        name: of the bucket.
        account: the caller's account.
        exists: whether the bucket exists.

    Attributes:
        region: of the bucket.
        endpoint: where S3 is.
        offline: whether that is offline AWS.
    """

    def __init__(self, s3: Any, name: str, account: str, exists: bool) -> None:
        self.s3 = s3
        self.name = name
        self.account = account
        self.exists = exists
        self.region: str = s3.meta.region_name
        self.endpoint: str = s3.meta.endpoint_url
        self.offline = not str(urlsplit(self.endpoint).hostname).endswith(".amazonaws.com")

    @property
    def owned(self) -> dict[str, str]:
        """The bucket, for calls that must fail if it belongs to another account."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.account}

    def create(self) -> bool:
        """Create the bucket, if it is missing; return whether it was.

        Raises:
            InputError: another account has the name.
        """
        if self.exists:
            click.echo(f"The bucket {self.name} in {self.region} is yours already.")
            return False
        # us-east-1 is what S3 takes without being told, and must not be told.
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        try:
            self.s3.create_bucket(Bucket=self.name, **place if self.region != "us-east-1" else {})
        except ClientError as error:
            if error.response["Error"]["Code"] == "BucketAlreadyExists":
                raise not_yours(self.name, self.account) from error
            raise
        click.echo(f"The bucket {self.name} is created in {self.region}.")
        return True

    def get(self, operation: str, missing: str, **arguments: str) -> Json | None:
        """The answer of a call, or None if what it asks for is missing, by that error code."""
        if not self.exists:
            return None
        try:
            return dict(getattr(self.s3, operation)(**self.owned, **arguments))
        except ClientError as error:
            if error.response["Error"]["Code"] == missing:
                return None
            raise

    def read_template(self) -> tuple[bytes, str]:
        """The file that has the template's name, and its ETag; both empty if there is none."""
        answer = self.get("get_object", "NoSuchKey", Key=TEMPLATE.name)
        if not answer:
            return b"", ""
        return answer["Body"].read(TEMPLATE_OBJECT_BYTES + 1), answer["ETag"]

    def upload_template(self, template: bytes, etag: str) -> None:
        """Upload the template, only over the version with this ETag, or as a new file."""
        self.s3.put_object(
            **self.owned,
            Key=TEMPLATE.name,
            Body=template,
            ContentType="application/json",
            ServerSideEncryption="AES256",  # with a KMS key only its users could read
            **{"IfMatch": etag} if etag else {"IfNoneMatch": "*"},
        )
        click.echo(f"{TEMPLATE.name} is uploaded{', over an older version' if etag else ''}.")


def locate(session: Any, name: str, asked: str | None, regions: list[str]) -> Bucket:
    """Find the caller's bucket, or the region for a new one.

    Args:
        session: boto3's.
        name: of the bucket, valid by S3's rules.
        asked: the region that was asked for, if any. Default: where the bucket is, or, for a new
            one, the caller's own region.
        regions: those that have Rekognition.

    Raises:
        InputError: there can be no such bucket of the caller's.
    """
    if asked:
        require_rekognition(asked, regions)
    own = asked or session.region_name
    anywhere = own or "us-east-1"  # where a bucket is can be asked in any region
    sts = session.client("sts", region_name=anywhere, config=CONFIG)
    account: str = sts.get_caller_identity()["Account"]
    there = region_of(session.client("s3", region_name=anywhere, config=CONFIG), name, account)
    if there and asked and there != asked:
        raise InputError(
            f"Your bucket {name} is in {there}, not in {asked}: leave --region out, or choose "
            "another name."
        )
    if not (region := there or own):
        raise InputError("Say in which region: --region eu-west-1, for example.")
    require_rekognition(region, regions)
    s3 = session.client("s3", region_name=region, config=CONFIG)
    return Bucket(s3, name, account, exists=there is not None)


def require_rekognition(region: str, regions: list[str]) -> None:
    """Refuse a region in which nobody could launch the template.

    Raises:
        InputError: it has no Rekognition.
    """
    if region not in regions:
        raise InputError(
            f"{region} has no Amazon Rekognition, so the main launch link would lead to a stack "
            f"that cannot be launched; these regions have it: {', '.join(regions)}."
        )


def region_of(s3: Any, name: str, account: str) -> str | None:
    """The region of the caller's bucket; None if nobody has the name.

    Raises:
        InputError: another account has it.
    """
    try:
        answer = s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            return None
        if status == 403:
            raise not_yours(name, account) from error
        raise
    return str(answer["BucketRegion"])


def not_yours(name: str, account: str) -> InputError:
    """The error for a bucket of another account."""
    return InputError(
        f"The bucket {name} belongs to someone else than your account {account}, or you may not "
        "look into it: nothing is uploaded. Choose another name, which nobody in the world has."
    )
