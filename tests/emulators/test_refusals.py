"""The emulated CloudFormation refuses what AWS refuses, in AWS's words, and leaves nothing over."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulators.refusals import AT_THE_CALL, EARLIER, FUNCTION, LATER, Broken
from emulators.resources import allow, key_pair, new_bucket, new_function, unique
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.stack.find import failure_of
from kit.stack.inventory import left_over
from kit.stack.stack import EMAIL, Stack, unique_name
from kit.stack.template import load_template
from support import wait_until
from support.aws_cli import program

TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


def broken_template(broken: Broken) -> str:
    template = load_template()
    broken.change(template)
    return json.dumps(template)


def names(broken: Broken) -> str:
    return broken.name.replace(" ", "-")


def refused(system: OfflineSystem, **call: Any) -> str:
    """The message of a CreateStack that is refused at the call; no stack comes of it."""
    cloudformation, name = system.aws.client("cloudformation"), call.pop("StackName", unique_name())
    with pytest.raises(ClientError) as raised:
        cloudformation.create_stack(StackName=name, **call)
    assert not [s for s in cloudformation.describe_stacks()["Stacks"] if s["StackName"] == name]
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationError"
    return str(error["Message"])


def events(system: OfflineSystem, stack: str) -> list[dict[str, Any]]:
    answer = system.aws.client("cloudformation").describe_stack_events(StackName=stack)
    return list(answer["StackEvents"])


@pytest.mark.parametrize("broken", AT_THE_CALL, ids=names)
def test_refused_at_the_call(system: OfflineSystem, broken: Broken) -> None:
    name = unique_name()
    with pytest.raises(ClientError) as raised:
        Stack.launch(system.aws, system.parameters(EMAIL), broken_template(broken), name)
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert broken.message in raised.value.response["Error"]["Message"]
    assert left_over(system.aws, name) == []


def rolled_back(system: OfflineSystem, broken: Broken) -> tuple[str, str]:
    """The name of a stack whose launch fails and leaves nothing over, and what its error says."""
    name = unique_name()
    with pytest.raises(WorkshopError) as raised:
        Stack.launch(system.aws, system.parameters(EMAIL), broken_template(broken), name)
    (stack,) = system.aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert left_over(system.aws, name) == []
    return name, str(raised.value)


@pytest.mark.parametrize("broken", EARLIER, ids=names)
def test_refused_before_the_first_resource(system: OfflineSystem, broken: Broken) -> None:
    name, message = rolled_back(system, broken)
    where = broken.where or FUNCTION
    assert f"{where}: {broken.message}" in message
    types = {event["ResourceType"] for event in events(system, name)}
    assert types == {"AWS::CloudFormation::Stack"}
    answer = system.aws.client("cloudformation").describe_events(
        StackName=name, Filters={"FailedEvents": True}
    )
    (error,) = [e for e in answer["OperationEvents"] if e["EventType"] == "VALIDATION_ERROR"]
    assert error["ValidationPath"].startswith(f"/Resources/{where}/Properties")


@pytest.mark.parametrize("broken", LATER, ids=names)
def test_refused_by_the_resource_and_rolled_back(system: OfflineSystem, broken: Broken) -> None:
    name, message = rolled_back(system, broken)
    where = broken.where or FUNCTION
    assert f"{where}: " in message
    assert broken.message in message
    failed = [e for e in events(system, name) if e["ResourceStatus"] == "CREATE_FAILED"]
    assert [event["LogicalResourceId"] for event in failed] == [where]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"Resources": {"Topic" {}}}', "JSON not well-formed. (line 1, column 24)"),
        ("Resources:\n  Topic: [", "YAML not well-formed. (line 2, column "),
        ("only text", "Template format error: unsupported structure."),
        ('{"Description": "x"}', "At least one Resources member must be defined."),
        (json.dumps({**TOPIC, "Description": "x" * 51_200}), "Member must have length less than"),
    ],
)
def test_a_body_that_is_no_template(system: OfflineSystem, body: str, message: str) -> None:
    assert message in refused(system, TemplateBody=body)
    with pytest.raises(ClientError) as raised:
        system.aws.client("cloudformation").validate_template(TemplateBody=body)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Odd": "x"}, "Parameters: [Odd] do not exist in the template"),
        ({"EmailAddress": None}, "Parameters: [EmailAddress] must have values"),
        (
            {"EmailAddress": "me"},
            "Parameter EmailAddress failed to satisfy constraint: must be like me@example.com.",
        ),
        (
            {"InstanceType": "x1.huge"},
            "Parameter 'InstanceType' must be one of AllowedValues",
        ),
        (
            {"BufferSeconds": "901"},
            "Parameter 'BufferSeconds' must be a number not greater than 900",
        ),
        ({"BufferSeconds": "soon"}, "Parameter 'BufferSeconds' must be a number."),
    ],
)
def test_wrong_parameters(
    system: OfflineSystem, parameters: dict[str, str | None], message: str
) -> None:
    given = system.parameters(EMAIL) | parameters
    sent = [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items() if v is not None]
    text = json.dumps(load_template(), separators=(",", ":"))
    answer = refused(system, TemplateBody=text, Parameters=sent, Capabilities=["CAPABILITY_IAM"])
    assert message in answer


def test_neither_a_body_nor_an_address(system: OfflineSystem) -> None:
    assert refused(system) == "Either Template URL or Template Body must be specified."


def test_a_constraint_without_words_of_its_own(system: OfflineSystem) -> None:
    parameter = {"Type": "String", "AllowedValues": ["a", "b"]}
    answer = refused(
        system,
        TemplateBody=json.dumps({**TOPIC, "Parameters": {"Letter": parameter}}),
        Parameters=[{"ParameterKey": "Letter", "ParameterValue": "c"}],
    )
    assert answer == "Parameter 'Letter' must be one of AllowedValues"


def test_a_role_wants_the_capability(system: OfflineSystem) -> None:
    with pytest.raises(ClientError) as raised:
        system.aws.client("cloudformation").create_stack(
            StackName=unique_name(),
            TemplateBody=json.dumps(load_template(), separators=(",", ":")),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in system.parameters(EMAIL).items()
            ],
        )
    error = raised.value.response["Error"]
    assert error["Code"] == "InsufficientCapabilitiesException"
    assert error["Message"] == "Requires capabilities : [CAPABILITY_IAM]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1st", "failed to satisfy constraint: Member must satisfy regular expression pattern"),
        ("with_underscore", "failed to satisfy constraint: Member must satisfy regular expression"),
        ("x" * 129, "Member must have length less than or equal to 128"),
    ],
)
def test_a_name_that_no_stack_may_have(system: OfflineSystem, name: str, message: str) -> None:
    assert message in refused(system, StackName=name, TemplateBody=json.dumps(TOPIC))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Celebrity", "Bucket name should not contain uppercase characters"),
        ("c" * 50, "Bucket name should be between 3 and 63 characters long"),
    ],
)
def test_a_stack_name_that_no_bucket_may_begin_with(
    system: OfflineSystem, name: str, message: str
) -> None:
    name = f"{name}{unique('')[-6:]}"
    with pytest.raises(WorkshopError, match=message):
        Stack.launch(system.aws, system.parameters(EMAIL), name=name)
    assert left_over(system.aws, name) == []


def test_a_name_that_is_taken_until_the_stack_is_deleted(system: OfflineSystem) -> None:
    cloudformation, name = system.aws.client("cloudformation"), unique_name()
    broken = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Name": "x"}}}}
    for body in (broken, TOPIC):
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body))
        wait_until(lambda: "IN_PROGRESS" not in status(system, name))
        with pytest.raises(ClientError) as raised:
            cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(TOPIC))
        error = raised.value.response["Error"]
        assert error["Code"] == "AlreadyExistsException"
        assert error["Message"] == f"Stack [{name}] already exists"
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)


def status(system: OfflineSystem, name: str) -> str:
    (stack,) = system.aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return str(stack["StackStatus"])


def test_updates_that_cloudformation_refuses(system: OfflineSystem) -> None:
    cloudformation, name = system.aws.client("cloudformation"), unique_name()
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(TOPIC))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        cloudformation.update_stack(StackName=name, TemplateBody=json.dumps(TOPIC))
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"Name": "x"}}
    body = json.dumps({"Resources": {**TOPIC["Resources"], "More": topic}})
    cloudformation.update_stack(StackName=name, TemplateBody=body)
    wait_until(lambda: status(system, name) == "UPDATE_ROLLBACK_COMPLETE")
    assert "extraneous key [Name] is not permitted" in failure_of(cloudformation, name)
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 901}}
    body = json.dumps({"Resources": {**TOPIC["Resources"], "More": queue}})
    cloudformation.update_stack(StackName=name, TemplateBody=body)
    wait_until(lambda: status(system, name) == "UPDATE_ROLLBACK_COMPLETE")
    assert "More: #/DelaySeconds: 901 is not less" in failure_of(cloudformation, name)
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)


def test_a_stack_that_was_rolled_back_cannot_be_updated(system: OfflineSystem) -> None:
    cloudformation, name = system.aws.client("cloudformation"), unique_name()
    broken = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Name": "x"}}}}
    answer = cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(broken))
    wait_until(lambda: status(system, name) == "ROLLBACK_COMPLETE")
    with pytest.raises(ClientError) as raised:
        cloudformation.update_stack(StackName=name, TemplateBody=json.dumps(TOPIC))
    assert raised.value.response["Error"]["Message"] == (
        f"Stack:{answer['StackId']} is in ROLLBACK_COMPLETE state and can not be updated."
    )
    cloudformation.delete_stack(StackName=name)


def test_a_change_set_with_wrong_properties_fails(system: OfflineSystem) -> None:
    cloudformation, name = system.aws.client("cloudformation"), unique_name()
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"Delay": 1}}
    answer = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Queue": queue}}),
    )
    found = cloudformation.describe_change_set(ChangeSetName=answer["Id"])
    assert found["Status"] == "FAILED"
    assert "[AWS::EarlyValidation::PropertyValidation]" in found["StatusReason"]
    (event,) = cloudformation.describe_events(ChangeSetName=answer["Id"])["OperationEvents"]
    assert event["ValidationStatusReason"] == "Unsupported property [Delay]"
    assert event["ValidationPath"] == "/Resources/Queue/Properties"
    cloudformation.delete_stack(StackName=name)


def test_without_validation_the_resource_itself_fails(system: OfflineSystem) -> None:
    cloudformation, name = system.aws.client("cloudformation"), unique_name()
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"Delay": 1}}
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": {"Queue": queue}}),
        DisableValidation=True,
    )
    wait_until(lambda: status(system, name) == "ROLLBACK_COMPLETE")
    assert failure_of(cloudformation, name) == (
        "Queue: Properties validation failed for resource Queue with message:\n"
        "[#: extraneous key [Delay] is not permitted]"
    )
    cloudformation.delete_stack(StackName=name)


def test_the_services_themselves_refuse_it_too(system: OfflineSystem) -> None:
    aws, bucket = system.aws, new_bucket(system.aws)
    function = new_function(aws, "")["FunctionArn"]
    notification = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    configuration = {"LambdaFunctionConfigurations": [notification]}
    s3 = aws.client("s3")
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration
        )
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidArgument"
    assert error["Message"] == "Unable to validate the following destination configurations"
    aws.client("lambda").add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
    )
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    role = aws.client("iam").create_role(
        RoleName=unique("nobody"),
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )["Role"]["Arn"]
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        new_function(aws, "", Role=role)
    with pytest.raises(ClientError, match="python1 at 'runtime' failed to satisfy constraint"):
        new_function(aws, "", Runtime="python1")
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        aws.client("lambda").update_function_configuration(FunctionName=function, Role=role)
    with pytest.raises(ClientError, match="Firehose is unable to assume role"):
        aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=unique("stream"),
            ExtendedS3DestinationConfiguration={
                "RoleARN": role,
                "BucketARN": f"arn:aws:s3:::{bucket}",
            },
        )


def test_a_stack_with_a_full_bucket_is_not_deleted(system: OfflineSystem) -> None:
    cloudformation, s3, name = (
        system.aws.client("cloudformation"),
        system.aws.client("s3"),
        unique_name(),
    )
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": versioned}
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": {"Bucket": bucket}})
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    answer = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="Bucket")
    bucket_name = answer["StackResourceDetail"]["PhysicalResourceId"]
    s3.put_object(Bucket=bucket_name, Key="x", Body=b"x")
    cloudformation.delete_stack(StackName=name)
    wait_until(lambda: status(system, name) == "DELETE_FAILED")
    assert "The bucket you tried to delete is not empty" in failure_of(cloudformation, name)
    s3.delete_object(Bucket=bucket_name, Key="x")  # leaves a version and a marker
    cloudformation.delete_stack(StackName=name)
    wait_until(lambda: status(system, name) == "DELETE_FAILED")
    versions = s3.list_object_versions(Bucket=bucket_name)
    for each in versions["Versions"] + versions["DeleteMarkers"]:
        s3.delete_object(Bucket=bucket_name, Key="x", VersionId=each["VersionId"])
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
    assert left_over(system.aws, name) == []


def test_what_is_in_use_is_not_deleted(system: OfflineSystem) -> None:
    stack = Stack.launch(system.aws, system.parameters(EMAIL))
    iam, role = system.aws.client("iam"), stack.resource("TwitterLambdaRole")
    policy = allow(Action="s3:ListAllMyBuckets", Resource="*")
    iam.put_role_policy(RoleName=role, PolicyName="of-others", PolicyDocument=policy)
    with pytest.raises(WorkshopError, match=r"TwitterLambdaRole: .*must delete policies first"):
        stack.delete()
    iam.delete_role_policy(RoleName=role, PolicyName="of-others")
    stack.delete()
    assert left_over(system.aws, stack.name) == []


OTHER_VALUES = {
    "EmailAddress": "other@example.com",
    "PersonPhotoFilename": "me.png",
    "SimilarityThreshold": "90",
    "TwitterConsumerKey": "other",
    "StreamRule": "cats has:images",
    "SampleUrlPrefix": "https://samples.example/photos/",
    "InstanceType": "t3.small",
    "KeyName": "mine",
    "SSHLocation": "203.0.113.7/32",
    "BufferSeconds": "60",
}


def test_our_own_template_is_launched_updated_and_deleted(system: OfflineSystem) -> None:
    key_pair(system.aws, OTHER_VALUES["KeyName"])
    stack = Stack.launch(system.aws, system.parameters(EMAIL))
    parameters = load_template()["Parameters"]
    secret = stack.resource("TwitterKeys")
    for changed, value in OTHER_VALUES.items():
        stack.cloudformation.update_stack(
            StackName=stack.name,
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                if name == changed
                else {"ParameterKey": name, "UsePreviousValue": True}
                for name in parameters
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        stack.cloudformation.get_waiter("stack_update_complete").wait(
            StackName=stack.name, WaiterConfig={"Delay": 1}
        )
    # "Update requires: No interruption": it is the same one, with what was changed.
    found = system.aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    values = {name: json.loads(found)[name] for name in ("TWITTER_CONSUMER_KEY", "STREAM_RULE")}
    assert list(values.values()) == [OTHER_VALUES["TwitterConsumerKey"], OTHER_VALUES["StreamRule"]]
    stack.delete()
    assert left_over(system.aws, stack.name) == []


def aws_cli(system: OfflineSystem, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call CloudFormation with the AWS CLI, as the learner has it."""
    credentials = system.aws.client("sts")._request_signer._credentials
    return subprocess.run(
        [program(), "cloudformation", *arguments],
        env=os.environ
        | {
            "AWS_ENDPOINT_URL": system.aws.url,
            "AWS_DEFAULT_REGION": system.aws.region,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("broken", [AT_THE_CALL[1], AT_THE_CALL[8]], ids=names)
def test_the_aws_cli_shows_the_same(system: OfflineSystem, tmp_path: Path, broken: Broken) -> None:
    file = tmp_path / "template.json"
    file.write_text(json.dumps(json.loads(broken_template(broken)), separators=(",", ":")))
    for command in (["validate-template"], ["create-stack", "--stack-name", unique_name()]):
        done = aws_cli(system, *command, "--template-body", f"file://{file}")
        assert done.returncode != 0
        assert "An error occurred (ValidationError) when calling the" in done.stderr
        assert broken.message in done.stderr


def test_the_aws_cli_describes_what_is_wrong(system: OfflineSystem, tmp_path: Path) -> None:
    file, name = tmp_path / "template.json", unique_name()
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"Delay": 1}}
    file.write_text(json.dumps({"Resources": {"Queue": queue}}))
    body = ("--template-body", f"file://{file}")
    assert aws_cli(system, "create-stack", "--stack-name", name, *body).returncode == 0
    waited = aws_cli(system, "wait", "stack-create-complete", "--stack-name", name)
    assert "terminal failure state" in waited.stderr
    told = aws_cli(system, "describe-events", "--stack-name", name).stdout
    assert "Unsupported property [Delay]" in told
    assert aws_cli(system, "delete-stack", "--stack-name", name).returncode == 0
