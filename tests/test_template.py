"""The template: what can be said of it without launching it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from kit.stack.template import code_of
from support import REPOSITORY

pytestmark = pytest.mark.unit

PATH = REPOSITORY / "RekognitionWorkshopCFN.json"
TEXT = PATH.read_text()
TEMPLATE: dict[str, Any] = json.loads(TEXT)
DECISIONS = (REPOSITORY / ".cfnlintrc").read_text()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
FUNCTIONS = [name for name, r in RESOURCES.items() if r["Type"] == "AWS::Lambda::Function"]
ROLES = [name for name, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role"]
# What the Lambda runtime has besides the standard library.
RUNTIME_PACKAGES = {"boto3", "botocore", "urllib3"}
TWITTER = ["TwitterConsumerKey", "TwitterConsumerSecret", "TwitterToken", "TwitterTokenSecret"]


def cfn_lint(*options: str) -> str:
    command = [str(Path(sys.executable).parent / "cfn-lint"), *options, "--template", str(PATH)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for role in ROLES:
        for policy in RESOURCES[role]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role, statement


def references(value: Any) -> Iterator[str]:
    """Yield the names that Ref, Fn::GetAtt and Fn::Sub refer to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield inner[0]
            elif key == "Fn::Sub":
                text = inner if isinstance(inner, str) else inner[0]
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([\w.:]+)\}", text))
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_cfn_lint_finds_nothing(region: str) -> None:
    assert cfn_lint("--regions", region, "--include-checks", "I") == ""


def test_the_serverless_rules_find_nothing() -> None:
    assert cfn_lint("--append-rules", "cfn_lint_serverless.rules") == ""


def test_each_check_that_is_skipped_has_a_reason() -> None:
    skipped = re.findall(r"(?m)^  - (\w+) +# \w.+", DECISIONS)
    assert DECISIONS.count("\n  - ") == len(skipped) > 0
    assert all("cfn-lint" not in owner.get("Metadata", {}) for owner in RESOURCES.values())


def test_sections_are_in_order() -> None:
    order = ["Metadata", "Parameters", "Rules", "Conditions", "Resources", "Outputs"]
    assert [section for section in TEMPLATE if section in order] == order
    assert set(TEMPLATE) == {"AWSTemplateFormatVersion", "Description", *order}


def test_parameters_have_these_names_and_defaults() -> None:
    parameters = TEMPLATE["Parameters"]
    of_v1 = {"EmailAddress", "InstanceType", "KeyName", "PersonPhotoFilename", "SSHLocation"}
    assert {*of_v1, *TWITTER} <= set(parameters)
    defaults = {name: parameter.get("Default") for name, parameter in parameters.items()}
    assert defaults["InstanceType"] == "t3.micro"
    assert defaults["KeyName"] == defaults["SSHLocation"] == ""
    assert defaults["PersonPhotoFilename"] == "celebrity.jpg"
    assert defaults["PhotoUrlPrefix"] == "https://pbs.twimg.com/media/"
    assert all(defaults[name] == "" for name in TWITTER)  # there are sample posts
    required = {name for name, default in defaults.items() if default is None}
    assert required == {"EmailAddress"}


def test_every_parameter_is_described_and_checked_in_the_order_of_the_form() -> None:
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert grouped == list(TEMPLATE["Parameters"]) == list(interface["ParameterLabels"])
    for name, parameter in TEMPLATE["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        constraint = parameter.get("ConstraintDescription")  # without one, the rule itself is shown
        assert constraint is None or constraint.startswith("must "), name
        assert parameter.keys() & {"AllowedPattern", "AllowedValues", "MinValue"}, name


def test_only_the_twitter_parameters_are_hidden_and_only_the_secret_holds_them() -> None:
    hidden = [name for name, p in TEMPLATE["Parameters"].items() if p.get("NoEcho")]
    assert hidden == TWITTER
    for name, resource in RESOURCES.items():
        uses = set(references(resource)) & set(TWITTER)
        assert uses == (set(TWITTER) if name == "TwitterKeys" else set()), name
    assert not set(references(TEMPLATE["Outputs"])) & set(TWITTER)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("EmailAddress", ["me@example.com", "a.b+c@mail.example.org"], ["me", "a@b", "a b@c.de"]),
        ("KeyName", ["", "my key-1"], ["ключ"]),
        ("SSHLocation", ["", "203.0.113.7/32", "0.0.0.0/0"], ["anywhere", "203.0.113.7"]),
        ("PersonPhotoFilename", ["celebrity.jpg", "a-b_c.png"], ["images/x.jpg", "x.gif", ""]),
        ("TwitterToken", ["12345-AbCdEf", ""], ["a b", 'a"b']),
        ("SubnetId", ["", "subnet-0a1b2c3d"], ["vpc-1", "subnet-"]),
        ("StreamRule", ["", '"a b" (c OR -d)', "#e!~"], ["ñ", "a\\b", "a\nb", "a" * 513]),
        *(
            (
                name,
                ["https://pbs.twimg.com/media/", "http://127.0.0.1:4570/media/"],
                ["http://pbs.twimg.com/media/", "https://pbs.twimg.com/media", "file:///etc/"],
            )
            for name in ("PhotoUrlPrefix", "SampleUrlPrefix")
        ),
    ],
)
def test_patterns(name: str, good: list[str], bad: list[str]) -> None:
    pattern = TEMPLATE["Parameters"][name]["AllowedPattern"]
    assert all(re.fullmatch(pattern, value) for value in good)
    assert not any(re.fullmatch(pattern, value) for value in bad)


def test_regions_without_rekognition_are_refused() -> None:
    rule = TEMPLATE["Rules"]["RegionHasRekognition"]["Assertions"][0]
    regions, region = rule["Assert"]["Fn::Contains"]
    assert region == {"Ref": "AWS::Region"}
    assert regions == boto3.session.Session().get_available_regions("rekognition")
    assert not {"eu-west-3", "eu-north-1"} & set(regions)


def test_names_of_resources() -> None:
    names = {
        name: [
            key
            for key in ("BucketName", "FunctionName", "TableName", "RoleName", "TopicName")
            if key in resource.get("Properties", {})
        ]
        for name, resource in RESOURCES.items()
        if resource["Type"] not in ("AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig")
    }
    assert {name for name, given in names.items() if given} == {
        "TwitterBucket",
        "RekognitionBucket",
    }
    for bucket, kind in (("TwitterBucket", "twitter"), ("RekognitionBucket", "rekognition")):
        name = RESOURCES[bucket]["Properties"]["BucketName"]["Fn::Sub"]
        assert name.startswith(f"${{AWS::StackName}}-{kind}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_inline_code(name: str) -> None:
    code = code_of(name)
    tree = ast.parse(code)
    assert len(code.splitlines()) < 120
    assert ast.get_docstring(tree)
    imported = {
        module.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    }
    assert imported <= set(sys.stdlib_module_names) | RUNTIME_PACKAGES
    assert RESOURCES[name]["Properties"]["Runtime"] == "python3.13"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_inline_code_is_formatted_and_linted_like_the_rest(name: str, tmp_path: Path) -> None:
    file = tmp_path / "index.py"
    file.write_text(code_of(name))
    ruff = Path(sys.executable).parent / "ruff"
    config = f"--config={REPOSITORY / 'pyproject.toml'}"
    for command in (["format", "--check", config], ["check", config]):
        done = subprocess.run([ruff, *command, file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_solution_is_as_short_and_uses_what_the_starter_has() -> None:
    solution = (REPOSITORY / "scripts" / "compareFaces.py").read_text()
    variables = RESOURCES["RekognitionLambdaFunction"]["Properties"]["Environment"]["Variables"]
    assert len(solution.splitlines()) < 120
    assert set(re.findall(r'os\.environ\["(\w+)"\]', solution)) == set(variables)
    assert "detect_faces" not in solution


@pytest.mark.parametrize("name", ["twitter_streaming.py", "firehose_producer.py"])
def test_the_streamer_is_carried_byte_for_byte(name: str) -> None:
    assert code_of(name) == (REPOSITORY / "scripts" / name).read_text()


def test_the_instance_installs_the_versions_that_are_tested() -> None:
    init = RESOURCES["StreamingInstance"]["Metadata"]["AWS::CloudFormation::Init"]["config"]
    commands = " ".join(command["command"] for command in init["commands"].values())
    installed = re.findall(r"[\w-]+==[\w.]+", commands)
    assert {package.split("==")[0] for package in installed} == {
        *("boto3", "botocore", "requests", "tweepy")
    }
    assert set(installed) <= set(PROJECT["dependencies"])


def test_the_instance_is_locked_down() -> None:
    instance = RESOURCES["StreamingInstance"]["Properties"]
    assert instance["MetadataOptions"] == {"HttpTokens": "required"}
    assert all(disk["Ebs"]["Encrypted"] for disk in instance["BlockDeviceMappings"])
    ingress = RESOURCES["StreamingInstanceSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    assert ingress["Fn::If"][0] == "HasSSH"
    assert ingress["Fn::If"][2] == {"Ref": "AWS::NoValue"}
    assert "CreationPolicy" in RESOURCES["StreamingInstance"]


@pytest.mark.parametrize("bucket", ["TwitterBucket", "RekognitionBucket"])
def test_buckets_are_private_and_forget(bucket: str) -> None:
    properties = RESOURCES[bucket]["Properties"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] <= 30
    assert rule["Prefix"] in ("firehose/", "images/")  # so that the reference photo stays
    (statement,) = RESOURCES[f"{bucket}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_statements_are_exact_and_say_why() -> None:
    for role, statement in statements():
        actions = statement["Action"]
        assert statement["Sid"], role
        assert not [a for a in ([actions] if isinstance(actions, str) else actions) if "*" in a]
        if statement["Resource"] == "*":
            (reason,) = re.findall('"Resource": "\\*": (.+)', DECISIONS)
            prefix = str(actions if isinstance(actions, str) else actions[0]).split(":")[0]
            assert f"{prefix}:" in reason


def test_all_resources_is_said_only_where_there_is_no_resource_level() -> None:
    wide = [s["Action"] for _, s in statements() if s["Resource"] == "*"]
    actions = {a for action in wide for a in ([action] if isinstance(action, str) else action)}
    assert {action.split(":")[0] for action in actions} == {"ssm", "ssmmessages", "rekognition"}
    assert {a for a in actions if a.startswith("ssm:")} == {"ssm:UpdateInstanceInformation"}


def test_each_function_has_a_role_of_its_own() -> None:
    roles = [RESOURCES[name]["Properties"]["Role"]["Fn::Sub"] for name in FUNCTIONS]
    assert {role[2:-5] for role in roles} <= set(ROLES)
    assert len(set(roles)) == len(roles)


@pytest.mark.parametrize("kind", ["Twitter", "Rekognition"])
def test_failures_end_in_the_queue_and_logs_are_kept_a_week(kind: str) -> None:
    destination = RESOURCES[f"{kind}LambdaInvokeConfig"]["Properties"]["DestinationConfig"]
    assert destination == {"OnFailure": {"Destination": {"Fn::Sub": "${FailureQueue.Arn}"}}}
    logging = RESOURCES[f"{kind}LambdaFunction"]["Properties"]["LoggingConfig"]
    assert logging == {"LogGroup": {"Ref": f"{kind}LambdaLogs"}}
    assert RESOURCES[f"{kind}LambdaLogs"]["Properties"]["RetentionInDays"] == 7


def test_what_cloudformation_hands_back_is_ascii() -> None:
    """It answers "?" for other characters (aws-cloudformation/cloudformation-coverage-roadmap#814).

    The instance gets its files from there.
    """
    assert TEXT.isascii()


def test_another_vpc_needs_nothing_of_the_default_one() -> None:
    assert TEMPLATE["Conditions"]["DefaultVPC"] == {"Fn::Equals": [{"Ref": "SubnetId"}, ""]}
    instance, none = RESOURCES["StreamingInstance"]["Properties"], {"Ref": "AWS::NoValue"}
    (group,) = instance["SecurityGroupIds"]["Fn::If"][1]
    (name,) = references(group)
    assert RESOURCES[name]["Condition"] == "DefaultVPC"
    assert instance["SecurityGroupIds"]["Fn::If"][::2] == ["DefaultVPC", none]
    assert instance["SubnetId"] == {"Fn::If": ["DefaultVPC", none, {"Ref": "SubnetId"}]}
    # Without a public address, asking for it fails the stack (aws/aws-cdk#17516).
    assert TEMPLATE["Outputs"]["InstanceAddress"]["Condition"] == "HasSSH"
    assert {"Condition": "DefaultVPC"} in TEMPLATE["Conditions"]["HasSSH"]["Fn::And"]


def test_no_function_reserves_concurrency() -> None:
    assert "ReservedConcurrentExecutions" not in TEXT  # a new account has only 10


def test_buckets_are_emptied_when_their_policies_and_the_delivery_stream_are_gone() -> None:
    for name in ("DeliveryStream", "TwitterBucketPolicy", "RekognitionBucketPolicy"):
        assert RESOURCES[name]["DependsOn"] == "BucketEmptier"
    assert "DeliveryStream" in set(references(RESOURCES["StreamingInstance"]))
    assert set(references(RESOURCES["BucketEmptier"])) == {
        "BucketEmptierFunction",
        "TwitterBucket",
        "RekognitionBucket",
    }


def test_outputs_say_what_the_learner_needs_next() -> None:
    outputs = TEMPLATE["Outputs"]
    links = [name for name, o in outputs.items() if "console.aws.amazon.com" in json.dumps(o)]
    assert links == [
        "ConnectToInstance",
        "TwitterBucketConsole",
        "RekognitionBucketConsole",
        "RekognitionLambdaFunctionEditor",
        "MatchTopicConsole",
    ]


def test_its_version_is_the_package_s() -> None:
    version = TEMPLATE["Outputs"]["TemplateVersion"]["Value"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert version == PROJECT["version"]
