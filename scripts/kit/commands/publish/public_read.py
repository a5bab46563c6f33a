"""Who may read the bucket: its policy and Block Public Access, opened for the template alone."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

import click
from botocore.exceptions import ClientError

from kit.commands.publish.bucket import Bucket
from kit.errors import InputError, WorkshopError
from kit.jsonl import Json
from kit.limits import TEMPLATE_OBJECT_BYTES
from kit.stack.template import TEMPLATE
from kit.waiting import patience

SETTLING_SECONDS = 10.0  # S3's settings and policies take a moment to be in force
POLL_SECONDS = 0.5
BLOCK_PUBLIC_ACCESS = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)


@dataclass(frozen=True)
class Access:
    """Who may read a bucket.

    Attributes:
        block: the settings of Block Public Access.
        policy: the bucket's policy, its statements as a list.
        grant: the statement that lets everybody read the template.
    """

    block: dict[str, bool]
    policy: Json
    grant: Json

    @property
    def allows_reading(self) -> bool:
        """Whether the policy lets everybody read the template."""
        return self.grant in self.policy["Statement"]

    @property
    def others(self) -> list[Json]:
        """The other statements of the policy."""
        return [one for one in self.policy["Statement"] if one.get("Sid") != self.grant["Sid"]]


def read_access(bucket: Bucket) -> Access:
    """Who may read a bucket now; a new bucket has all of Block Public Access."""
    block = dict.fromkeys(BLOCK_PUBLIC_ACCESS, True)
    if bucket.exists:
        missing = "NoSuchPublicAccessBlockConfiguration"
        answer = bucket.get("get_public_access_block", missing)
        block = dict(answer["PublicAccessBlockConfiguration"]) if answer else {}
    answer = bucket.get("get_bucket_policy", "NoSuchBucketPolicy")
    policy: Json = json.loads(answer["Policy"]) if answer else {"Version": "2012-10-17"}
    statements = policy.get("Statement", [])
    policy["Statement"] = statements if isinstance(statements, list) else [statements]
    return Access(block, policy, reading_statement(bucket.name))


def reading_statement(bucket: str) -> Json:
    """What the bucket's policy allows to everybody: to read this one object, over TLS."""
    return {
        "Sid": "EverybodyReadsThisTemplate",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{TEMPLATE.name}",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }


def is_for_everybody(statement: Json) -> bool:
    """Whether a statement of a policy may give something to the public."""
    everybody = "NotPrincipal" in statement or "*" in json.dumps(statement.get("Principal"))
    return bool(statement["Effect"] == "Allow" and everybody)


def refuse_to_expose(bucket: Bucket, access: Access) -> None:
    """Refuse to open what only Block Public Access keeps shut.

    Raises:
        InputError: the policy gives more to the public than the template.
    """
    if not (bucket.exists and access.block.get("RestrictPublicBuckets")):
        return
    for statement in filter(is_for_everybody, access.others):
        raise InputError(
            f"The policy of your bucket {bucket.name} gives more to the public "
            f"({statement.get('Sid', 'a statement without Sid')}), which only Block Public Access "
            "prevents, and that would have to go: nothing is changed. Choose another bucket."
        )


def allow_public_read(bucket: Bucket, access: Access) -> bool:
    """Let everybody read the template; return whether anything had to be changed.

    Raises:
        WorkshopError: the account does not allow it.
    """
    block, allowed = access.block, access.allows_reading
    shut = block.get("RestrictPublicBuckets") or (block.get("BlockPublicPolicy") and not allowed)
    if shut:
        opened = {"BlockPublicPolicy": False, "RestrictPublicBuckets": False}
        bucket.s3.put_public_access_block(
            **bucket.owned, PublicAccessBlockConfiguration={**block, **opened}
        )
        click.echo("Block Public Access lets the bucket's policy count; ACLs stay as they are.")
    if allowed:
        click.echo("The bucket's policy allows everybody to read it.")
        return bool(shut)
    policy = {**access.policy, "Statement": [*access.others, access.grant]}
    if problem := lasting(lambda: policy_problem(bucket, policy)):
        raise WorkshopError(
            f"The bucket's policy was refused: {problem} The links stay as they are. If Block "
            "Public Access is on for your whole account, nobody else can read a template in it: "
            "take another account."
        )
    click.echo("The bucket's policy now allows everybody to read this file, and adds no more.")
    return True


def policy_problem(bucket: Bucket, policy: Json) -> str:
    """Set the bucket's policy; return why that was refused, or an empty string."""
    try:
        bucket.s3.put_bucket_policy(**bucket.owned, Policy=json.dumps(policy))
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return str(error.response["Error"]["Message"])
    return ""


def read_back(bucket: Bucket, template: bytes) -> None:
    """See that the template can be read without credentials and is the same.

    Raises:
        WorkshopError: it cannot, or it is another file.
    """
    url = f"{bucket.endpoint}/{bucket.name}/{TEMPLATE.name}"
    if problem := lasting(lambda: difference(url, template)):
        raise WorkshopError(
            f"{url} cannot be read without credentials ({problem}): the links stay as they are. "
            "Look at the bucket's policy and at Block Public Access, then try again."
        )
    click.echo(f"Without credentials it reads the same, {len(template)} bytes: {url}")


def difference(url: str, template: bytes) -> str:
    """What is wrong with the file at an address; empty if nothing is."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            same = answer.read(TEMPLATE_OBJECT_BYTES + 1) == template
    except urllib.error.HTTPError as error:
        return f"HTTP status {error.code}"
    except OSError as error:
        return str(error)
    return "" if same else "it is another file"


def lasting(problem: Callable[[], str]) -> str:
    """Ask until there is no problem; return the one that does not go away."""
    deadline = time.monotonic() + SETTLING_SECONDS * patience()
    while (found := problem()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return found
