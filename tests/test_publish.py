"""publish: in a folder like the repository, to a real offline AWS; once typed in a terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from kit.aws_client import Aws
from kit.commands.publish import command
from kit.commands.publish.command import OPT_IN
from kit.commands.publish.launch_links import launch_link, launch_links, launch_table, rewrite
from kit.keys import ACCOUNT, select
from kit.stack.template import load_template, rekognition_regions
from kit.waiting import PATIENCE
from support import MEASURED, REPOSITORY
from support.systems import BorrowedSystem

NAME = "RekognitionWorkshopCFN.json"
TEMPLATE = (REPOSITORY / NAME).read_bytes()
REGIONS = rekognition_regions(json.loads(TEMPLATE))
OLD = f"https://s3-eu-west-1.amazonaws.com/serverlessbytes/{NAME}"
AGREED = launch_link("eu-west-1", OLD)
# As it was before anybody published anything.
README = (REPOSITORY / "README.md").read_text()
README = README.replace(launch_links(README)[0].url, AGREED)
INSTRUCTIONS = f"""# Instructions\r
\r
[![Launch stack](media/launch.png)]({AGREED})\r
\r
| Region | Name | Launch link |\r
| --- | --- | --- |\r
| eu-central-1 | Frankfurt | [Launch]({launch_link("eu-central-1", OLD)}) |\r
| eu-west-1 | Ireland | [Launch]({AGREED}) |\r
\r
[another template]({AGREED.replace(NAME, "other.json")}), [the file]({NAME}).\r
"""


class Checkout:
    """A copy of the repository, in which a learner publishes."""

    def __init__(self, folder: Path, system: BorrowedSystem) -> None:
        self.folder = folder
        self.system = system
        url = system.aws.url
        self.bucket = f"class-{uuid.uuid4().hex[:12]}"
        self.url = url
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            **select(system.keys, ACCOUNT),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        shutil.copy(REPOSITORY / NAME, folder / NAME)
        (folder / "README.md").write_text(README)
        (folder / "Instructions.md").write_bytes(INSTRUCTIONS.encode())

    def publish(self, *options: str, **environment: str) -> Result:
        """Run it, and see to what is always so: no traceback and no key in what it says."""
        variables = {k: v for k, v in (self.environment | environment).items() if v}
        with (
            mock.patch.object(command, "REPOSITORY", self.folder),
            mock.patch.object(command, "TEMPLATE", self.folder / NAME),
            mock.patch.dict(os.environ, variables, clear=True),
        ):
            done = CliRunner().invoke(command.publish, ["--bucket", self.bucket, *options])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert self.environment["AWS_SECRET_ACCESS_KEY"] not in done.output
        return done

    def refused(self, *options: str, code: int = 2, **environment: str) -> str:
        """Type it, see that it is refused and that the links stay; return the sentence."""
        before = self.pages()
        done = self.publish(*options, **environment)
        assert done.exit_code == code, done.stderr
        assert self.pages() == before
        return " ".join(done.stderr.rpartition("Error: ")[2].split())

    def pages(self) -> list[str]:
        names = ("README.md", "Instructions.md")
        return [
            (self.folder / name).read_bytes().decode()
            for name in names
            if (self.folder / name).exists()
        ]

    def s3(self, region: str = "eu-west-1") -> Any:
        return Aws(self.url, region, self.system.keys).client("s3")

    def s3_of_another_account(self) -> Any:
        theirs = self.system.admin("aws").post("accounts", {"account": "111111111111"}).json()
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id=theirs["AccessKeyId"],
            aws_secret_access_key=theirs["SecretAccessKey"],
            aws_session_token=theirs["Token"],
        )

    def new_bucket(self, region: str = "eu-west-1", s3: Any = None) -> Any:
        s3 = s3 or self.s3(region)
        place = {"LocationConstraint": region}
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=place)
        return s3

    def anonymous(self, key: str) -> requests.Response:
        return requests.get(f"{self.url}/{self.bucket}/{key}", timeout=60)

    def policy(self) -> list[dict[str, Any]]:
        answer = self.s3().get_bucket_policy(Bucket=self.bucket)
        statements: list[dict[str, Any]] = json.loads(answer["Policy"])["Statement"]
        return statements

    def block(self) -> dict[str, bool]:
        answer = self.s3().get_public_access_block(Bucket=self.bucket)
        settings: dict[str, bool] = answer["PublicAccessBlockConfiguration"]
        return settings


@pytest.fixture
def checkout(tmp_path: Path, system: BorrowedSystem) -> Checkout:
    return Checkout(tmp_path, system)


def test_a_new_bucket_is_private_but_for_the_template(checkout: Checkout) -> None:
    done = checkout.publish()
    assert done.exit_code == 0, done.stderr
    assert checkout.anonymous(NAME).content == TEMPLATE
    checkout.s3().put_object(Bucket=checkout.bucket, Key="other", Body=b"private")
    checkout.s3().put_object(Bucket=checkout.bucket, Key=f"{NAME}.old", Body=b"private")
    refused = [checkout.anonymous(key).status_code for key in ("other", f"{NAME}.old", "")]
    assert refused == [403, 403, 403]
    (statement,) = checkout.policy()
    assert statement["Resource"] == f"arn:aws:s3:::{checkout.bucket}/{NAME}"
    assert statement["Action"] == "s3:GetObject"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "true"}}
    assert checkout.block() == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    with pytest.raises(ClientError, match="BlockPublicAcls"):
        checkout.s3().put_object_acl(Bucket=checkout.bucket, Key="other", ACL="public-read")


def test_it_can_be_typed_in_a_terminal(checkout: Checkout) -> None:
    scripts = REPOSITORY / "scripts"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(scripts, checkout.folder / "scripts", ignore=ignored)
    command = [sys.executable, "scripts/workshop.py", "publish", "--bucket", checkout.bucket]
    done = subprocess.run(
        command,
        cwd=checkout.folder,
        env=checkout.environment | MEASURED,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].startswith("The launch link: https://console.aws.amazon")
    assert checkout.anonymous(NAME).content == TEMPLATE
    assert checkout.bucket in checkout.pages()[0]


def test_every_link_takes_the_template_from_the_new_bucket(checkout: Checkout) -> None:
    done = checkout.publish("--region", "eu-central-1")
    assert done.exit_code == 0, done.stderr
    address = f"https://s3.eu-central-1.amazonaws.com/{checkout.bucket}/{NAME}"
    main = launch_link("eu-central-1", address)
    assert done.stdout.splitlines()[-1] == f"The launch link: {main}"
    readme, instructions = checkout.pages()
    assert readme == README.replace(AGREED, main)
    assert readme.count(main) == 1
    links = launch_links(instructions)
    assert [link.region for link in links] == ["eu-central-1", "eu-central-1", "eu-west-1"]
    assert {(link.bucket, link.bucket_region) for link in links} == {
        (checkout.bucket, "eu-central-1")
    }
    assert "serverlessbytes/other.json" in instructions  # not ours, so it stays
    # Nothing but the links has changed, the ends of the lines included.
    assert without_links(instructions) == without_links(INSTRUCTIONS)
    bucket = checkout.s3().head_bucket(Bucket=checkout.bucket)
    assert bucket["BucketRegion"] == "eu-central-1"
    # An offline bucket is nothing that a link should lead to for long.
    assert "exists only in offline AWS" in done.stdout
    assert "git checkout README.md Instructions.md" in done.stdout


def without_links(text: str) -> str:
    return re.sub(rf"https://console\S*?/{NAME}", "LINK", text)


def test_doing_it_again_changes_nothing(checkout: Checkout) -> None:
    first = checkout.publish("--region", "us-east-1")  # which takes no LocationConstraint
    assert "Nothing had to be changed." not in first.stdout
    uploaded = checkout.s3().head_object(Bucket=checkout.bucket, Key=NAME)
    before = checkout.pages(), checkout.policy(), checkout.block()
    again = checkout.publish()  # where the bucket is, it knows by itself
    assert again.exit_code == 0
    assert "Nothing had to be changed." in again.stdout
    assert (checkout.pages(), checkout.policy(), checkout.block()) == before
    now = checkout.s3().head_object(Bucket=checkout.bucket, Key=NAME)
    assert now["LastModified"] == uploaded["LastModified"]


def test_a_region_that_accounts_must_enable_first_is_warned_of(checkout: Checkout) -> None:
    assert set(OPT_IN) <= set(rekognition_regions(load_template()))
    done = checkout.publish("--region", "eu-south-2")
    assert done.exit_code == 0
    assert "Warning: eu-south-2 is an opt-in region." in done.stderr
    checkout.bucket = f"next.{checkout.bucket[:-1]}"
    assert "opt-in" not in checkout.publish("--region", "eu-west-2").stderr


def test_links_follow_from_bucket_to_bucket_and_region_to_region(checkout: Checkout) -> None:
    checkout.publish("--region", "us-west-2")
    first, checkout.bucket = checkout.bucket, f"next.{checkout.bucket[:-1]}"
    checkout.publish("--region", "ca-central-1")
    text = "".join(checkout.pages())
    assert first not in text
    regions = [link.region for link in launch_links(text)]
    assert regions == ["ca-central-1", "ca-central-1", "eu-central-1", "eu-west-1"]


def test_a_new_version_goes_over_an_older_one(checkout: Checkout) -> None:
    checkout.publish()
    newer = TEMPLATE.replace(b'"2.0.0"', b'"2.0.1"')
    (checkout.folder / NAME).write_bytes(newer)
    assert "uploaded, over an older version" in checkout.publish().stdout
    assert checkout.anonymous(NAME).content == newer


def test_a_page_that_is_missing_is_no_trouble(checkout: Checkout) -> None:
    (checkout.folder / "Instructions.md").unlink()
    done = checkout.publish()
    assert done.exit_code == 0
    assert "Instructions.md is not here" in done.stdout
    assert checkout.bucket in checkout.pages()[0]
    assert "git checkout README.md\n" in done.stdout


def test_someone_else_s_bucket_is_refused(checkout: Checkout) -> None:
    theirs = checkout.new_bucket(s3=checkout.s3_of_another_account())
    sentence = checkout.refused()
    assert f"The bucket {checkout.bucket} belongs to someone else" in sentence
    assert "Contents" not in theirs.list_objects_v2(Bucket=checkout.bucket)
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        theirs.get_bucket_policy(Bucket=checkout.bucket)


@pytest.mark.parametrize(
    "body",
    [
        b"my own notes",
        b'{"Description": "Serverless Bytes: but no template"}',
        b'{"Description": "another stack", "Outputs": {"TemplateVersion": {"Value": "1"}}}',
        b"[]",
        b"\xff\x00",
    ],
)
def test_another_file_of_that_name_is_not_overwritten(checkout: Checkout, body: bytes) -> None:
    s3 = checkout.new_bucket()
    s3.put_object(Bucket=checkout.bucket, Key=NAME, Body=body)
    assert "it is not overwritten" in checkout.refused()
    assert s3.get_object(Bucket=checkout.bucket, Key=NAME)["Body"].read() == body
    assert checkout.anonymous(NAME).status_code == 403  # nor made public
    assert all(checkout.block().values())


OWN = {
    "Sid": "BackupReads",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::{}/backup/*",
}


def put_policy(checkout: Checkout, *statements: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a policy with these statements on the bucket and return them."""
    text = json.dumps({"Version": "2012-10-17", "Id": "mine", "Statement": statements})
    text = text.replace("{}/", f"{checkout.bucket}/")
    checkout.s3().put_bucket_policy(Bucket=checkout.bucket, Policy=text)
    written: list[dict[str, Any]] = json.loads(text)["Statement"]
    return written


def test_what_an_own_bucket_holds_and_allows_stays(checkout: Checkout) -> None:
    s3 = checkout.new_bucket(region="eu-central-1")
    s3.put_object(Bucket=checkout.bucket, Key="backup/1", Body=b"mine")
    before = put_policy(checkout, OWN)
    done = checkout.publish()
    assert done.exit_code == 0, done.stderr
    assert "in eu-central-1 is yours already" in done.stdout
    assert checkout.policy()[:-1] == before
    assert checkout.policy()[-1]["Resource"].endswith(f"/{NAME}")
    policy = json.loads(s3.get_bucket_policy(Bucket=checkout.bucket)["Policy"])
    assert policy["Id"] == "mine"
    assert checkout.anonymous("backup/1").status_code == 403
    assert checkout.anonymous(NAME).content == TEMPLATE


def test_settings_of_an_own_bucket_change_only_as_far_as_needed(checkout: Checkout) -> None:
    s3 = checkout.new_bucket()
    acls_open = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls"), False)
    closed = dict.fromkeys(("BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(
        Bucket=checkout.bucket, PublicAccessBlockConfiguration=acls_open | closed
    )
    assert checkout.publish().exit_code == 0
    assert checkout.block() == acls_open | dict.fromkeys(closed, False)


def test_what_only_block_public_access_keeps_shut_is_not_opened(checkout: Checkout) -> None:
    s3 = checkout.new_bucket()
    shut = checkout.block()
    s3.delete_public_access_block(Bucket=checkout.bucket)
    put_policy(checkout, {**OWN, "Sid": "Old", "Principal": "*", "Resource": "arn:aws:s3:::{}/*"})
    s3.put_public_access_block(Bucket=checkout.bucket, PublicAccessBlockConfiguration=shut)
    s3.put_object(Bucket=checkout.bucket, Key="secret", Body=b"secret")
    sentence = checkout.refused()
    assert "gives more to the public (Old)" in sentence
    assert checkout.block() == shut
    assert checkout.anonymous("secret").status_code == 403


def test_links_stay_if_nobody_can_read_the_template(checkout: Checkout) -> None:
    checkout.new_bucket()
    deny = {**OWN, "Sid": "OnlyUs", "Effect": "Deny", "Principal": "*"}
    deny |= {"Resource": "arn:aws:s3:::{}/*"}
    deny |= {"Condition": {"StringNotEquals": {"aws:PrincipalAccount": "000000000000"}}}
    put_policy(checkout, deny)
    sentence = checkout.refused(code=1, **{PATIENCE: "0.02"})
    assert "cannot be read without credentials (HTTP status 403): the links stay" in sentence


def test_links_stay_if_the_policy_may_not_be_set(
    checkout: Checkout, system: BorrowedSystem
) -> None:
    iam = system.aws.client("iam")
    iam.create_user(UserName=checkout.bucket)
    rule = {"Effect": "Allow", "NotAction": "s3:PutBucketPolicy", "Resource": "*"}
    iam.put_user_policy(
        UserName=checkout.bucket,
        PolicyName="all-but-one",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [rule]}),
    )
    key = iam.create_access_key(UserName=checkout.bucket)["AccessKey"]
    sentence = checkout.refused(
        code=1,
        AWS_ACCESS_KEY_ID=key["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"],
        **{PATIENCE: "0.02"},
    )
    assert "The bucket's policy was refused" in sentence
    assert checkout.anonymous(NAME).status_code == 403


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ab", "must have 3 to 63"),
        ("a" * 64, "must have 3 to 63"),
        ("", "must have 3 to 63"),
        ("My-Bucket", "only lower-case letters"),
        ("under_score", "only lower-case letters"),
        ("bücket", "only lower-case letters"),
        ("a/b/../c", "only lower-case letters"),
        ("-abc", "must begin and end"),
        ("abc.", "must begin and end"),
        ("a..b", "two dots"),
        ("192.168.5.4", "IP address"),
        ("xn--abc", "keeps for itself"),
        ("abc--ol-s3", "keeps for itself"),
    ],
)
def test_wrong_names_are_refused_before_aws_is_asked(
    checkout: Checkout, name: str, problem: str
) -> None:
    nobody = "http://127.0.0.1:9"
    assert problem in checkout.refused("--bucket", name, AWS_ENDPOINT_URL=nobody)


def test_region_without_rekognition_is_refused(checkout: Checkout) -> None:
    nobody = "http://127.0.0.1:9"
    asked = checkout.refused("--region", "eu-north-1", AWS_ENDPOINT_URL=nobody)
    assert "eu-north-1 has no Amazon Rekognition" in asked
    assert "eu-west-3 has no" in checkout.refused(AWS_DEFAULT_REGION="eu-west-3")
    missing = checkout.s3()
    with pytest.raises(ClientError, match="404"):
        missing.head_bucket(Bucket=checkout.bucket)
    s3 = checkout.new_bucket(region="eu-north-1")
    assert "eu-north-1 has no" in checkout.refused()
    assert "Contents" not in s3.list_objects_v2(Bucket=checkout.bucket)


def test_region_must_be_that_of_the_bucket(checkout: Checkout) -> None:
    checkout.new_bucket(region="eu-west-2")
    sentence = checkout.refused("--region", "eu-west-1")
    assert "is in eu-west-2, not in eu-west-1" in sentence


@pytest.mark.parametrize(
    ("environment", "code", "problem"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 2, "no credentials for AWS"),
        ({"AWS_ACCESS_KEY_ID": "AKIAXXXXXXXXXXXXXXXX"}, 2, "does not take your credentials"),
        ({"AWS_DEFAULT_REGION": ""}, 2, "Say in which region: --region"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 1, "Offline AWS does not answer"),
        ({"AWS_ENDPOINT_URL": "nowhere"}, 2, "Invalid endpoint: nowhere"),
        (
            {"AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": ""},
            2,
            "The config profile (nobody) could not be found",
        ),
    ],
)
def test_what_is_wrong_with_the_access_is_one_sentence(
    checkout: Checkout, environment: dict[str, str], code: int, problem: str
) -> None:
    assert problem in checkout.refused(code=code, **environment)


def test_a_broken_template_is_not_published(checkout: Checkout) -> None:
    (checkout.folder / NAME).write_bytes(TEMPLATE[:-20])
    assert "no longer the workshop's template" in checkout.refused()


@pytest.mark.unit
@pytest.mark.parametrize(
    ("address", "region"),
    [
        (f"https://s3-eu-west-1.amazonaws.com/some.bucket/{NAME}", "eu-west-1"),
        (f"https://s3.eu-west-1.amazonaws.com/some.bucket/{NAME}", "eu-west-1"),
        (f"https://some.bucket.s3.eu-west-1.amazonaws.com/{NAME}", "eu-west-1"),
        (f"https://some.bucket.s3-eu-west-1.amazonaws.com/{NAME}", "eu-west-1"),
        (f"https://some.bucket.s3.amazonaws.com/{NAME}", "us-east-1"),
        (f"https://s3.amazonaws.com/some.bucket/{NAME}", "us-east-1"),
        (f"https%3A%2F%2Fs3.eu-west-1.amazonaws.com%2Fsome.bucket%2F{NAME}", "eu-west-1"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "[Launch]({})",
        "[![Launch](media/launch.png)]({}) and more",
        '<a href="{}">Launch</a>',
        "See <{}>.",
    ],
)
def test_every_way_to_write_a_link_is_found(address: str, region: str, text: str) -> None:
    text = text.format(launch_link("eu-west-1", address))
    (link,) = launch_links(text)
    assert (link.region, link.bucket, link.bucket_region) == ("eu-west-1", "some.bucket", region)
    assert link.main == (region == "eu-west-1")
    assert text[link.start : link.end] == link.url
    new = f"https://s3.us-west-2.amazonaws.com/other/{NAME}"
    console = "us-west-2" if link.main else "eu-west-1"
    assert rewrite(text, "other", "us-west-2") == text.replace(link.url, launch_link(console, new))


@pytest.mark.unit
def test_parameters_of_a_link_stay() -> None:
    home = "https://console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/quickcreate"
    text = f"{home}?templateURL={OLD}&stackName=mine&param_InstanceType=t3.small"
    new = f"https://s3.eu-west-1.amazonaws.com/other/{NAME}"
    assert rewrite(text, "other", "eu-west-1") == text.replace(OLD, new)


@pytest.mark.unit
def test_table_has_a_link_for_each_region_with_rekognition() -> None:
    table = launch_table(REGIONS, OLD)
    assert [link.region for link in launch_links(table)] == REGIONS
    assert not any(link.main for link in launch_links(table))
    row = f"| eu-central-1 | Europe (Frankfurt) | [Launch in eu-central-1]({AGREED}) |"
    assert row.replace("region=eu-west-1", "region=eu-central-1") in table.splitlines()
    # What publish makes of a table is what the table would be, had it been made for that bucket.
    new = f"https://s3.us-east-2.amazonaws.com/other/{NAME}"
    assert rewrite(table, "other", "us-east-2") == launch_table(REGIONS, new)
