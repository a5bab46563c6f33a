"""Templates that CloudFormation refuses, with its words and its moment.

A change breaks the workshop's template in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]
FUNCTION, BUCKET, STREAM = "RekognitionLambdaFunction", "TwitterBucket", "DeliveryStream"
CALL, EARLY, RESOURCE = "at the call", "before the deployment", "when the resource's turn comes"


@dataclass(frozen=True)
class Broken:
    """A broken template.

    Attributes:
        name: what is wrong.
        moment: CALL, EARLY or RESOURCE.
        message: of AWS, or a part of it.
        change: breaks the template.
        where: the resource that AWS names.
    """

    name: str
    moment: str
    message: str
    change: Callable[[Template], Any]
    where: str = ""


def properties(template: Template, name: str) -> Template:
    """The properties of a resource."""
    found: Template = template["Resources"][name]["Properties"]
    return found


def put(name: str, **values: Any) -> Callable[[Template], Any]:
    """Give a resource other properties."""
    return lambda template: properties(template, name).update(values)


def take(name: str, key: str) -> Callable[[Template], Any]:
    """Take a property out of a resource."""
    return lambda template: properties(template, name).pop(key)


def section(name: str, **values: Any) -> Callable[[Template], Any]:
    """Add to a section of the template."""
    return lambda template: template.setdefault(name, {}).update(values)


def resource(name: str, **values: Any) -> Callable[[Template], Any]:
    """Add to a resource beside its properties."""
    return lambda template: template["Resources"][name].update(values)


def untrusted(role: str) -> Callable[[Template], Any]:
    """Let nobody but EC2 assume a role."""

    def change(template: Template) -> None:
        policy = properties(template, role)["AssumeRolePolicyDocument"]
        policy["Statement"][0]["Principal"] = {"Service": "ec2.amazonaws.com"}

    return change


def without_permission(template: Template) -> None:
    """S3 may not invoke the function that it is to notify."""
    del template["Resources"]["TwitterBucketPermission"]
    del template["Resources"]["TwitterBucket"]["DependsOn"]


UNRESOLVED = "Template format error: Unresolved resource dependencies [Nothing] in the {} block"
AT_THE_CALL = (
    Broken(
        "unknown resource type",
        CALL,
        "Template format error: Unrecognized resource types: [AWS::S3::Bukket]",
        section("Resources", More={"Type": "AWS::S3::Bukket"}),
    ),
    Broken(
        "Ref to nothing",
        CALL,
        UNRESOLVED.format("Resources"),
        put(FUNCTION, Description={"Ref": "Nothing"}),
    ),
    Broken(
        "Ref to nothing in an output",
        CALL,
        UNRESOLVED.format("Outputs"),
        section("Outputs", More={"Value": {"Ref": "Nothing"}}),
    ),
    Broken(
        "DependsOn nothing",
        CALL,
        UNRESOLVED.format("Resources"),
        resource("MatchTopic", DependsOn="Nothing"),
    ),
    Broken(
        "Sub of nothing",
        CALL,
        UNRESOLVED.format("Resources"),
        put(FUNCTION, Description={"Fn::Sub": "see ${Nothing}"}),
    ),
    Broken(
        "Sub of nothing's attribute",
        CALL,
        "Template error: instance of Fn::Sub references invalid resource attribute Nothing.Arn",
        put(FUNCTION, Description={"Fn::Sub": "see ${Nothing.Arn}"}),
    ),
    Broken(
        "GetAtt of nothing",
        CALL,
        "Template error: instance of Fn::GetAtt references undefined resource Nothing",
        put(FUNCTION, Role={"Fn::GetAtt": ["Nothing", "Arn"]}),
    ),
    Broken(
        "circle",
        CALL,
        "Circular dependency between resources: [",
        resource("FailureQueue", DependsOn="RekognitionLambdaInvokeConfig"),
    ),
    Broken(
        "unknown function",
        CALL,
        "Template error: Encountered unsupported function: Fn::Joint Supported functions are: [",
        put(FUNCTION, Description={"Fn::Joint": ["", []]}),
    ),
    Broken(
        "function with too few arguments",
        CALL,
        "Template error: every Fn::Join object requires two parameters",
        put(FUNCTION, Description={"Fn::Join": [""]}),
    ),
    Broken(
        "unknown condition",
        CALL,
        "Template format error: Unresolved condition dependency Never in the Resources block",
        resource("MatchTopic", Condition="Never"),
    ),
    Broken(
        "unknown condition in If",
        CALL,
        "Template error: unresolved condition dependency Never in Fn::If",
        put(FUNCTION, Description={"Fn::If": ["Never", "a", "b"]}),
    ),
    Broken(
        "Ref to a resource that its condition leaves out",
        CALL,
        "Unresolved resource dependencies [MatchTopic] in the Resources block of the template",
        resource("MatchTopic", Condition="HasKeyName"),
    ),
    Broken(
        "Ref to a resource in a condition",
        CALL,
        "Unresolved dependencies [MatchTopic]. Cannot reference resources in the Conditions block",
        section("Conditions", Odd={"Fn::Equals": [{"Ref": "MatchTopic"}, ""]}),
    ),
    Broken(
        "unknown section",
        CALL,
        "Invalid template property or properties [Resorces]",
        section("Resorces", More={"Type": "AWS::SNS::Topic"}),
    ),
    Broken(
        "unknown attribute of a resource",
        CALL,
        "Invalid template resource property 'Propertys'",
        resource("MatchTopic", Propertys={}),
    ),
    Broken(
        "resource without a type",
        CALL,
        "[/Resources/More] Every Resources object must contain a Type member.",
        section("Resources", More={"Properties": {}}),
    ),
    Broken(
        "name with a hyphen",
        CALL,
        "Template format error: Resource name Match-Topic is non alphanumeric.",
        section("Resources", **{"Match-Topic": {"Type": "AWS::SNS::Topic"}}),
    ),
    Broken(
        "unknown parameter type",
        CALL,
        "Template format error: Unrecognized parameter type: Text",
        section("Parameters", More={"Type": "Text", "Default": ""}),
    ),
    Broken(
        "rule that is false",
        CALL,
        "Only on Sundays",
        section(
            "Rules",
            Never={
                "Assertions": [
                    {"Assert": {"Fn::Equals": ["a", "b"]}, "AssertDescription": "Only on Sundays"}
                ]
            },
        ),
    ),
)
EARLIER = (
    Broken(
        "runtime that never was",
        EARLY,
        "python1 is not a valid enum value. Supported values: [",
        put(FUNCTION, Runtime="python1"),
    ),
    Broken("unknown property", EARLY, "Unsupported property [Memory]", put(FUNCTION, Memory=1)),
    Broken(
        "unknown property inside another",
        EARLY,
        "Unsupported property [Zip]",
        put(FUNCTION, Code={"Zip": "pass"}),
    ),
    Broken(
        "missing property",
        EARLY,
        "#: required key [Role] not found",
        take(FUNCTION, "Role"),
    ),
    Broken(
        "too large a number",
        EARLY,
        "#/Timeout: 9999 is not less or equal to",
        put(FUNCTION, Timeout=9999),
    ),
    Broken(
        "too small a number",
        EARLY,
        "#/MemorySize: 1 is not greater or equal to 128",
        put(FUNCTION, MemorySize=1),
    ),
    Broken(
        "wrong type",
        EARLY,
        "#/Timeout: expected type: Integer, found: String",
        put(FUNCTION, Timeout="soon"),
    ),
    Broken(
        "value outside its list",
        EARLY,
        "PAY_LATER is not a valid enum value. Supported values: [",
        put("PostsTable", BillingMode="PAY_LATER"),
        "PostsTable",
    ),
    Broken(
        "list instead of a text",
        EARLY,
        "#/Action: expected type: String, found: JSONArray",
        put("TwitterBucketPermission", Action=["lambda:InvokeFunction"]),
        "TwitterBucketPermission",
    ),
)
LATER = (
    Broken(
        "unknown property",
        RESOURCE,
        "Properties validation failed for resource MatchTopic with message:\n"
        "[#: extraneous key [Name] is not permitted]",
        put("MatchTopic", Name="x"),
        "MatchTopic",
    ),
    Broken(
        "missing property",
        RESOURCE,
        "[#: required key [AssumeRolePolicyDocument] not found]",
        take("BucketEmptierRole", "AssumeRolePolicyDocument"),
        "BucketEmptierRole",
    ),
    Broken(
        "value outside its list",
        RESOURCE,
        "[#/RetentionInDays: failed validation constraint for keyword [enum]]",
        put("TwitterLambdaLogs", RetentionInDays=8),
        "TwitterLambdaLogs",
    ),
    Broken(
        "runtime that has ended",
        RESOURCE,
        "The runtime parameter of python2.7 is no longer supported for creating or updating AWS",
        put(FUNCTION, Runtime="python2.7"),
    ),
    Broken(
        "function that runs for an hour",
        RESOURCE,
        "Value '3600' at 'timeout' failed to satisfy constraint",
        put(FUNCTION, Timeout=3600),
    ),
    Broken(
        "role that Lambda may not assume",
        RESOURCE,
        "The role defined for the function cannot be assumed by Lambda.",
        untrusted("RekognitionLambdaRole"),
    ),
    Broken(
        "role that Firehose may not assume",
        RESOURCE,
        "Firehose is unable to assume role arn:aws:iam::",
        untrusted("DeliveryStreamRole"),
        STREAM,
    ),
    Broken(
        "notification without permission",
        RESOURCE,
        "Unable to validate the following destination configurations",
        without_permission,
        BUCKET,
    ),
    Broken(
        "key pair that does not exist",
        RESOURCE,
        "The key pair 'of-another-region' does not exist (Service: Ec2, Status Code: 400",
        put("StreamingInstance", KeyName="of-another-region"),
        "StreamingInstance",
    ),
    Broken(
        "subnet that does not exist",
        RESOURCE,
        "The subnet ID 'subnet-0123456789abcdef0' does not exist (Service: Ec2, Status Code: 400",
        put("StreamingInstance", SubnetId="subnet-0123456789abcdef0"),
        "StreamingInstance",
    ),
    Broken(
        "bucket name with capitals",
        RESOURCE,
        "Bucket name should not contain uppercase characters",
        put("RekognitionBucket", BucketName="Photos-of-me"),
        "RekognitionBucket",
    ),
    Broken(
        "bucket name with an underscore",
        RESOURCE,
        "The specified bucket is not valid.",
        put("RekognitionBucket", BucketName="photos_of_me"),
        "RekognitionBucket",
    ),
    Broken(
        "attribute that does not exist",
        RESOURCE,
        "Requested attribute Size does not exist in schema for AWS::SQS::Queue",
        put(FUNCTION, Description={"Fn::GetAtt": ["FailureQueue", "Size"]}),
    ),
)
