"""The doctor: a healthy workshop, and then each hop broken in turn."""

from __future__ import annotations

import io
import json
import os
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest import mock

import boto3
import pytest
import requests
from click.testing import CliRunner, Result
from rich.console import Console

from kit import running
from kit.commands.doctor import finding as d
from kit.commands.doctor.account import see_stack
from kit.commands.doctor.command import HOPS, Hop, doctor, examine, look, show
from kit.commands.doctor.delivery import passes
from kit.commands.doctor.finding import Finding
from kit.commands.doctor.function_runs import runs_of
from kit.commands.doctor.matches import see_subscription
from kit.commands.doctor.stack_context import Patient
from kit.commands.doctor.streamer import see_streamer
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import ManagedProcess, free_port
from kit.stack.stack import EMAIL, Stack
from kit.stack.template import TEMPLATE, compact_body
from support import REPOSITORY, remove_statement, wait_for

SOLUTION = (REPOSITORY / "scripts" / "compareFaces.py").read_text()
HANDLER = "def lambda_handler(event, context):\n"


def environment(system: OfflineSystem) -> running.Running:
    urls = (system.aws.url, system.x_url, system.rekognition_url)
    return running.Running(system.aws.region, *urls, page_url="", keys=system.keys)


@pytest.fixture(autouse=True)
def terminal(system: OfflineSystem) -> Iterator[None]:
    """The learner's terminal: the environment of the offline workshop, and no other."""
    lines = environment(system).environment()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with mock.patch.dict(os.environ, kept | lines, clear=True):
        yield


class Workshop:
    """All steps done: launched, confirmed, streaming, with a reference and the solution."""

    clients: ClassVar[dict[str, Any]] = {}  # making one takes longer than a call

    def __init__(
        self, system: OfflineSystem, pictures: dict[str, Path], confirm: bool = True
    ) -> None:
        self.system, self.pictures = system, pictures
        self.stack = Stack.launch(system.aws, system.parameters(EMAIL))
        if confirm:
            self.stack.confirm_subscription()
        self.streamer = self.start_streamer()
        self.upload("obama.jpg", "celebrity.jpg")
        self.put_code(SOLUTION)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.system.aws.client(service)
        return self.clients[service]

    def start_streamer(self) -> ManagedProcess:
        root = instance.boot(self.system.folder, self.stack)
        self.streamer = instance.start_streamer(self.system, root)
        instance.wait_until_connected(self.streamer)
        return self.streamer

    def upload(self, picture: str, name: str) -> None:
        bucket = self.stack.resource("RekognitionBucket")
        self.client("s3").upload_file(str(self.pictures[picture]), bucket, name)

    def put_code(self, code: str) -> None:
        self.stack.replace_code("RekognitionLambdaFunction", code)

    def post(self, picture: str = "obama2.jpg") -> str:
        """Post a photo and return its media key."""
        media_id = self.system.x.upload(self.pictures[picture].read_bytes())
        self.system.x.post("Look who is here", [media_id])
        return f"3_{media_id}"

    def compare(self) -> None:
        """Post a photo and wait for its outcome."""
        key = self.post()
        wait_for(lambda: any(i["media_key"]["S"] == key and "outcome" in i for i in self.items()))
        wait_for(lambda: self.log().count(key) and self.log().rstrip().endswith(" MB"))

    def items(self) -> list[Any]:
        table = self.stack.resource("PostsTable")
        return list(self.client("dynamodb").scan(TableName=table)["Items"])

    def log(self, function: str = "Rekognition") -> str:
        group = self.stack.resource(f"{function}LambdaLogs")
        answer = self.client("logs").filter_log_events(logGroupName=group)
        return "\n".join(event["message"] for event in answer["events"])

    def failures(self) -> int:
        url, name = self.stack.resource("FailureQueue"), "ApproximateNumberOfMessages"
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def everything(self) -> str:
        """All that somebody who only looks must not change."""
        logical_ids = ("TwitterBucket", "RekognitionBucket")
        buckets = [
            self.client("s3").list_objects_v2(Bucket=self.stack.resource(bucket)).get("Contents")
            for bucket in logical_ids
        ]
        functions = self.client("lambda").list_functions()["Functions"]
        iam = self.client("iam")
        roles = [
            iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            for role in iam.list_roles()["Roles"]
            for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        ]
        stacks = self.client("cloudformation").list_stacks()["StackSummaries"]
        streams = self.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
        parts = (buckets, functions, roles, stacks, streams, self.items(), self.failures())
        return json.dumps([*parts, self.system.aws.outbox()], default=str, indent=1)

    def examine(self) -> dict[str, Finding]:
        """Let the doctor look; see that it changes nothing and names no key."""

        def look() -> dict[str, Finding]:
            before = self.everything()
            patient = Patient(boto3.Session(), self.stack.name, self.system.x_url)
            patient.clients = self.clients
            found = examine(patient)
            return found if self.everything() == before else {}

        findings = wait_for(look, 15)  # something may still be on its way
        output = shown(findings)
        assert "TWITTER_" not in output
        for key in self.system.keys.values():
            assert key not in output
        return findings

    def diagnose(self, hop: str) -> Finding:
        """Exactly this hop is wrong; return what is said of it."""
        findings = self.examine()
        assert wrong(findings) == [hop], shown(findings)
        assert findings[hop].why
        assert findings[hop].mend
        return findings[hop]

    def is_well(self) -> dict[str, Finding]:
        findings = self.examine()
        assert wrong(findings) == [], shown(findings)
        return findings

    def mend(self, finding: Finding) -> None:
        """Type the command that the doctor gives, as far as it is for the AWS CLI."""
        words = shlex.split(finding.mend.partition(", then")[0])
        assert words[0] == "aws"
        options = {}
        for option, value in zip(words[3::2], words[4::2], strict=True):
            name = "".join(part.capitalize() for part in option.removeprefix("--").split("-"))
            if value.startswith("{") and name != "PolicyDocument":
                options[name] = json.loads(value)
            else:
                key, equals, rest = value.partition("=")
                options[name] = {key: rest} if equals and key.isalpha() else value
        client = self.client({"s3api": "s3"}.get(words[1], words[1]))
        getattr(client, words[2].replace("-", "_"))(**options)

    def close(self) -> None:
        self.streamer.stop()
        self.stack.delete()


def wrong(findings: dict[str, Finding]) -> list[str]:
    return [name for name, finding in findings.items() if finding.mark == d.WRONG]


def shown(findings: dict[str, Finding]) -> str:
    output = io.StringIO()
    show(Console(file=output), findings)
    return output.getvalue()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(doctor, arguments)


@pytest.fixture
def workshop(system: OfflineSystem, pictures: dict[str, Path]) -> Iterator[Workshop]:
    done = Workshop(system, pictures)
    yield done
    done.close()


# --- All is well ------------------------------------------------------------------------------


def test_a_healthy_workshop(workshop: Workshop) -> None:
    workshop.compare()
    findings = workshop.is_well()
    assert {finding.mark for finding in findings.values()} == {d.OK}, shown(findings)
    assert "match, 9" in findings[d.COMPARISON].text
    assert "1 match" in findings[d.COMPARISON].text
    done = run("--stack", workshop.stack.name)
    assert done.exit_code == 0, done.output
    assert done.output.count("✓") == len(findings)
    assert "✗" not in done.output
    assert "Nothing is wrong." in done.output


def test_without_an_endpoint_it_looks_at_the_running_workshop(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in environment(workshop.system).environment():
        monkeypatch.delenv(name)
    monkeypatch.setattr(running, "load", lambda: environment(workshop.system))
    done = run()  # and finds the only stack
    assert done.exit_code == 0, done.output
    assert workshop.stack.name in done.output
    assert "The offline workshop is running" in done.output


def test_what_has_no_data_yet_is_not_wrong(workshop: Workshop) -> None:
    findings = workshop.is_well()
    names = (d.OBJECTS, d.PHOTOS, d.TWITTER, d.REKOGNITION, d.COMPARISON)
    assert {findings[name].mark for name in names} == {d.NOTHING}
    assert shown(findings).splitlines()[-1].startswith("Next, delivered records: post a photo")


def test_the_starter_is_no_fault(workshop: Workshop, load: object) -> None:
    resources = json.loads(TEMPLATE.read_text())["Resources"]
    code = resources["RekognitionLambdaFunction"]["Properties"]["Code"]["ZipFile"]["Fn::Join"]
    workshop.put_code("\n".join(code[1]))
    workshop.post()
    wait_for(lambda: "arrived in" in workshop.log())
    findings = workshop.is_well()
    assert findings[d.EXERCISE].mark == d.NOTHING
    assert "starter" in findings[d.EXERCISE].text
    assert "1 not compared" in findings[d.COMPARISON].text


# --- Each hop broken --------------------------------------------------------------------------


def test_the_subscription_is_not_confirmed(
    system: OfflineSystem, pictures: dict[str, Path]
) -> None:
    workshop = Workshop(system, pictures, confirm=False)
    workshop.compare()
    finding = workshop.diagnose(d.SUBSCRIPTION)
    assert EMAIL in finding.text
    assert "Confirm subscription" in finding.mend
    workshop.stack.confirm_subscription()
    workshop.is_well()
    sns, topic = workshop.client("sns"), workshop.stack.resource("MatchTopic")
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    assert "aws sns subscribe" in workshop.diagnose(d.SUBSCRIPTION).mend
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="other@example.com")
    assert "other@example.com has not" in workshop.diagnose(d.SUBSCRIPTION).text
    token = workshop.system.aws.outbox()[-1]["token"]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    assert f"{EMAIL}, of the launch, gets no mail" in workshop.is_well()[d.SUBSCRIPTION].text
    workshop.close()


def test_the_functions_code_is_broken(workshop: Workshop) -> None:
    name = workshop.stack.resource("RekognitionLambdaFunction")

    def diagnose(code: str) -> Finding:
        workshop.put_code(code)
        workshop.post()
        wait_for(lambda: workshop.failures() > before)
        finding = workshop.diagnose(d.REKOGNITION)
        assert f"update-function-code --function-name {name}" in finding.mend
        return finding

    before = 0
    assert "KeyError: 'oh'" in diagnose(HANDLER + "    raise KeyError('oh')\n").why
    before = 1
    assert "division by zero" in diagnose("1 / 0\n" + HANDLER + "    pass\n").why
    workshop.put_code("import os\ndef lambda_handler(:\n")
    assert "line 2" in workshop.diagnose(d.REKOGNITION).why
    workshop.put_code("def handler(event, context): pass\n")
    assert "no function lambda_handler" in workshop.diagnose(d.REKOGNITION).why
    workshop.put_code(SOLUTION)
    workshop.is_well()
    workshop.compare()
    findings = workshop.is_well()  # though the queue holds what failed before
    assert findings[d.QUEUE].mark == d.NOTHING
    assert "workshop.py redrive" in findings[d.QUEUE].text


def test_a_functions_settings_are_changed(workshop: Workshop) -> None:
    functions, name = workshop.client("lambda"), workshop.stack.resource(d.REKOGNITION)
    emptier = workshop.client("iam").get_role(RoleName=workshop.stack.resource("BucketEmptierRole"))
    updated = functions.get_waiter("function_updated_v2")
    settings: list[tuple[dict[str, Any], str]] = [
        ({"Handler": "lambda_function.lambda_handler"}, "--handler index.lambda_handler"),
        ({"Environment": {"Variables": {}}}, "celebrity.jpg"),
        ({"Role": emptier["Role"]["Arn"]}, "RekognitionLambdaRole"),
    ]
    for setting, mend in settings:
        functions.update_function_configuration(FunctionName=name, **setting)
        updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
        finding = workshop.diagnose(d.REKOGNITION)
        assert mend in finding.mend
        workshop.mend(finding)
        updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
        workshop.is_well()
    functions.update_function_configuration(FunctionName=name, Timeout=1)
    updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
    workshop.put_code(HANDLER + "    import time; time.sleep(5)\n")
    workshop.post()
    wait_for(lambda: "timed out" in workshop.log())
    assert "--timeout 120" in workshop.diagnose(d.REKOGNITION).mend


def test_resources_are_deleted(workshop: Workshop) -> None:
    """Each is told of at its own hop, and nowhere else."""
    resource = workshop.stack.resource
    workshop.client("sns").delete_topic(TopicArn=resource("MatchTopic"))
    workshop.client("secretsmanager").delete_secret(SecretId=resource("TwitterKeys"))
    workshop.client("logs").delete_log_group(logGroupName=resource("TwitterLambdaLogs"))
    workshop.client("dynamodb").delete_table(TableName=resource("PostsTable"))
    workshop.client("lambda").delete_function(FunctionName=resource(d.REKOGNITION))
    workshop.client("sqs").delete_queue(QueueUrl=resource("FailureQueue"))
    patient = Patient(boto3.Session(), workshop.stack.name, workshop.system.x_url)
    findings = examine(patient)
    hops = [d.SUBSCRIPTION, d.KEYS, d.TWITTER, d.TABLE, d.REKOGNITION, d.QUEUE]
    assert wrong(findings) == hops, shown(findings)
    assert "create-log-group" in findings[d.TWITTER].mend
    assert "restore-secret" in findings[d.KEYS].mend


def test_the_table_is_deleted_and_a_photo_arrives(workshop: Workshop) -> None:
    table = workshop.stack.resource("PostsTable")
    workshop.client("dynamodb").delete_table(TableName=table)
    workshop.post()
    wait_for(workshop.failures)  # the function failed three times, but not for its own fault
    findings = examine(Patient(boto3.Session(), workshop.stack.name, workshop.system.x_url))
    assert wrong(findings) == [d.TABLE], shown(findings)


def test_the_delivery_stream_writes_elsewhere(workshop: Workshop) -> None:
    firehose, name = workshop.client("firehose"), workshop.stack.resource("DeliveryStream")
    answer = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=answer["VersionId"],
        DestinationId=answer["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"BucketARN": "arn:aws:s3:::elsewhere"},
    )
    finding = workshop.diagnose(d.STREAM)
    assert "arn:aws:s3:::elsewhere" in finding.text
    workshop.mend(finding)
    workshop.is_well()


def test_the_reference_is_in_the_other_bucket(workshop: Workshop) -> None:
    s3, bucket = workshop.client("s3"), workshop.stack.resource("RekognitionBucket")
    other = workshop.stack.resource("TwitterBucket")
    s3.delete_object(Bucket=bucket, Key="celebrity.jpg")
    s3.upload_file(str(workshop.pictures["obama.jpg"]), other, "celebrity.jpg")
    wait_for(lambda: "rejected" in workshop.log("Twitter"))
    finding = workshop.diagnose(d.REFERENCE)
    assert finding.mend == f"aws s3 mv s3://{other}/celebrity.jpg s3://{bucket}/celebrity.jpg"


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("Prefix", "images/", True),
        ("prefix", "", True),
        ("prefix", "photos/", False),
        ("Suffix", ".jpg", True),
        ("suffix", ".png", False),
    ],
)
def test_filters_of_a_notification(name: str, value: str, passed: bool) -> None:
    assert passes("images/3_1.jpg", [{"Name": name, "Value": value}]) == passed


def test_the_function_does_what_its_role_does_not_allow(workshop: Workshop) -> None:
    code = HANDLER + "    import boto3\n    boto3.client('s3').list_buckets()\n"
    workshop.put_code(code)
    workshop.post()
    wait_for(lambda: "not authorized" in workshop.log())
    assert "s3:ListAllMyBuckets" in workshop.diagnose(d.REKOGNITION).text


def test_a_permission_is_removed(workshop: Workshop) -> None:
    def denied(function: str) -> bool:
        return "not authorized" in workshop.log(function)

    cases: list[tuple[str, str, str, Callable[[], object]]] = [
        ("TwitterLambdaRole", "ReadPosts", d.TWITTER, lambda: denied("Twitter")),
        ("RekognitionLambdaRole", "CompareFaces", d.REKOGNITION, lambda: denied("Rekognition")),
        ("RekognitionLambdaRole", "MailMatches", d.REKOGNITION, lambda: True),
        ("DeliveryStreamRole", "WritePosts", d.STREAM, lambda: True),
        ("StreamingInstanceRole", "SendPosts", d.INSTANCE, lambda: not workshop.streamer.running),
    ]
    for role, sid, hop, logged in cases:
        remove_statement(workshop.stack, role, sid)
        workshop.post()
        wait_for(logged)
        finding = workshop.diagnose(hop)
        assert f"{role} lacks {sid} (" in finding.text
        workshop.mend(finding)
        if hop == d.INSTANCE:  # the streamer stopped when it was refused
            workshop.diagnose(d.STREAMER)
            workshop.start_streamer()
        workshop.is_well()
    workshop.compare()
    workshop.is_well()


def test_a_permission_is_denied_or_narrowed(workshop: Workshop) -> None:
    iam, role = workshop.client("iam"), workshop.stack.resource("RekognitionLambdaRole")
    answer = iam.get_role_policy(RoleName=role, PolicyName="Compare")["PolicyDocument"]
    for change in ({"Effect": "Deny"}, {"Resource": "arn:aws:sns:eu-west-1:000000000000:other"}):
        statements = [
            s | (change if s["Sid"] == "MailMatches" else {}) for s in answer["Statement"]
        ]
        document = json.dumps(answer | {"Statement": statements})
        iam.put_role_policy(RoleName=role, PolicyName="Compare", PolicyDocument=document)
        finding = workshop.diagnose(d.REKOGNITION)
        assert "MailMatches (sns:Publish)" in finding.text
        workshop.mend(finding)
        workshop.is_well()


def test_s3_does_not_start_a_function(workshop: Workshop) -> None:
    functions, s3 = workshop.client("lambda"), workshop.client("s3")
    for name in ("Twitter", "Rekognition"):
        function = workshop.stack.resource(f"{name}LambdaFunction")
        policy = json.loads(functions.get_policy(FunctionName=function)["Policy"])
        for statement in policy["Statement"]:
            functions.remove_permission(FunctionName=function, StatementId=statement["Sid"])
        finding = workshop.diagnose(d.TRIGGERS)
        assert f"S3 may not start {name}LambdaFunction" in finding.text
        workshop.mend(finding)
        bucket = workshop.stack.resource(f"{name}Bucket")
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        workshop.post()
        finding = workshop.diagnose(d.TRIGGERS)
        assert f"does not start {name}LambdaFunction" in finding.text
        workshop.mend(finding)
    workshop.compare()
    workshop.is_well()


def test_a_function_is_throttled(workshop: Workshop) -> None:
    name = workshop.stack.resource("TwitterLambdaFunction")
    functions = workshop.client("lambda")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    finding = workshop.diagnose(d.TWITTER)
    workshop.mend(finding)
    workshop.is_well()


def test_the_reference_has_another_name(workshop: Workshop) -> None:
    s3, bucket = workshop.client("s3"), workshop.stack.resource("RekognitionBucket")
    for name in ("me.jpg", "images/celebrity.jpg"):
        s3.delete_object(Bucket=bucket, Key="celebrity.jpg")
        workshop.upload("obama.jpg", name)
        workshop.post()
        wait_for(lambda: "celebrity.jpg is not there yet" in workshop.log())
        finding = workshop.diagnose(d.REFERENCE)
        assert name in finding.text
        assert finding.mend == f"aws s3 cp s3://{bucket}/{name} s3://{bucket}/celebrity.jpg"
        s3.delete_object(Bucket=bucket, Key=name)
        assert "YOUR-PHOTO" in workshop.diagnose(d.REFERENCE).mend
    workshop.upload("obama.jpg", "celebrity.jpg")
    workshop.compare()
    workshop.is_well()


def test_the_reference_shows_no_face(workshop: Workshop) -> None:
    workshop.put_code(  # a solution that lets Rekognition's error through
        "import boto3, os\n"
        + HANDLER
        + "    bucket = event['Records'][0]['s3']['bucket']['name']\n"
        "    key = event['Records'][0]['s3']['object']['key']\n"
        "    print(key)\n"
        "    boto3.client('rekognition').compare_faces(\n"
        "        SourceImage={'S3Object': {'Bucket': bucket, 'Name': 'celebrity.jpg'}},\n"
        "        TargetImage={'S3Object': {'Bucket': bucket, 'Name': key}})\n"
    )
    workshop.upload("landscape.jpg", "celebrity.jpg")
    workshop.post()
    wait_for(lambda: "InvalidParameterException" in workshop.log())
    finding = workshop.diagnose(d.REFERENCE)
    assert "shows no face" in finding.text
    assert "aws s3 cp YOUR-PHOTO" in finding.mend
    bucket = workshop.stack.resource("RekognitionBucket")
    workshop.client("s3").put_object(Bucket=bucket, Key="celebrity.jpg", Body=b"no picture")
    assert "is of no use" in workshop.diagnose(d.REFERENCE).text
    wait_for(workshop.failures)
    time.sleep(1)  # S3's times are whole seconds
    workshop.upload("obama.jpg", "celebrity.jpg")
    assert "before the reference photo" in workshop.is_well()[d.REKOGNITION].text
    workshop.post("landscape.jpg")  # now it is the code's fault
    wait_for(lambda: workshop.failures() == 2)
    assert "shows no face" in workshop.diagnose(d.REKOGNITION).why


def test_the_delivery_stream_is_deleted(workshop: Workshop) -> None:
    workshop.compare()
    name = workshop.stack.resource("DeliveryStream")
    workshop.client("firehose").delete_delivery_stream(DeliveryStreamName=name)
    workshop.diagnose(d.STREAM)
    workshop.post()
    wait_for(lambda: not workshop.streamer.running)  # it has nowhere to send the post to
    finding = workshop.diagnose(d.STREAM)
    assert f"{name} does not exist" in finding.text
    workshop.mend(finding)
    workshop.start_streamer()
    workshop.compare()
    workshop.is_well()


def test_the_streamer_or_the_instance_is_stopped(workshop: Workshop) -> None:
    workshop.compare()
    workshop.streamer.stop()
    assert "python twitter_streaming.py" in workshop.diagnose(d.STREAMER).mend
    fault = {"kind": "status", "status": 402}
    requests.post(f"{workshop.system.x_url}/_workshop/faults", json=fault, timeout=5)
    with pytest.raises(WorkshopError):
        workshop.start_streamer()
    assert "402 CreditsDepleted" in workshop.diagnose(d.STREAMER).why
    (ec2, name) = workshop.client("ec2"), workshop.stack.resource("StreamingInstance")
    ec2.stop_instances(InstanceIds=[name])
    assert f"aws ec2 start-instances --instance-ids {name}" in workshop.diagnose(d.INSTANCE).mend


def test_all_photos_are_rejected(system: OfflineSystem, pictures: dict[str, Path]) -> None:
    parameters = system.parameters(EMAIL)
    del parameters["PhotoUrlPrefix"]  # forgotten, so it is X's own
    with mock.patch.object(system, "parameters", return_value=parameters):
        workshop = Workshop(system, pictures)
    workshop.post()
    wait_for(lambda: "rejected" in workshop.log("Twitter"))
    finding = workshop.diagnose(d.PHOTOS)
    assert "below https://pbs.twimg.com/media/" in finding.why
    assert "PhotoUrlPrefix" in finding.mend
    workshop.close()


def test_only_the_queue_knows_of_a_failure(workshop: Workshop) -> None:
    sqs, url = workshop.client("sqs"), workshop.stack.resource("FailureQueue")
    sqs.send_message(QueueUrl=url, MessageBody="an event")
    assert "workshop.py redrive" in workshop.diagnose(d.QUEUE).mend
    workshop.diagnose(d.QUEUE)  # it is still there


def test_a_bucket_is_deleted(workshop: Workshop) -> None:
    s3, bucket = boto3.resource("s3"), workshop.stack.resource("RekognitionBucket")
    s3.Bucket(bucket).objects.delete()
    s3.Bucket(bucket).delete()
    findings = examine(Patient(boto3.Session(), workshop.stack.name, workshop.system.x_url))
    assert wrong(findings) == [d.PHOTOS], shown(findings)
    assert f"aws s3 mb s3://{bucket}" in findings[d.PHOTOS].mend
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def test_the_stack_failed(system: OfflineSystem) -> None:
    cloudformation = system.aws.client("cloudformation")
    line = 'if event[\\"RequestType\\"] == \\"Delete\\":'
    refuses = line.replace("Delete", "Create") + ' raise ValueError(\\"out of order\\")\\n        '
    code = TEMPLATE.read_text().replace(line, refuses + line)
    bucket = "taken-twitter-000000000000-eu-west-1"
    place = {"LocationConstraint": system.aws.region}
    system.aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    parameters = [
        {"ParameterKey": key, "ParameterValue": value}
        for key, value in system.parameters(EMAIL).items()
    ]
    cases = {
        "out-of-order": (code, "BucketEmptier: A bucket could not be emptied: out of order"),
        "taken": (TEMPLATE.read_text(), "already exists"),
    }
    for name, (template, reason) in cases.items():
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=compact_body(template),
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
        )
        assert Stack(system.aws, name).wait() == "ROLLBACK_COMPLETE"
        done = run("--stack", name)
        assert done.exit_code == 1, done.output
        lines = done.output.splitlines()
        assert [line for line in lines if line.startswith("✗")] == [
            f"✗ stack: {name} is ROLLBACK_COMPLETE"
        ]
        assert reason in done.output
        assert f"delete-stack --stack-name {name}" in done.output
        assert done.output.count("– ") == len(HOPS) - 2
    assert run().exit_code == 2  # which of the two?
    for name in cases:
        cloudformation.delete_stack(StackName=name)
        Stack(system.aws, name).wait()
    system.aws.client("s3").delete_bucket(Bucket=bucket)


# --- What the terminal is set to --------------------------------------------------------------


def test_wrong_input_is_one_sentence(stack: Stack, system: OfflineSystem) -> None:
    for name in ("nobody-s", "a b"):
        done = run("--stack", name)
        assert (done.exit_code, f"no stack called {name}" in done.output) == (2, True)
    second = Stack.launch(system.aws, system.parameters(EMAIL))
    done = run()
    assert done.exit_code == 2
    assert stack.name in done.output
    assert second.name in done.output
    second.delete()
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="us-east-1"):
        done = run()
    assert (done.exit_code, "no stack" in done.output) == (2, True)
    with mock.patch.dict(os.environ, AWS_PROFILE="nobody-s"):
        done = run()
    assert (done.exit_code, "nobody-s" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1 has no Amazon Rekognition"),
        ({"AWS_DEFAULT_REGION": ""}, "no region is set"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "does not let us in"),
        ({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}, "does not let us in"),
    ],
)
def test_credentials_and_region(variables: dict[str, str], text: str) -> None:
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with mock.patch.dict(os.environ, nowhere | variables):
        for name, value in variables.items():
            if not value:
                del os.environ[name]
        done = run()
    assert done.exit_code == 1, done.output
    assert done.output.startswith("✗ credentials and region")
    assert text in done.output
    assert done.output.count("✗") == 1


def test_a_workshop_that_was_killed_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    killed = running.Running("eu-west-1", nowhere, nowhere, nowhere, page_url="", keys={})
    monkeypatch.setattr(running, "load", lambda: killed)
    for name in killed.environment():
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")  # so that nobody is asked
    done = run()
    assert done.exit_code == 1
    assert "The offline workshop is running" not in done.output


# --- What only AWS does -----------------------------------------------------------------------


def aws_events(*messages: str) -> list[dict[str, Any]]:
    return [
        {"logStreamName": "2026/11/23/[$LATEST]1", "timestamp": 1795395575918, "message": message}
        for message in messages
    ]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File x", "KeyError: 'x'"),
        (
            "[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'index'\nTraceback (most",
            "Runtime.UserCodeSyntaxError: Syntax error in module 'index'",
        ),
        ("2026-11-23T01:02:03Z 1 Task timed out after 120.00 seconds\n\n", "Task timed out"),
        ("Photo 3_1 failed: the photo host answered 503\n", "the photo host answered 503"),
        ("Photo images/3_1.jpg: match, similarity 99.00 %\n", ""),
        ("Photos of this event: {'failed': 1, 'stored': 1}\n", ""),
    ],
)
def test_a_log_of_aws(message: str, error: str) -> None:
    report = "REPORT RequestId: 1\tDuration: 1 ms\n"
    start = ["INIT_START Runtime Version: python:3.13\n", "START RequestId: 1 Version: $LATEST\n"]
    first, last = runs_of(
        aws_events(*start, message, "END RequestId: 1\n", report, start[1], report)
    )
    assert (error in first.error, bool(first.error)) == (True, bool(error))
    assert last.lines == ()


def fake_patient(**answers: Any) -> Patient:
    """A stack whose AWS gives these answers, whatever the service."""
    client = mock.MagicMock()
    for name, answer in answers.items():
        getattr(client, name).return_value = answer
        paginator = client.get_paginator.return_value
        paginator.paginate.return_value = [answer]
    patient = Patient(SimpleNamespace(client=lambda service, config: client))
    patient.ids = dict.fromkeys(json.loads(TEMPLATE.read_text())["Resources"], "x")
    patient.endpoint = ""
    return patient


def test_aws_lists_an_unconfirmed_subscription_without_its_arn() -> None:
    subscription = {
        "SubscriptionArn": "PendingConfirmation",
        "Protocol": "email",
        "Endpoint": "me@example.com",
    }
    patient = fake_patient(list_subscriptions_by_topic={"Subscriptions": [subscription]})
    assert see_subscription(patient).text == "me@example.com has not confirmed it"


def test_on_aws_the_streamer_shows_only_by_what_it_sent() -> None:
    patient = fake_patient(get_metric_statistics={"Datapoints": [{"Sum": 2.0}, {"Sum": 1.0}]})
    assert see_streamer(patient) == d.ok("it sent 3 records in the last 15 minutes")
    patient = fake_patient(get_metric_statistics={"Datapoints": []})
    patient.outputs["ConnectToInstance"] = "https://console"
    finding = see_streamer(patient)
    assert finding.mark == d.NOTHING
    assert "only its terminal" in finding.text
    assert "https://console" in finding.mend


@pytest.mark.parametrize(
    ("status", "mark"),
    [
        ("CREATE_IN_PROGRESS", d.NOTHING),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", d.NOTHING),
        ("ROLLBACK_IN_PROGRESS", d.WRONG),
        ("DELETE_IN_PROGRESS", d.WRONG),
        ("DELETE_FAILED", d.WRONG),
        ("CREATE_FAILED", d.WRONG),
    ],
)
def test_the_stacks_state(status: str, mark: str) -> None:
    patient = fake_patient(
        describe_stacks={"Stacks": [{"StackName": "s", "StackStatus": status}]},
        describe_stack_events={"StackEvents": []},
    )
    patient.stack = "s"
    patient.client("cloudformation").get_paginator.return_value.paginate.return_value = []
    found = see_stack(patient)
    assert found.mark == mark
    assert found.mend


def test_the_signed_address_of_the_code_is_not_shown() -> None:
    def download(_: Patient) -> Finding:
        raise requests.ConnectionError("https://code.example.com/?X-Amz-Signature=s3cr3t")

    found = look(Hop("function", download), fake_patient())
    assert found == d.nothing("cannot be seen: ConnectionError")
