"""Resources of the stack that somebody deleted."""

from __future__ import annotations

import boto3
import pytest

from doctor.checked_workshop import CheckedWorkshop, shown, wrong
from kit.commands.doctor import finding as at
from kit.commands.doctor.stages import check_all
from support import wait_until

pytestmark = pytest.mark.usefixtures("terminal")


def test_resources_are_deleted(workshop: CheckedWorkshop) -> None:
    """Each is reported at its own stage, and nowhere else."""
    resource = workshop.stack.resource
    workshop.client("sns").delete_topic(TopicArn=resource("MatchTopic"))
    workshop.client("secretsmanager").delete_secret(SecretId=resource("TwitterKeys"))
    workshop.client("logs").delete_log_group(logGroupName=resource("TwitterLambdaLogs"))
    workshop.client("dynamodb").delete_table(TableName=resource("PostsTable"))
    workshop.client("lambda").delete_function(FunctionName=resource(at.REKOGNITION))
    workshop.client("sqs").delete_queue(QueueUrl=resource("FailureQueue"))
    findings = check_all(workshop.context())
    stages = [at.SUBSCRIPTION, at.KEYS, at.TWITTER, at.TABLE, at.REKOGNITION, at.QUEUE]
    assert wrong(findings) == stages, shown(findings)
    assert "create-log-group" in findings[at.TWITTER].fix
    assert "restore-secret" in findings[at.KEYS].fix


def test_the_table_is_deleted_and_a_photo_arrives(workshop: CheckedWorkshop) -> None:
    table = workshop.stack.resource("PostsTable")
    workshop.client("dynamodb").delete_table(TableName=table)
    workshop.tweet()
    wait_until(workshop.failures)  # the function failed three times, but not for its own fault
    findings = check_all(workshop.context())
    assert wrong(findings) == [at.TABLE], shown(findings)


def test_a_bucket_is_deleted(workshop: CheckedWorkshop) -> None:
    s3, bucket = boto3.resource("s3"), workshop.stack.resource("RekognitionBucket")
    s3.Bucket(bucket).objects.delete()
    s3.Bucket(bucket).delete()
    findings = check_all(workshop.context())
    assert wrong(findings) == [at.PHOTOS], shown(findings)
    assert f"aws s3 mb s3://{bucket}" in findings[at.PHOTOS].fix
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
