"""The commands that fix what doctor finds: one function for each, quoted for a shell."""

from __future__ import annotations

import json
import shlex

from kit.jsonl import Json

YOUR_PHOTO = "YOUR-PHOTO"  # stands for the learner's own file


def aws(service: str, operation: str, *arguments: str, **options: str | Json) -> str:
    """A command of the AWS CLI.

    Args:
        service: such as s3.
        operation: such as cp.
        arguments: what follows without an option.
        options: by their names with underscores; dictionaries become JSON.
    """
    words = ["aws", service, operation, *arguments]
    for name, value in options.items():
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


# The stack


def delete_stack(name: str) -> str:
    """Delete a stack, and wait until it is gone."""
    delete = aws("cloudformation", "delete-stack", stack_name=name)
    return f"{delete} && {wait_for_deletion(name)}"


def wait_for_deletion(name: str) -> str:
    """Wait until a stack is gone that is being deleted."""
    return aws("cloudformation", "wait", "stack-delete-complete", stack_name=name)


# The streamer


def restore_secret(secret: str) -> str:
    """Keep a secret that is scheduled for deletion."""
    return aws("secretsmanager", "restore-secret", secret_id=secret)


def start_instance(instance: str) -> str:
    """Start a stopped instance."""
    return aws("ec2", "start-instances", instance_ids=instance)


def restart_instance(instance: str) -> str:
    """Stop an instance and start it again, on other hardware."""
    stop = aws("ec2", "stop-instances", instance_ids=instance)
    wait = aws("ec2", "wait", "instance-stopped", instance_ids=instance)
    return f"{stop} && {wait} && {start_instance(instance)}"


# Delivery


def create_delivery_stream(name: str, destination: Json) -> str:
    """Create a delivery stream into a bucket, encrypted as the template's is."""
    return aws(
        "firehose",
        "create-delivery-stream",
        delivery_stream_name=name,
        delivery_stream_encryption_configuration_input="KeyType=AWS_OWNED_CMK",
        extended_s3_destination_configuration=destination,
    )


def update_destination(name: str, version: str, destination_id: str, update: Json) -> str:
    """Change where a delivery stream writes to."""
    return aws(
        "firehose",
        "update-destination",
        delivery_stream_name=name,
        current_delivery_stream_version_id=version,
        destination_id=destination_id,
        extended_s3_destination_update=update,
    )


def allow_s3_to_invoke(function: str, statement: str, account: str, bucket_arn: str) -> str:
    """Let S3 invoke a function for one bucket."""
    action = {"action": "lambda:InvokeFunction", "principal": "s3.amazonaws.com"}
    source = {"source_account": account, "source_arn": bucket_arn}
    name = {"function_name": function, "statement_id": statement}
    return aws("lambda", "add-permission", **name, **action, **source)


def notify_function(bucket: str, notification: Json) -> str:
    """Let a bucket invoke a function for new objects."""
    return aws(
        "s3api",
        "put-bucket-notification-configuration",
        bucket=bucket,
        notification_configuration={"LambdaFunctionConfigurations": [notification]},
    )


# Buckets and the reference photo


def create_bucket(name: str, region: str) -> str:
    """Create a bucket."""
    return aws("s3", "mb", f"s3://{name}", region=region)


def upload_reference(bucket: str, name: str) -> str:
    """Upload a photo as the reference photo."""
    return aws("s3", "cp", YOUR_PHOTO, f"s3://{bucket}/{name}")


def encrypt_with_s3(bucket: str) -> str:
    """Let S3 encrypt new objects of a bucket with keys of its own, as it does by default."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    configuration = {"Rules": [rule]}
    return aws(
        "s3api",
        "put-bucket-encryption",
        bucket=bucket,
        server_side_encryption_configuration=configuration,
    )


def encrypt_object_with_s3(place: str) -> str:
    """Encrypt an object anew, with a key of S3's own; `place` is its bucket and key."""
    return aws("s3", "cp", f"s3://{place}", f"s3://{place}", sse="AES256")


def copy_object(source: str, target: str) -> str:
    """Copy an object; both are bucket/key."""
    return aws("s3", "cp", f"s3://{source}", f"s3://{target}")


def move_object(source: str, target: str) -> str:
    """Move an object; both are bucket/key."""
    return aws("s3", "mv", f"s3://{source}", f"s3://{target}")


# The functions


def configure_function(function: str, **options: str | Json) -> str:
    """Change a function's configuration."""
    return aws("lambda", "update-function-configuration", function_name=function, **options)


def update_code(function: str) -> str:
    """Put index.py into a function."""
    update = aws(
        "lambda", "update-function-code", function_name=function, zip_file="fileb://index.zip"
    )
    return f"python -m zipfile -c index.zip index.py && {update}"


def extract_code(logical_id: str) -> str:
    """Write the template's code of a function to index.py."""
    return shlex.join(["python", "scripts/inline_code.py", "extract", logical_id, "index.py"])


def end_throttling(function: str) -> str:
    """Give a function back the account's concurrency."""
    return aws("lambda", "delete-function-concurrency", function_name=function)


def put_role_policy(role: str, policy: str, statements: list[Json]) -> str:
    """Write a policy of a role."""
    document = {"Version": "2012-10-17", "Statement": statements}
    return aws(
        "iam", "put-role-policy", role_name=role, policy_name=policy, policy_document=document
    )


def delete_role_policy(role: str, policy: str) -> str:
    """Delete a policy of a role."""
    return aws("iam", "delete-role-policy", role_name=role, policy_name=policy)


def create_log_group(name: str) -> str:
    """Create a log group."""
    return aws("logs", "create-log-group", log_group_name=name)


def redrive() -> str:
    """Send what is in the failure queue to the functions again."""
    return "python scripts/workshop.py redrive"


# The e-mail


def subscribe(topic: str, address: str) -> str:
    """Subscribe an e-mail address; SNS asks it for confirmation, also once more."""
    return aws("sns", "subscribe", topic_arn=topic, protocol="email", notification_endpoint=address)
