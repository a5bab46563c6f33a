"""The emulated CloudFormation: what it reads back, what an update does to the instance, and the
deletion of what is still being created.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from emulators.resources import key_pair, update_stack
from kit.aws_client import Aws
from kit.emulators.system import OfflineSystem
from kit.keys import ACCOUNT, select
from kit.stack.events import Events
from kit.stack.inventory import left_over
from kit.stack.stack import EMAIL, Stack, unique_name
from kit.stack.template import TEMPLATE, load_template

INSTANCE = "StreamingInstance"
INIT = "AWS::CloudFormation::Init"


@pytest.fixture(scope="module")
def stack(system: OfflineSystem) -> Iterator[Stack]:
    """A stack of its own, which the tests of this file update."""
    launched = Stack.launch(system.aws, system.parameters(EMAIL))
    yield launched
    launched.delete()


def described(stack: Stack) -> dict[str, Any]:
    """What EC2 says about the stack's instance."""
    answer = stack.aws.client("ec2").describe_instances(InstanceIds=[stack.resource(INSTANCE)])
    instance: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    return instance


def changed_template(**properties: Any) -> str:
    """The template with other properties of the instance."""
    template = load_template()
    template["Resources"][INSTANCE]["Properties"] |= properties
    return json.dumps(template)


def test_characters_beyond_ascii_are_read_back_as_question_marks(stack: Stack) -> None:
    template = load_template()
    template["Description"] = "Grüße 😀"
    instance = template["Resources"][INSTANCE]
    files = instance["Metadata"][INIT]["config"]["files"]
    files["/tmp/greeting"] = {"content": "Grüße 😀, 5 € \\u00e4 \n"}
    updated = update_stack(stack, json.dumps(template, ensure_ascii=False))
    for stage in "Original", "Processed":
        answer = stack.cloudformation.get_template(StackName=stack.name, TemplateStage=stage)
        assert answer["TemplateBody"]["Description"] == "Gr??e ?"
    assert updated.init_files(INSTANCE)["/tmp/greeting"]["content"] == "Gr??e ?, 5 ? \\u00e4 \n"


def ask(aws: Aws, **parameters: str) -> tuple[int, Any]:
    """Ask as cfn-init does: with GET, signed, for JSON."""
    query = {"ContentType": "JSON", "Version": "2010-05-15", **parameters}
    request = AWSRequest("GET", aws.url, {"Accept": "application/json"}, params=query)
    keys = select(aws.keys, ACCOUNT)
    credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, "cloudformation", aws.region).add_auth(request)
    prepared = request.prepare()
    answer = requests.get(prepared.url, headers=dict(prepared.headers), timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    return answer.status_code, answer.json()


def test_cfn_init_asks_for_json_and_gets_it(system: OfflineSystem, stack: Stack) -> None:
    action = {"Action": "DescribeStackResource", "LogicalResourceId": INSTANCE}
    status, answer = ask(system.aws, **action, StackName=stack.name)
    assert status == 200
    response = answer["DescribeStackResourceResponse"]
    detail = response["DescribeStackResourceResult"]["StackResourceDetail"]
    files = json.loads(detail["Metadata"])[INIT]["config"]["files"]
    assert files == stack.init_files(INSTANCE)
    assert detail["PhysicalResourceId"] == stack.resource(INSTANCE)
    assert 0 <= time.time() - detail["LastUpdatedTimestamp"] < 3600
    assert response["ResponseMetadata"]["RequestId"]
    status, answer = ask(system.aws, **action, StackName="nobody-s")
    assert status == 400
    assert answer["Error"]["Type"] == "Sender"
    assert answer["Error"]["Code"] == "ValidationError"
    assert "nobody-s" in answer["Error"]["Message"]


def test_metadata_alone_change_nothing_on_the_instance(stack: Stack) -> None:
    before = described(stack)
    template = load_template()
    template["Resources"][INSTANCE]["Metadata"][INIT]["config"]["files"] |= {
        "/tmp/new": {"content": "new"}
    }
    updated = update_stack(stack, json.dumps(template))
    assert "/tmp/new" in updated.init_files(INSTANCE)
    assert described(updated) == before


def test_an_update_that_changes_nothing(stack: Stack) -> None:
    """Tried on AWS by the author of https://github.com/ministackorg/ministack/pull/1647.

    A template with a dynamic reference, as of the instance's image, may be sent once more; in a
    change set and with UsePreviousTemplate nothing is to be done.
    """
    update_stack(stack, TEMPLATE.read_text())
    before = described(stack)
    parameters = load_template()["Parameters"]
    same = {
        "StackName": stack.name,
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": name, "UsePreviousValue": True} for name in parameters],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    with pytest.raises(ClientError) as raised:
        stack.cloudformation.update_stack(**same)
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert raised.value.response["Error"]["Message"] == "No updates are to be performed."
    answer = stack.cloudformation.create_change_set(**same, ChangeSetName="nothing")
    found = stack.cloudformation.describe_change_set(ChangeSetName=answer["Id"])
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert found["StatusReason"] == (
        "The submitted information didn't contain changes. "
        "Submit different information to create a change set."
    )
    assert described(update_stack(stack, TEMPLATE.read_text())) == before


@pytest.mark.parametrize("change", [{"InstanceType": "t3.small"}, {"UserData": "IyEvYmluL3NoCg=="}])
def test_some_changes_stop_the_instance_and_start_it_again(
    stack: Stack, change: dict[str, str]
) -> None:
    before = described(stack)
    after = described(update_stack(stack, changed_template(**change)))
    assert after["InstanceId"] == before["InstanceId"]
    assert after["State"]["Name"] == "running"
    assert after["PublicIpAddress"] != before["PublicIpAddress"]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert after["InstanceType"] == change.get("InstanceType", "t3.micro")


@pytest.mark.parametrize("change", [{"KeyName": "mine"}, {"ImageId": "ami-0123456789abcdef0"}])
def test_some_changes_replace_the_instance(stack: Stack, change: dict[str, str]) -> None:
    key_pair(stack.aws)
    before = described(stack)
    updated = update_stack(stack, changed_template(**change))
    after = described(updated)
    assert after["InstanceId"] != before["InstanceId"]
    assert change.items() <= after.items()
    assert described(stack)["State"]["Name"] in ("shutting-down", "terminated")


def test_a_stack_that_is_being_created_can_be_deleted(system: OfflineSystem) -> None:
    aws = system.aws
    for event in ("CREATE_COMPLETE TwitterBucket", "CREATE_IN_PROGRESS BucketEmptier"):
        launched = Stack(aws, unique_name())
        stack_id = launched.create(system.parameters(EMAIL))
        events = Events(launched.cloudformation, stack_id)
        for one in events.follow():
            if f"{one['ResourceStatus']} {one['LogicalResourceId']}" == event:
                break
        launched.cloudformation.delete_stack(StackName=stack_id)
        *_, last = events.follow(deletion=True)
        assert last["ResourceStatus"] == "DELETE_COMPLETE"
        assert left_over(aws, launched.name) == []
