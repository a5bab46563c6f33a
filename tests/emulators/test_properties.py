"""Properties against the schemas of their types: what CloudFormation takes, and its words."""

from __future__ import annotations

from typing import Any

import pytest

from kit.emulators.aws.validation import functions, template
from kit.emulators.aws.validation.errors import TemplateError
from kit.emulators.aws.validation.properties import UNKNOWN, Checker, schema_of, violations

pytestmark = pytest.mark.unit

ROLE = "arn:aws:iam::123456789012:role/x"


@pytest.mark.parametrize(
    ("resource_type", "properties"),
    [
        ("AWS::SQS::Queue", {"DelaySeconds": "5", "SqsManagedSseEnabled": "true"}),
        ("AWS::SQS::Queue", {"DelaySeconds": UNKNOWN}),
        ("AWS::Lambda::Function", {"Role": UNKNOWN, "Code": {"ZipFile": ""}}),
        ("AWS::SNS::Topic", {"DisplayName": 7}),
        ("Custom::Anything", {"At": "all"}),
        ("AWS::Nobody::Knows", {"It": 1}),
    ],
)
def test_what_is_taken(resource_type: str, properties: dict[str, Any]) -> None:
    assert violations(resource_type, properties) == []


@pytest.mark.parametrize(
    ("resource_type", "properties", "message"),
    [
        ("AWS::SQS::Queue", {"Arn": "x"}, "#: extraneous key [Arn] is not permitted"),
        ("AWS::SQS::Queue", {"DelaySeconds": "-1"}, "#/DelaySeconds: -1 is not greater or equal"),
        ("AWS::SQS::Queue", {"DelaySeconds": True}, "expected type: Integer, found: Boolean"),
        ("AWS::SNS::Topic", {"DisplayName": ["x"]}, "expected type: String, found: JSONArray"),
        (
            "AWS::Lambda::Function",
            {"Role": ROLE, "Code": {}, "Architectures": ["arm64", "x86_64"]},
            "#/Architectures: expected maximum item count: 1, found: 2",
        ),
        (
            "AWS::Lambda::Function",
            {"Role": "me", "Code": {}},
            "#/Role: failed validation constraint for keyword [pattern]",
        ),
        (
            "AWS::Lambda::Function",
            {"Role": ROLE, "Code": {}, "Handler": "x" * 129},
            "#/Handler: expected maxLength: 128, actual: 129",
        ),
    ],
)
def test_what_is_refused(resource_type: str, properties: dict[str, Any], message: str) -> None:
    (found,) = violations(resource_type, properties)
    assert message in f"{found.pointer}: {found.message}"


def test_several_schemas() -> None:
    parts = [{"required": ["A"]}, {"required": ["B"]}]

    def messages(schema: dict[str, Any], value: Any) -> list[str]:
        return [found.message for found in Checker(schema).check(schema, value, ())]

    assert messages({"oneOf": parts}, {"A": 1}) == []
    assert messages({"oneOf": parts}, {}) == ["0 subschemas matched instead of one"]
    assert messages({"oneOf": parts}, {"A": 1, "B": 2}) == ["2 subschemas matched instead of one"]
    assert messages({"oneOf": parts}, {"A": 1, "B": UNKNOWN}) == []
    assert messages({"anyOf": parts}, {}) == ["no subschema matched out of the total 2 subschemas"]
    assert messages({"anyOf": parts}, {"B": 1}) == []
    assert messages({"uniqueItems": True}, [1, 1]) == ["array items are not unique"]
    assert messages({"minItems": 1}, []) == ["expected minimum item count: 1, found: 0"]


def test_a_region_that_is_not_known_has_the_types_of_the_first_one() -> None:
    assert schema_of("AWS::S3::Bucket", "mars-1") == schema_of("AWS::S3::Bucket", "us-east-1")


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [
        ("Ref", {"Ref": "x"}, "every Ref object must have a single String value."),
        ("Fn::If", ["x", "y"], "Fn::If requires a list argument with three elements"),
        ("Fn::If", [{}, 1, 2], "with the first element being a condition"),
        ("fn::join", ["", []], "Encountered unsupported function: fn::join"),
    ],
)
def test_calls_that_are_refused(name: str, argument: Any, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        functions.check(name, argument)
    assert message in str(raised.value)


@pytest.mark.parametrize("argument", ["Bucket", ["Bucket"], ["Bucket", ""], [{"Ref": "x"}, "Arn"]])
def test_an_attribute_needs_two_names(argument: Any) -> None:
    with pytest.raises(TemplateError, match="requires two non-empty parameters"):
        functions.attribute(argument)


def test_the_variables_of_sub() -> None:
    assert functions.variables("${A} ${B.C} ${!D} ${AWS::Region}") == ["A", "B.C", "AWS::Region"]
    assert functions.variables(["${A} ${B}", {"B": 1}]) == ["A"]
    with pytest.raises(TemplateError, match="don't specify expected arguments"):
        functions.variables(["${A}"])
    with pytest.raises(TemplateError, match="must contain only alphanumeric characters"):
        functions.variables("${A:-b}")


def test_yaml_with_short_calls_is_read() -> None:
    body = "Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Sub '${B}'}}}"
    with pytest.raises(TemplateError, match=r"Unresolved resource dependencies \[B\] in the Res"):
        template.check(template.parse(body))
