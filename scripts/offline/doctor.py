"""The doctor: why does nothing happen? It looks at every hop of a photo, on AWS and offline.

It changes nothing: it lists, describes and gets, and takes no message out of the failure queue.
On AWS one of its calls costs money: DetectFaces on the reference photo, billed as one image.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shlex
import sys
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import boto3
import click
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from offline import running
from offline.stack import TEMPLATE

OK, WRONG, NOTHING = "✓", "✗", "–"
STYLES = {OK: "green", WRONG: "bold red", NOTHING: "dim"}
EC2_CHECKS = ("SystemStatus", "InstanceStatus")
LOG_HOURS = (1, 24, 7 * 24)  # how far to look back, until a log has something; 7 days are kept

# The hops, by the names that the output shows. The two functions are called as in the template.
CREDENTIALS, STACK, SUBSCRIPTION = "credentials and region", "stack", "subscription"
INSTANCE, STREAMER, STREAM = "instance", "streamer", "delivery stream"
OBJECTS, TRIGGERS, PHOTOS = "delivered records", "triggers", "photos"
TWITTER, REKOGNITION = "TwitterLambdaFunction", "RekognitionLambdaFunction"
QUEUE, REFERENCE = "failure queue", "reference photo"
EXERCISE, COMPARISON = "exercise", "last comparison"

Json = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What is to be said of a hop.

    Attributes:
        mark: OK, WRONG or NOTHING (no data yet, or it cannot be seen from here).
        text: what is the case.
        why: why that is a problem, or how it comes.
        mend: the command or the click that mends it.
        unless: hops; if one of these is wrong, this is only a consequence.
        gone: whether the thing itself no longer exists.
    """

    mark: str
    text: str
    why: str = ""
    mend: str = ""
    unless: tuple[str, ...] = ()
    gone: bool = False


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(OK, text)


def nothing(text: str) -> Finding:
    """Neither good nor bad."""
    return Finding(NOTHING, text)


def wrong(text: str, why: str, mend: str, *unless: str) -> Finding:
    """Something is broken here, unless another hop explains it."""
    return Finding(WRONG, text, why, mend, unless)


# --- What a function's log says ---------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One run of a function: when it ended, and what it left in the log."""

    ended: datetime
    lines: tuple[str, ...]

    @property
    def error(self) -> str:
        """The first error that it tells of, in one line; empty if none."""
        for number, line in enumerate(self.lines):
            if line.startswith("Traceback "):  # the reason is the next line that is not indented
                return next((text for text in self.lines[number:][1:] if text[:1].strip()), line)
            if line.startswith("[ERROR]"):
                return line.removeprefix("[ERROR]").strip()
            if failed := re.search(r"(?i)\b(?:failed|error): (.+)", line):
                return failed[1]
            if re.search(r"Task timed out|Runtime exited|An error occurred \(", line):
                return line
        return ""


def runs_of(events: Iterable[Json]) -> list[Run]:
    """Split a log into runs: in each stream one follows the other, and REPORT ends it."""
    streams: dict[str, list[str]] = defaultdict(list)
    runs = []
    for event in events:
        stream, message = event["logStreamName"], event["message"]
        if not re.match("(START|END|REPORT) RequestId|INIT_", message):
            streams[stream] += message.rstrip().splitlines()
        if message.startswith("REPORT RequestId"):
            ended = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            runs.append(Run(ended, tuple(streams.pop(stream, ()))))
    return sorted(runs, key=lambda run: run.ended)


# --- What a role's policies allow -------------------------------------------------------------


def listed(value: Any) -> list[Any]:
    """IAM lets you write one thing without the list around it."""
    return value if isinstance(value, list) else [value]


def covers(statement: Json, action: str, resource: str) -> bool:
    """Say whether a statement is about an action on a resource."""
    actions = [pattern.lower() for pattern in listed(statement.get("Action", []))]
    return any(fnmatchcase(action.lower(), pattern) for pattern in actions) and any(
        fnmatchcase(resource, pattern) for pattern in listed(statement.get("Resource", []))
    )


def is_held(wanted: Json, held: list[Json]) -> bool:
    """Say whether what a statement allows is still allowed, and not denied."""
    return all(
        {s["Effect"] for s in held if covers(s, action, resource)} == {"Allow"}
        for action in listed(wanted["Action"])
        for resource in listed(wanted["Resource"])
    )


# --- Small helpers ----------------------------------------------------------------------------


def when(moment: datetime) -> str:
    """A time in the learner's own time zone; with the date unless it is today's."""
    local = moment.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"


def shorten(text: str) -> str:
    """One line that fits into a report."""
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:299]}…"


def count(number: int, what: str) -> str:
    """Say how many there are."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def newest(objects: list[Json]) -> datetime:
    """When the last object was written."""
    moment: datetime = max(entry["LastModified"] for entry in objects)
    return moment


def code_problem(files: dict[str, str], handler: str) -> str:
    """Say why Lambda cannot load the code, if that shows without running it."""
    module, _, name = handler.rpartition(".")
    source = files.get(f"{module}.py")
    if source is None:
        return f"there is no {module}.py, which the handler {handler} needs"
    try:
        ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return f"{module}.py, line {getattr(error, 'lineno', '?')}: {error}"
    return "" if name in source else f"{module}.py has no function {name}"


# --- The hops ---------------------------------------------------------------------------------


class Doctor:
    """Looks at the hops of one stack.

    Args:
        session: boto3's; with AWS_ENDPOINT_URL in the environment it talks to the emulated AWS.
        stack: the stack's name; None is the only one of this workshop.
        x_url: where the emulated X is, offline.
    """

    def __init__(self, session: Any, stack: str | None = None, x_url: str = "") -> None:
        self.session = session
        self.stack = stack
        self.x_url = x_url
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        self.template: Json = json.loads(TEMPLATE.read_text())
        self.clients: dict[str, Any] = {}
        self.ids: dict[str, str] = {}  # logical ID → physical ID
        self.outputs: dict[str, str] = {}
        self.buffer_seconds = 0  # the stack's parameter
        self.partition = self.region = self.account = ""
        self.functions: dict[str, Json] = {}  # what GetFunction says of them
        self.runs: dict[str, list[Run]] = {}  # since the code was last changed
        self.since: dict[str, datetime] = {}  # the time from which on these are
        self.hops: dict[str, Callable[[], Finding]] = {
            CREDENTIALS: self.see_credentials,
            STACK: self.see_stack,
            SUBSCRIPTION: self.see_subscription,
            INSTANCE: self.see_instance,
            STREAMER: self.see_streamer,
            STREAM: self.see_stream,
            OBJECTS: self.see_objects,
            TRIGGERS: self.see_triggers,
            PHOTOS: self.see_photos,
            TWITTER: lambda: self.see_function(TWITTER, "TwitterLambdaRole", "TwitterBucket"),
            REKOGNITION: lambda: self.see_function(
                REKOGNITION, "RekognitionLambdaRole", "RekognitionBucket"
            ),
            QUEUE: self.see_queue,
            REFERENCE: self.see_reference,
            EXERCISE: self.see_exercise,
            COMPARISON: self.see_comparison,
        }

    def examine(self) -> dict[str, Finding]:
        """Look at all hops and return what is to be said of each.

        Raises:
            click.UsageError: there is no such stack.
        """
        findings: dict[str, Finding] = {}
        blocked = ""
        for name, hop in self.hops.items():
            findings[name] = nothing(f"not looked at: see {blocked}") if blocked else self.look(hop)
            if name in (CREDENTIALS, STACK) and findings[name].mark != OK:
                blocked = name  # without these, nothing else can be seen
        return without_consequences(findings)

    def look(self, hop: Callable[[], Finding]) -> Finding:
        """Look at a hop; say so when it cannot be seen, or when what it is about is gone."""
        try:
            return hop()
        except ClientError as error:
            code, text = error.response["Error"]["Code"], shorten(str(error))
            if re.search("NotFound|NoSuch|NonExist|DoesNotExist", code):
                gone = wrong("it does not exist any more", text, self.relaunch())
                return replace(gone, gone=True)
            if not self.ids:  # without the stack there is nothing to look at
                mend = "Use credentials that may look at everything, such as ReadOnlyAccess gives"
                return wrong("it cannot be seen", text, mend)
            return nothing(f"cannot be seen: {text}")
        except (BotoCoreError, requests.RequestException, zipfile.BadZipFile) as error:
            return nothing(f"cannot be seen: {shorten(str(error))}")

    def client(self, service: str) -> Any:
        """A client that does not keep the learner waiting."""
        if service not in self.clients:
            config = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3})
            self.clients[service] = self.session.client(service, config=config)
        return self.clients[service]

    def see_credentials(self) -> Finding:
        """STS knows who we are, and Rekognition is in the region."""
        regions = self.template["Rules"]["RegionHasRekognition"]["Assertions"][0]["Assert"]
        regions = regions["Fn::Contains"][0]
        region = self.session.region_name
        if region not in regions:
            return wrong(
                f"the region {region} has no Amazon Rekognition" if region else "no region is set",
                "The stack can only be in a region that has it, and only there is it looked for.",
                "export AWS_DEFAULT_REGION=eu-west-1, or the region that you launched in",
            )
        mend = "aws login, or aws configure with the access key of your user"
        if self.endpoint:
            mend = f"make workshop starts offline AWS; for AWS: unset AWS_ENDPOINT_URL; {mend}"
        try:
            account = self.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            where = self.endpoint or "AWS"
            return wrong(f"{where} does not let us in", shorten(str(error)), mend)
        where = f"offline AWS at {self.endpoint}" if self.endpoint else f"AWS account {account}"
        return ok(f"{where}, region {region}")

    def find_stack(self) -> str:
        """The only stack of this workshop.

        Raises:
            click.UsageError: there are several, or none.
        """
        cloudformation = self.client("cloudformation")
        pages = cloudformation.get_paginator("list_stacks").paginate()
        summaries = [summary for page in pages for summary in page["StackSummaries"]]
        names = []
        for summary in summaries:
            if summary["StackStatus"] != "DELETE_COMPLETE":
                answer = cloudformation.get_template(StackName=summary["StackId"])
                # Also of a stack that failed, and then has no resources any more.
                body = answer["TemplateBody"]
                if REKOGNITION in (body if isinstance(body, str) else body.get("Resources", {})):
                    names.append(summary["StackName"])
        if not names:
            region = self.session.region_name
            raise click.UsageError(
                f"There is no stack with a {REKOGNITION} in {region}: launch it, or name another "
                "region with AWS_DEFAULT_REGION."
            )
        if len(names) > 1:
            raise click.UsageError(
                f"Several stacks have a {REKOGNITION}: name one with --stack, such as "
                f"--stack {sorted(names)[0]} ({', '.join(sorted(names))})."
            )
        return str(names[0])

    def see_stack(self) -> Finding:
        """The stack is complete, and has what the template says."""
        name = self.stack = self.stack or self.find_stack()
        cloudformation = self.client("cloudformation")
        try:
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            region = self.session.region_name
            raise click.UsageError(f"There is no stack called {name} in {region}.") from None
        status = stack["StackStatus"]
        if status.endswith("_IN_PROGRESS"):
            return nothing(f"{name} is {status}: wait until that is over, then look again")
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
            reason = self.first_failure(name)
            return wrong(f"{name} is {status}", reason, f"Mend the reason, then: {self.relaunch()}")
        resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        self.ids = {r["LogicalResourceId"]: r.get("PhysicalResourceId", "") for r in resources}
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}
        self.buffer_seconds = int(parameters.get("BufferSeconds", 0))
        self.partition, _, self.region, self.account = stack["StackId"].split(":")[1:5]
        if REKOGNITION not in self.ids:
            raise click.UsageError(f"The stack {name} is not one of this workshop.")
        if lacking := [name for name in self.template["Resources"] if not self.ids.get(name)]:
            return wrong(
                f"{name} has no {', '.join(lacking)}",
                "It was launched from another edition of the template.",
                self.relaunch(),
            )
        return ok(f"{name} is {status}")

    def first_failure(self, name: str) -> str:
        """Say which resource failed first in the last operation, and why."""
        cloudformation = self.client("cloudformation")
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

    def relaunch(self) -> str:
        """The commands before launching again."""
        return (
            f"aws cloudformation delete-stack --stack-name {self.stack} && aws cloudformation wait "
            f"stack-delete-complete --stack-name {self.stack}, then launch it again (step 3)"
        )

    def see_subscription(self) -> Finding:
        """Somebody gets the mails."""
        sns, topic = self.client("sns"), self.ids["MatchTopic"]
        answer = sns.list_subscriptions_by_topic(TopicArn=topic)
        pending = ""
        for subscription in answer["Subscriptions"]:
            arn, address = subscription["SubscriptionArn"], subscription["Endpoint"]
            if subscription["Protocol"] != "email" or arn == "Deleted":
                continue
            if arn != "PendingConfirmation":
                attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
                if attributes.get("PendingConfirmation") != "true":
                    return ok(f"{address} has confirmed it")
            pending = address
        again = "aws sns subscribe --protocol email --topic-arn {} --notification-endpoint {}"
        if not pending:
            return wrong(
                "nobody is subscribed to the mails",
                "Somebody unsubscribed, or did not confirm for days, and SNS forgot the address.",
                f"{again.format(topic, 'YOUR-ADDRESS')}, then confirm it",
            )
        return wrong(
            f"{pending} has not confirmed it",
            "SNS mails nobody who has not agreed; until then every match is lost.",
            "Click “Confirm subscription” in the mail “AWS Notification - Subscription "
            f"Confirmation” (step 4; look into the spam folder). Send it again: "
            f"{again.format(topic, pending)}",
        )

    def see_instance(self) -> Finding:
        """The instance runs, and its role may do what the streamer does."""
        ec2, instance = self.client("ec2"), self.ids["StreamingInstance"]
        answer = ec2.describe_instances(InstanceIds=[instance])
        state = answer["Reservations"][0]["Instances"][0]["State"]["Name"]
        if state == "pending":
            return nothing(f"{instance} is starting")
        if state in ("terminated", "shutting-down"):
            return wrong(f"{instance} is {state}", "Somebody terminated it.", self.relaunch())
        if state != "running":
            return wrong(
                f"{instance} is {state}",
                "The streamer runs on it, so no post arrives.",
                f"aws ec2 start-instances --instance-ids {instance}, then start the streamer again",
            )
        if problem := self.lost_permissions("StreamingInstanceRole"):
            return problem
        statuses = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
        if any(s[kind]["Status"] == "impaired" for s in statuses for kind in EC2_CHECKS):
            return wrong(
                f"{instance} runs, but does not pass EC2's checks",
                "Its computer or its system is in trouble.",
                f"aws ec2 stop-instances --instance-ids {instance}, then start-instances",
            )
        return ok(f"{instance} is running")

    def see_streamer(self) -> Finding:
        """The streamer is connected to X. On AWS only its terminal shows that."""
        mend = "On the instance (step 5): python twitter_streaming.py"
        if terminal := self.outputs.get("ConnectToInstance") if not self.endpoint else "":
            mend += f"; its terminal: {terminal}"
        if self.x_url:
            with requests.Session() as session:
                session.trust_env = False  # no proxy between here and 127.0.0.1
                connected = session.get(f"{self.x_url}/_workshop/stats", timeout=5).json()
            if connected["connected"]:
                return ok("connected to offline X")
            return wrong(
                "not connected to offline X",
                "It was not started, or it stopped; its terminal says why.",
                mend,
                INSTANCE,
                STREAM,
            )
        if self.endpoint:
            return nothing("cannot be seen: TWITTER_API_URL does not say where offline X is")
        if recent := self.incoming_records(minutes=15):
            return ok(f"it sent {count(recent, 'record')} in the last 15 minutes")
        sent = count(self.incoming_records(minutes=24 * 60), "record")
        return nothing(
            f"it sent {sent} in the last 24 hours; only its terminal shows whether it is connected "
            f"to X. {mend}"
        )

    def incoming_records(self, minutes: int) -> int:
        """How many records Firehose took lately; CloudWatch is some minutes late."""
        now = datetime.now(UTC)
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Firehose",
            MetricName="IncomingRecords",
            Dimensions=[{"Name": "DeliveryStreamName", "Value": self.ids["DeliveryStream"]}],
            StartTime=now - timedelta(minutes=minutes),
            EndTime=now,
            Period=300,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in answer["Datapoints"]))

    def see_stream(self) -> Finding:
        """Firehose's delivery stream is there, works, and may write into the bucket."""
        name = self.ids["DeliveryStream"]
        try:
            answer = self.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            settings = self.resolve(self.template["Resources"]["DeliveryStream"]["Properties"])
            destination = settings["ExtendedS3DestinationConfiguration"]
            destination["BufferingHints"]["IntervalInSeconds"] = self.buffer_seconds
            return wrong(
                f"{name} does not exist",
                "Somebody deleted it. The streamer has nowhere to send posts to, and stops.",
                f"aws firehose create-delivery-stream --delivery-stream-name {name} "
                "--delivery-stream-encryption-configuration-input KeyType=AWS_OWNED_CMK "
                f"--extended-s3-destination-configuration {quoted(destination)}, "
                "then start the streamer again",
            )
        status = answer["DeliveryStreamDescription"]["DeliveryStreamStatus"]
        if status == "CREATING":
            return nothing(f"{name} is being created")
        if status != "ACTIVE":
            return wrong(f"{name} is {status}", "It takes no records.", self.relaunch())
        return self.lost_permissions("DeliveryStreamRole") or ok(f"{name} is {status}")

    def objects(self, bucket: str, prefix: str = "") -> list[Json]:
        """What is in a bucket; 30 days are kept."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        pages = pages.paginate(Bucket=self.ids[bucket], Prefix=prefix)
        return [entry for page in pages for entry in page.get("Contents", [])]

    def see_objects(self) -> Finding:
        """Firehose has written objects."""
        if not (objects := self.objects("TwitterBucket")):
            return nothing(f"none yet in {self.ids['TwitterBucket']}: no post with a photo arrived")
        return ok(f"{count(len(objects), 'object')}, the last one at {when(newest(objects))}")

    def see_triggers(self) -> Finding:
        """New objects start both functions: S3 is to do it, and it may."""
        for function, bucket in (TWITTER, "TwitterBucket"), (REKOGNITION, "RekognitionBucket"):
            problem = self.missing_notification(function, bucket) or self.missing_permission(
                function, bucket
            )
            if problem:
                return problem
        return ok("new objects in both buckets start their functions")

    def arn(self, function: str) -> str:
        """A function's ARN."""
        place = f"arn:{self.partition}:lambda:{self.region}:{self.account}"
        return f"{place}:function:{self.ids[function]}"

    def missing_notification(self, function: str, bucket: str) -> Finding | None:
        """The bucket does not tell the function of new objects."""
        name, s3 = self.ids[bucket], self.client("s3")
        properties = self.template["Resources"][bucket]["Properties"]
        (wanted,) = properties["NotificationConfiguration"]["LambdaConfigurations"]
        rules = wanted.get("Filter", {}).get("S3Key", {}).get("Rules", [])
        prefix = rules[0]["Value"] if rules else ""
        configured = s3.get_bucket_notification_configuration(Bucket=name)
        for entry in configured.get("LambdaFunctionConfigurations", []):
            found = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
            prefixes = [rule["Value"] for rule in found if rule["Name"].lower() == "prefix"]
            if (
                entry["LambdaFunctionArn"] == self.arn(function)
                and any(event.startswith("s3:ObjectCreated:") for event in entry["Events"])
                and all(prefix.startswith(value) for value in prefixes)
            ):
                return None
        entry = {"LambdaFunctionArn": self.arn(function), "Events": [wanted["Event"]]}
        if rules:
            entry["Filter"] = {"Key": {"FilterRules": rules}}
        return wrong(
            f"{name} does not start {function}",
            "Its notification of new objects was removed or changed.",
            f"aws s3api put-bucket-notification-configuration --bucket {name} "
            f"--notification-configuration {quoted({'LambdaFunctionConfigurations': [entry]})}",
            OBJECTS,
        )

    def missing_permission(self, function: str, bucket: str) -> Finding | None:
        """S3 may not invoke the function."""
        source, name = f"arn:{self.partition}:s3:::{self.ids[bucket]}", self.ids[function]
        try:
            policy = json.loads(self.client("lambda").get_policy(FunctionName=name)["Policy"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            policy = {"Statement": []}  # AWS keeps no empty policy
        for statement in policy["Statement"]:
            principal, condition = statement["Principal"], statement.get("Condition", {})
            sources = [
                value
                for values in condition.values()
                for key, value in values.items()
                if key.lower() == "aws:sourcearn"
            ]
            if (
                statement["Effect"] == "Allow"
                and (principal == "*" or principal.get("Service") == "s3.amazonaws.com")
                and covers(statement, "lambda:InvokeFunction", self.arn(function))
                and all(fnmatchcase(source, pattern) for pattern in sources)
            ):
                return None
        return wrong(
            f"S3 may not start {function}",
            f"The permission lambda:InvokeFunction for {source} was removed.",
            f"aws lambda add-permission --function-name {name} --statement-id {bucket}Permission "
            "--action lambda:InvokeFunction --principal s3.amazonaws.com "
            f"--source-account {self.account} --source-arn {source}",
            function,
        )

    def see_photos(self) -> Finding:
        """TwitterLambdaFunction has stored photos."""
        if photos := self.objects("RekognitionBucket", "images/"):
            return ok(f"{count(len(photos), 'photo')}, the last one at {when(newest(photos))}")
        text = f"none yet in {self.ids['RekognitionBucket']}/images/"
        rejected = [
            match[1]
            for run in self.recent_runs(TWITTER)
            for line in run.lines
            if (match := re.search("^Photo .* rejected: (.+)", line))
        ]
        if rejected:
            return wrong(
                f"{text}: all were rejected",
                f"{TWITTER} says of the last one: {shorten(rejected[-1])}",
                "Post another photo, a JPEG or PNG; if its address is the matter, launch the stack "
                "with the right PhotoUrlPrefix",
                TWITTER,
            )
        delivered = self.objects("TwitterBucket")
        if delivered and newest(delivered) < datetime.now(UTC) - timedelta(minutes=1):
            return wrong(
                f"{text}, though metadata arrived at {when(newest(delivered))}",
                f"{TWITTER} was not started by it, or did not get to its end.",
                "Post a photo again; what the function logs says more",
                TRIGGERS,
                TWITTER,
                QUEUE,
            )
        return nothing(text)

    def function(self, name: str) -> Json:
        """What Lambda says of a function."""
        if name not in self.functions:
            answer = self.client("lambda").get_function(FunctionName=self.ids[name])
            self.functions[name] = answer
        return self.functions[name]

    def source(self, function: str) -> dict[str, str]:
        """A function's code: file name → text."""
        url = self.function(function)["Code"]["Location"]
        with requests.Session() as session:
            session.trust_env = not self.endpoint
            archive = session.get(url, timeout=30).content
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            return {
                name: files.read(name).decode("utf-8", "replace")
                for name in files.namelist()
                if name.endswith(".py") and "/" not in name
            }

    def recent_runs(self, function: str) -> list[Run]:
        """The runs of the code that is there now; as far back as is needed to find some."""
        if function in self.runs:
            return self.runs[function]
        config = self.function(function)["Configuration"]
        changed = datetime.fromisoformat(config["LastModified"])
        group = config.get("LoggingConfig", {}).get("LogGroup")
        pages = self.client("logs").get_paginator("filter_log_events")
        runs: list[Run] = []
        for hours in LOG_HOURS:
            since = max(changed, datetime.now(UTC) - timedelta(hours=hours))
            answers = pages.paginate(
                logGroupName=group or f"/aws/lambda/{config['FunctionName']}",
                startTime=int(since.timestamp() * 1000),
            )
            runs = runs_of(event for answer in answers for event in answer["events"])
            if runs or since == changed:
                break
        self.runs[function], self.since[function] = runs, since
        return runs

    def see_function(self, function: str, role: str, bucket: str) -> Finding:
        """The function is active, may do its work, can be loaded, and its last run went well."""
        return (
            self.not_active(function)
            or self.lost_permissions(role)
            or self.broken_code(function)
            or self.last_run(function, role, bucket)
        )

    def not_active(self, function: str) -> Finding | None:
        """Lambda does not run the function."""
        name, config = self.ids[function], self.function(function)["Configuration"]
        states = {config.get("State"), config.get("LastUpdateStatus")}
        if "Failed" in states:
            reason = config.get("StateReason") or config.get("LastUpdateStatusReason", "no reason")
            return wrong("Lambda cannot run it", shorten(reason), self.how_to_change(function))
        if states & {"Pending", "InProgress"}:
            return nothing("it is being changed right now")
        limits = self.client("lambda").get_function_concurrency(FunctionName=name)
        if limits.get("ReservedConcurrentExecutions") == 0:
            return wrong(
                "it is throttled: it may run 0 times at once",
                "Somebody pressed Throttle in the console.",
                f"aws lambda delete-function-concurrency --function-name {name}",
            )
        return None

    def broken_code(self, function: str) -> Finding | None:
        """Lambda cannot load the function's code, which shows before it runs."""
        # An older Python here may not know all that Lambda's knows; then the log has to tell.
        if not self.endpoint and sys.version_info < (3, 13):
            return None
        handler = self.function(function)["Configuration"]["Handler"]
        problem = code_problem(self.source(function), handler)
        mend = self.how_to_change(function)
        return wrong("its code cannot be loaded", problem, mend) if problem else None

    def last_run(self, function: str, role: str, bucket: str) -> Finding:
        """What the log says of the last run."""
        runs, mend = self.recent_runs(function), self.how_to_change(function)
        if not runs:
            return nothing("Active; it has not run since its code was changed")
        if error := runs[-1].error:
            return self.explain(error, runs[-1], function, role, mend)
        text = f"Active; its last run, at {when(runs[-1].ended)},"
        if runs[-1].lines:
            return ok(f"{text} went well")
        return self.silent_failure(function, bucket, mend) or nothing(f"{text} printed nothing")

    def explain(self, error: str, run: Run, function: str, role: str, mend: str) -> Finding:
        """Say whose fault an error is."""
        text = f"its last run, at {when(run.ended)}, failed"
        if denied := re.search(r"not authorized to perform: ([\w:-]+)", error):
            policy = self.template["Resources"][role]["Properties"]["Policies"][0]
            statements = policy["PolicyDocument"]["Statement"]
            if any(denied[1] in listed(statement["Action"]) for statement in statements):
                return nothing(f"{text} for want of {denied[1]}, which it may do now: post again")
            return wrong(
                f"{text}: it may not {denied[1]}",
                "Its role allows what the exercise needs, and this is not among it.",
                f"Do without {denied[1]}: {mend}",
            )
        why = shorten(error)
        if function == REKOGNITION and "InvalidParameterException" in error:
            why += " (Rekognition says so when one of the two pictures shows no face.)"
        if re.search("InvalidS3Object|InvalidParameter|InvalidImageFormat|ImageTooLarge", error):
            if self.reference() and newest(self.reference()) > run.ended:
                return nothing(f"{text}, before the reference photo was uploaded: post again")
            return wrong(text, why, mend, REFERENCE)
        return wrong(text, why, mend)

    def silent_failure(self, function: str, bucket: str, mend: str) -> Finding | None:
        """Offline, code that fails while it is loaded logs nothing; but it is tried again.

        So more runs than objects, and something in the failure queue, give it away.
        """
        runs, since = self.runs[function], self.since[function].replace(microsecond=0)
        prefix = "images/" if bucket == "RekognitionBucket" else ""
        objects = [o for o in self.objects(bucket, prefix) if o["LastModified"] >= since]
        if not self.endpoint or not self.failures() or len(runs) <= len(objects):
            return None
        return wrong(
            f"its last run, at {when(runs[-1].ended)}, failed before it printed a line",
            "Its code cannot be loaded: something outside of the functions raises an error, such "
            "as an import or a name that is not in the environment.",
            mend,
        )

    def how_to_change(self, function: str) -> str:
        """How the learner puts other code into a function."""
        editor = self.outputs.get("RekognitionLambdaFunctionEditor")
        take = f"python scripts/inline_code.py take {function} index.py && "
        text = "Correct it in index.py, then: "
        if function == TWITTER:
            text = "Put the template's code back: " + take
        elif not self.endpoint and editor:
            return f"Correct it in the editor (step 10), Deploy, and post again: {editor}"
        return (
            f"{text}zip index.zip index.py && aws lambda update-function-code "
            f"--function-name {self.ids[function]} --zip-file fileb://index.zip, and post again"
        )

    def lost_permissions(self, role: str) -> Finding | None:
        """The role no longer allows all that the template gave it."""
        (policy,) = self.template["Resources"][role]["Properties"]["Policies"]
        wanted = self.resolve(policy["PolicyDocument"]["Statement"])
        iam, name = self.client("iam"), self.ids[role]
        held = {
            policy_name: listed(
                iam.get_role_policy(RoleName=name, PolicyName=policy_name)["PolicyDocument"][
                    "Statement"
                ]
            )
            for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]
        }
        everything = [statement for statements in held.values() for statement in statements]
        lost = [statement for statement in wanted if not is_held(statement, everything)]
        if not lost:
            return None
        sids = {statement["Sid"] for statement in lost}
        kept = [
            statement
            for statement in held.get(policy["PolicyName"], [])
            if statement["Effect"] == "Allow" and statement.get("Sid") not in sids
        ]
        document = {"Version": "2012-10-17", "Statement": [*kept, *lost]}
        denying = [
            f" && aws iam delete-role-policy --role-name {name} --policy-name {other}"
            for other, statements in held.items()
            if other != policy["PolicyName"] and "Deny" in {s["Effect"] for s in statements}
        ]
        named = [f"{s['Sid']} ({', '.join(listed(s['Action']))})" for s in lost]
        return wrong(
            f"{role} lacks {', '.join(named)}",
            "The template gave it, and somebody took it away.",
            f"aws iam put-role-policy --role-name {name} --policy-name {policy['PolicyName']} "
            f"--policy-document {quoted(document)}{''.join(denying)}",
        )

    def resolve(self, value: Any) -> Any:
        """Replace what the template refers to by what it is in this stack."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": str(name)}:
                return self.value_of(name)
            case {"Fn::GetAtt": [str(name), _]}:
                return self.value_of(f"{name}.Arn")
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([\w:.]+)\}", lambda match: self.value_of(match[1]), text)
        return {key: self.resolve(item) for key, item in value.items()}

    def value_of(self, name: str) -> str:
        """A resource's physical ID; with .Arn behind the name, its ARN."""
        pseudo = {
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
            "AWS::StackName": self.stack or "",
        }
        if name in pseudo:
            return pseudo[name]
        logical_id, _, attribute = name.partition(".")
        physical_id = self.ids.get(logical_id, "")
        if not attribute:
            return physical_id
        place = f"{self.region}:{self.account}"
        formats = {
            "AWS::S3::Bucket": f"s3:::{physical_id}",
            "AWS::DynamoDB::Table": f"dynamodb:{place}:table/{physical_id}",
            "AWS::SQS::Queue": f"sqs:{place}:{physical_id.rpartition('/')[2]}",
            "AWS::Logs::LogGroup": f"logs:{place}:log-group:{physical_id}:*",
            "AWS::IAM::Role": f"iam::{self.account}:role/{physical_id}",
        }
        return f"arn:{self.partition}:{formats[self.template['Resources'][logical_id]['Type']]}"

    def failures(self) -> int:
        """How many events are in the failure queue; asking takes none of them out."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        url = self.ids["FailureQueue"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"].get(name, 0)) for name in names)

    def see_queue(self) -> Finding:
        """No event failed three times; or that was before a function was mended."""
        if not (number := self.failures()):
            return ok("empty")
        empty = f"aws sqs purge-queue --queue-url {self.ids['FailureQueue']}"
        text = f"{count(number, 'event')} failed three times"
        last_runs = [self.recent_runs(function)[-1:] for function in (TWITTER, REKOGNITION)]
        if any(run.lines and not run.error for runs in last_runs for run in runs):
            return nothing(f"{text}, but the last run went well. Empty it: {empty}")
        return wrong(
            text,
            "The photos of these events are lost until they are posted again; no log says why.",
            f"Post them again, then empty the queue: {empty}",
            *self.hops,
        )

    def reference_name(self) -> str:
        """What the reference photo must be called."""
        variables = self.function(REKOGNITION)["Configuration"].get("Environment", {})
        return str(variables.get("Variables", {}).get("REFERENCE_PHOTO", ""))

    def reference(self) -> list[Json]:
        """The reference photo, if it is there."""
        name = self.reference_name()
        return [o for o in self.objects("RekognitionBucket", name) if o["Key"] == name]

    def see_reference(self) -> Finding:
        """There is a reference photo by the right name, and it shows a face."""
        name, bucket = self.reference_name(), self.ids["RekognitionBucket"]
        if not name:
            return wrong(
                f"{REKOGNITION} has no REFERENCE_PHOTO in its environment",
                "So it does not know what the photo is called.",
                self.relaunch(),
                REKOGNITION,
            )
        if not self.reference():
            return self.missing_reference(name, bucket)
        rekognition = self.client("rekognition")
        upload = f"aws s3 cp YOUR-PHOTO s3://{bucket}/{name}"
        try:
            answer = rekognition.detect_faces(Image={"S3Object": {"Bucket": bucket, "Name": name}})
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if not re.match("InvalidImageFormat|ImageTooLarge|InvalidParameter|InvalidS3", code):
                raise
            mend = f"Upload a JPEG or PNG of a face: {upload}"
            return wrong(f"{name} is of no use", shorten(message), mend)
        faces = len(answer["FaceDetails"])
        if not faces:
            return wrong(
                f"{name} shows no face that Rekognition finds",
                "There is nothing to compare the photos with.",
                f"Upload a photo of one face from the front: {upload}",
            )
        billed = "" if self.endpoint else " (asking Rekognition was billed as one image)"
        largest = "; the largest one is compared" if faces > 1 else ""
        return ok(f"{name} shows {count(faces, 'face')}{largest}{billed}")

    def missing_reference(self, name: str, bucket: str) -> Finding:
        """Say where the photo is instead."""
        others = [
            entry["Key"]
            for entry in self.objects("RekognitionBucket")
            if "/" not in entry["Key"] or not re.match(r"images/\d+_\d+\.jpg$", entry["Key"])
        ]
        if not others:
            return wrong(
                f"{name} is not in {bucket}",
                "There is nothing to compare the photos with.",
                f"aws s3 cp YOUR-PHOTO s3://{bucket}/{name} (step 8)",
                TRIGGERS,
            )
        here = f"s3://{bucket}"
        return wrong(
            f"{name} is not in {bucket}, but {', '.join(others[:3])} is",
            f"The function looks for exactly this name: {name}, not below images/.",
            f"aws s3 cp {shlex.quote(f'{here}/{others[0]}')} {here}/{name}",
            TRIGGERS,
        )

    def see_exercise(self) -> Finding:
        """The function is no longer the exercise's starter, which compares nothing."""
        parts = self.template["Resources"][REKOGNITION]["Properties"]["Code"]["ZipFile"]["Fn::Join"]
        starter = parts[0].join(parts[1]).strip()
        if self.source(REKOGNITION).get("index.py", "").strip() != starter:
            return ok("the code is yours")
        return nothing("the code is still the starter, which compares nothing and mails nobody")

    def see_comparison(self) -> Finding:
        """What the newest posts came to."""
        pages = self.client("dynamodb").get_paginator("scan")
        pages = pages.paginate(
            TableName=self.ids["PostsTable"],
            ProjectionExpression="media_key, outcome, similarity, created_at",
        )
        items = [item for page in pages for item in page["Items"]]
        if not items:
            return nothing("no photo yet")
        compared = [item for item in items if "outcome" in item]
        outcomes = Counter(str(item["outcome"].get("S")) for item in compared)
        outcomes["not compared"] += len(items) - len(compared)
        total = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items() if number)
        if not compared:
            return nothing(f"no outcome is in the table yet; photos: {total}")
        last = max(compared, key=lambda item: item.get("created_at", {}).get("S", ""))
        similarity = last.get("similarity", {}).get("N", "?")
        posted = last.get("created_at", {}).get("S", "an unknown time")
        return ok(
            f"{last['outcome'].get('S')}, {similarity} % similar, posted at {posted}; "
            f"photos: {total}"
        )


def quoted(value: Json) -> str:
    """JSON as one argument of a command."""
    return shlex.quote(json.dumps(value, separators=(",", ":")))


def without_consequences(findings: dict[str, Finding]) -> dict[str, Finding]:
    """Leave as wrong what is the cause, and not what only follows from it."""
    faulty = [name for name, finding in findings.items() if finding.mark == WRONG]
    gone = [name for name in faulty if findings[name].gone]
    result = dict(findings)
    for name in faulty:
        finding = findings[name]
        causes = [other for other in faulty if other in finding.unless and other != name]
        if finding.gone:
            causes += gone[: gone.index(name)]
        if causes:
            text = f"{finding.text}: see {causes[0]}"
            result[name] = replace(finding, mark=NOTHING, text=text, why="", mend="")
    return result


# --- The command ------------------------------------------------------------------------------


def show(console: Console, findings: dict[str, Finding]) -> None:
    """Print a line for each hop, and below a broken one why, and what mends it."""
    for name, finding in findings.items():
        line = Text(f"{finding.mark} ", STYLES[finding.mark])
        line.append(name, "bold").append(f": {finding.text}", "")
        console.print(line, soft_wrap=True)
        for title, text in ("Why", finding.why), ("Mend", finding.mend):
            if text:
                console.print(Text(f"    {title}: {text}"), soft_wrap=True)
    faulty = sum(finding.mark == WRONG for finding in findings.values())
    if faulty:
        console.print(f"{count(faulty, 'hop')} wrong. Mend the first one, then look again.")
    else:
        console.print("Nothing is wrong.")


@click.command()
@click.option("--stack", metavar="NAME", help="Default: the only stack of this workshop.")
def doctor(stack: str | None) -> None:
    """Say, hop by hop, why nothing happens, and what mends it.

    Looks only, on AWS and offline alike. On AWS, Rekognition bills one image for looking for the
    face in your reference photo. Exit code: 0 nothing is wrong, 1 something is, 2 no such stack.
    """
    console = Console()
    workshop = None if os.environ.get("AWS_ENDPOINT_URL") else running.load()
    if workshop:
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
        findings = Doctor(session, stack, x_url.rstrip("/")).examine()
    show(console, findings)
    sys.exit(int(any(finding.mark == WRONG for finding in findings.values())))
