"""A workshop that the tests break and let the doctor check; and what the doctor says of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from rich.console import Console

from kit import running
from kit.commands.doctor.command import doctor, show
from kit.commands.doctor.finding import WRONG, Finding
from kit.commands.doctor.stack_context import StackContext
from kit.commands.doctor.stages import check_all
from kit.commands.doctor.workshop import misleading_variables
from kit.emulators.system import OfflineSystem
from support import aws_cli, wait_until
from support.workshop import Workshop

HANDLER = "def lambda_handler(event, context):\n"


class CheckedWorkshop(Workshop):
    """A workshop that the doctor checks."""

    def __init__(self, system: OfflineSystem) -> None:
        super().__init__(system)
        self.clients: dict[str, Any] = {}  # the doctor's

    def compare(self) -> None:
        """Post a photo and wait for its outcome."""
        key = self.tweet()
        wait_until(lambda: self.has_outcome(key))
        wait_until(lambda: self.log().count(key) and self.log().rstrip().endswith(" MB"))

    def has_outcome(self, media_key: str) -> bool:
        return any(i["media_key"]["S"] == media_key and "outcome" in i for i in self.items())

    def settle(self, media_key: str) -> None:
        """Wait until a photo has its outcome or has failed for good; the failure queue is empty."""
        wait_until(lambda: self.has_outcome(media_key) or self.failures())
        url = self.stack.resource("FailureQueue")
        self.client("sqs").purge_queue(QueueUrl=url)

    def streamer_runs(self) -> bool:
        return bool(self.streamer and self.streamer.running)

    def everything(self) -> str:
        """All that a check must not change."""
        logical_ids = ("TwitterBucket", "RekognitionBucket")
        buckets = [
            self.client("s3").list_objects_v2(Bucket=self.stack.resource(bucket)).get("Contents")
            for bucket in logical_ids
        ]
        functions = self.client("lambda").list_functions()["Functions"]
        account = self.client("iam").get_account_authorization_details(Filter=["Role"])
        roles = account["RoleDetailList"]  # with their policies
        stacks = self.client("cloudformation").list_stacks()["StackSummaries"]
        streams = self.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
        parts = (buckets, functions, roles, stacks, streams, self.items(), self.failures())
        return json.dumps([*parts, self.system.aws.outbox()], default=str, indent=1)

    def context(self) -> StackContext:
        misleading = misleading_variables()
        running.use_named()  # as the command does
        context = StackContext(boto3.Session(), self.stack.name, self.system.x_url)
        context.misleading = misleading
        return context

    def check(self) -> dict[str, Finding]:
        """Let the doctor check all stages; it changes nothing and shows no key."""

        def check() -> dict[str, Finding]:
            before = self.everything()
            context = self.context()
            context.clients = self.clients
            found = check_all(context)
            return found if self.everything() == before else {}

        findings = wait_until(check, 15)  # something may still be on its way
        output = shown(findings)
        assert "TWITTER_" not in output
        for key in self.system.keys.values():
            assert key not in output
        return findings

    def diagnose(self, stage: str) -> Finding:
        """Exactly this stage is wrong; return what was found there."""
        findings = self.check()
        assert wrong(findings) == [stage], shown(findings)
        assert findings[stage].cause
        assert findings[stage].fix
        return findings[stage]

    def is_well(self) -> dict[str, Finding]:
        findings = self.check()
        assert wrong(findings) == [], shown(findings)
        return findings

    def fix(self, finding: Finding, after: str = "") -> None:
        """Type the command that the doctor prints, as far as it is for the AWS CLI."""
        command = finding.fix.partition(after)[2] if after else finding.fix.partition(", then")[0]
        assert command.startswith("aws ")
        done = subprocess.run(
            command,
            shell=True,
            env=os.environ | {"PATH": aws_cli.path()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def wrong(findings: dict[str, Finding]) -> list[str]:
    return [name for name, finding in findings.items() if finding.status == WRONG]


def shown(findings: dict[str, Finding]) -> str:
    output = io.StringIO()
    show(Console(file=output), findings)
    return output.getvalue()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(doctor, arguments)


def refuse(context: StackContext, operation: str, code: str = "AccessDenied") -> None:
    """Let the AWS of a fake context refuse an operation."""
    error = ClientError({"Error": {"Code": code, "Message": "no"}}, operation)
    getattr(context.client("any"), operation).side_effect = error


def fake_context(**answers: Any) -> StackContext:
    """A stack whose AWS gives these answers, whatever the service."""
    client = mock.MagicMock()
    for name, answer in answers.items():
        getattr(client, name).return_value = answer
        paginator = client.get_paginator.return_value
        paginator.paginate.return_value = [answer]
    session = SimpleNamespace(client=lambda service, config: client, region_name="eu-west-1")
    context = StackContext(session)
    context.ids = dict.fromkeys(context.template["Resources"], "x")
    context.endpoint = ""
    return context
