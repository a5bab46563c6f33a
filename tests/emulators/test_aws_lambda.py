"""The emulated Lambda: its limits, and what becomes of events when their function is deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulators.resources import archive, new_function, new_role, unique
from kit.emulators.system import OfflineSystem
from kit.stack.template import compact_body
from support import wait_until

MB = 1 << 20
ECHO = """
def lambda_handler(event, context):
    return len(str(event)) if isinstance(event, str) else "x" * event["answer"]
"""


@pytest.fixture(scope="module")
def echo(system: OfflineSystem) -> str:
    """The name of a function that answers with the length of its event, or with so many letters."""
    return str(new_function(system.aws, ECHO)["FunctionName"])


def payload(size: int) -> bytes:
    """A JSON text of so many bytes."""
    return b'"' + b"x" * (size - 2) + b'"'


def error_of(call: Any, **arguments: Any) -> dict[str, Any]:
    """The error that a call gets: Code, Message, and the HTTP status."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response = error.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return {**response["Error"], "status": status}


def test_the_limits_of_a_payload(system: OfflineSystem, echo: str) -> None:
    invoke = system.aws.client("lambda").invoke
    answer = invoke(FunctionName=echo, Payload=payload(6 * MB))
    assert json.loads(answer["Payload"].read()) == 6 * MB - 2
    error = error_of(invoke, FunctionName=echo, Payload=payload(6 * MB + 1))
    assert (error["Code"], error["status"]) == ("RequestEntityTooLargeException", 413)
    assert "Request must be smaller than 6291456 bytes for the InvokeFunction" in error["Message"]
    event = {"FunctionName": echo, "InvocationType": "Event"}
    assert invoke(**event, Payload=payload(MB))["StatusCode"] == 202
    error = error_of(invoke, **event, Payload=payload(MB + 1))
    assert (error["Code"], error["status"]) == ("RequestEntityTooLargeException", 413)
    assert "1048577 byte payload is too large for the Event invocation type" in error["Message"]


def test_a_response_that_is_too_large_is_an_error(system: OfflineSystem, echo: str) -> None:
    invoke = system.aws.client("lambda").invoke
    answer = invoke(FunctionName=echo, Payload=json.dumps({"answer": 6 * MB}))
    assert len(json.loads(answer["Payload"].read())) == 6 * MB
    answer = invoke(FunctionName=echo, Payload=json.dumps({"answer": 6 * MB + 99}))
    assert answer["FunctionError"]
    error = json.loads(answer["Payload"].read())
    assert error["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"Timeout": 901}, "Value '901' at 'timeout' .* less than or equal to 900"),
        ({"Timeout": 0}, "Value '0' at 'timeout' .* greater than or equal to 1"),
        ({"MemorySize": 127}, "Value '127' at 'memorySize' .* greater than or equal to 128"),
        ({"MemorySize": 10241}, "Value '10241' at 'memorySize' .* less than or equal to 10240"),
        ({"EphemeralStorage": {"Size": 10241}}, "at 'ephemeralStorage.size'"),
        ({"Environment": {"Variables": {"X": "x" * 4096}}}, "exceeded the 4KB limit"),
    ],
)
def test_a_configuration_out_of_range_is_refused(
    system: OfflineSystem, echo: str, option: dict[str, Any], message: str
) -> None:
    # boto3 itself checks the least values.
    unchecked = system.aws.client("lambda", Config(parameter_validation=False))
    with pytest.raises(ClientError, match=message):
        unchecked.update_function_configuration(FunctionName=echo, **option)
    with pytest.raises(ClientError, match=message):
        unchecked.create_function(
            FunctionName=unique("function"),
            Runtime="python3.13",
            Handler="index.lambda_handler",
            Role=unchecked.get_function_configuration(FunctionName=echo)["Role"],
            Code={"ZipFile": archive(ECHO)},
            **option,
        )


def test_a_package_that_is_too_large_is_refused(system: OfflineSystem, echo: str) -> None:
    update = system.aws.client("lambda").update_function_code
    error = error_of(update, FunctionName=echo, ZipFile=bytes(50 * MB + 200_000))
    assert (error["Code"], error["status"]) == ("RequestEntityTooLargeException", 413)
    assert "69905067 bytes for the UpdateFunctionCode operation" in error["Message"]


def test_a_stack_with_too_much_inline_code_fails(system: OfflineSystem, echo: str) -> None:
    cloudformation, name = system.aws.client("cloudformation"), unique("stack")
    role = system.aws.client("lambda").get_function_configuration(FunctionName=echo)["Role"]
    lines = [{"Ref": "Line"}] * 1100  # makes much of a small template
    function = {
        "Runtime": "python3.13",
        "Handler": "index.lambda_handler",
        "Role": role,
        "Code": {"ZipFile": {"Fn::Join": ["\n", lines]}},
    }
    template = {
        "Parameters": {"Line": {"Type": "String"}},
        "Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": function}},
    }
    parameter = {"ParameterKey": "Line", "ParameterValue": "#" + "x" * 4000}
    cloudformation.create_stack(
        StackName=name, TemplateBody=compact_body(json.dumps(template)), Parameters=[parameter]
    )

    def reasons() -> str:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
        return " ".join(event["ResourceStatusReason"] for event in failed)

    assert "ZipFile must not exceed 4194304 bytes" in wait_until(reasons)
    cloudformation.delete_stack(StackName=name)


NOTE = """
import pathlib, time

def lambda_handler(event, context):
    if event["name"].startswith("slow"):
        pathlib.Path(event["folder"], event["name"] + " begun").touch()
        time.sleep(2)
    pathlib.Path(event["folder"], event["name"]).touch()
"""


def test_queued_events_go_with_their_function_and_running_ones_end(
    system: OfflineSystem, tmp_path: Path
) -> None:
    functions = system.aws.client("lambda")
    function = new_function(system.aws, NOTE)
    name = function["FunctionName"]

    def send(event: str) -> None:
        body = json.dumps({"name": event, "folder": str(tmp_path)})
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=body)

    for event in ("slow 1", "slow 2", "queued 1", "queued 2"):  # it works on two at once
        send(event)
    wait_until(lambda: len(list(tmp_path.glob("* begun"))) == 2)
    functions.delete_function(FunctionName=name)
    new_function(system.aws, NOTE, FunctionName=name, Role=function["Role"])
    send("last")

    def ended() -> set[str]:
        return {file.name for file in tmp_path.iterdir() if not file.name.endswith("begun")}

    wait_until(lambda: len(ended()) == 3)
    assert ended() == {"slow 1", "slow 2", "last"}
    functions.delete_function(FunctionName=name)


FAILS = """
def lambda_handler(event, context):
    with open(event["file"], "a") as file:
        file.write("tried, ")
    raise ValueError("never well")
"""


@pytest.mark.parametrize(("options", "tries"), [({}, 3), ({"MaximumRetryAttempts": 1}, 2)])
def test_an_event_with_which_a_function_fails_is_tried_again(
    system: OfflineSystem, tmp_path: Path, options: dict[str, int], tries: int
) -> None:
    """Lambda Developer Guide, "How Lambda handles errors and retries": twice, if nothing is set."""
    functions, sqs = system.aws.client("lambda"), system.aws.client("sqs")
    url = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    role = new_role(system.aws, "lambda", "logs:*", "sqs:SendMessage")
    name = new_function(system.aws, FAILS, Role=role)["FunctionName"]
    failure = {"OnFailure": {"Destination": arn["QueueArn"]}}
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig=failure, **options
    )
    file = tmp_path / "tries.txt"
    event = json.dumps({"file": str(file)})
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=event)
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetriesExhausted"
    assert file.read_text() == "tried, " * tries
    functions.delete_function(FunctionName=name)


def test_without_any_configuration_an_event_is_tried_three_times(
    system: OfflineSystem, tmp_path: Path
) -> None:
    functions, file = system.aws.client("lambda"), tmp_path / "tries.txt"
    name = new_function(system.aws, FAILS)["FunctionName"]
    event = json.dumps({"file": str(file)})
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=event)
    wait_until(lambda: file.exists() and file.read_text() == "tried, " * 3)
    functions.delete_function(FunctionName=name)
