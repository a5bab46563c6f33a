"""Resources of the emulated AWS, made without a stack: buckets, roles, functions."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

from kit.aws_client import Account, Aws
from kit.stack.stack import WAIT, Stack
from kit.stack.template import TEMPLATE, load_template


def unique(kind: str) -> str:
    """A name that nobody has."""
    return f"{kind}-{uuid.uuid4().hex}"


def new_bucket(aws: Aws) -> str:
    """The name of a new bucket."""
    name = unique("bucket")
    location = {"LocationConstraint": aws.region}
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=location)
    return name


def key_pair(aws: Account, name: str = "mine") -> str:
    """The name of a key pair that there is."""
    ec2 = aws.client("ec2")
    if name not in [pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]]:
        ec2.create_key_pair(KeyName=name)
    return name


def new_role(aws: Aws, service: str, *actions: str) -> str:
    """The ARN of a new role, with which a service may do some actions."""
    iam, name = aws.client("iam"), unique("role")
    trust = allow(Principal={"Service": f"{service}.amazonaws.com"}, Action="sts:AssumeRole")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    policy = allow(Action=list(actions), Resource="*")
    iam.put_role_policy(RoleName=name, PolicyName="any", PolicyDocument=policy)
    return str(role["Arn"])


def allow(**statement: Any) -> str:
    """A policy with one statement, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})


def new_function(aws: Aws, code: str, **options: Any) -> dict[str, Any]:
    """Create a function, whose handler is lambda_handler; return its configuration."""
    properties = {
        "FunctionName": unique("function"),
        "Runtime": "python3.13",
        "Handler": "index.lambda_handler",
        "Code": {"ZipFile": archive(code)},
    } | options
    properties["Role"] = options.get("Role") or new_role(aws, "lambda", "logs:*")
    answer: dict[str, Any] = aws.client("lambda").create_function(**properties)
    return answer


def archive(code: str, name: str = "index.py") -> bytes:
    """A deployment package with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr(name, code)
    return file.getvalue()


def update_stack(stack: Stack, template: str = "", **parameters: str) -> Stack:
    """Update a stack, wait, and return it anew: other resources may have taken their places.

    Args:
        stack: what to update.
        template: another body. Default: the template as it lies in the repository.
        parameters: other values; the rest keep theirs.
    """
    compact = json.dumps(
        json.loads(template or TEMPLATE.read_text()), ensure_ascii=False, separators=(",", ":")
    )
    stack.cloudformation.update_stack(
        StackName=stack.name,
        TemplateBody=compact,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": parameters[name]}
            if name in parameters
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in load_template()["Parameters"]
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    waiter = stack.cloudformation.get_waiter("stack_update_complete")
    waiter.wait(StackName=stack.name, WaiterConfig=WAIT)
    return Stack(stack.aws, stack.name)
