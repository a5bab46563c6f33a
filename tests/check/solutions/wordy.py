"""Another right solution: resources, logging, the pictures as bytes, and its own threshold."""

# mypy: ignore-errors

import logging
import os
from urllib.parse import unquote_plus

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

log = logging.getLogger()
log.setLevel(logging.INFO)

s3 = boto3.resource("s3")
topic = boto3.resource("sns").Topic(os.environ.get("TOPIC_ARN"))
table = boto3.resource("dynamodb").Table(os.environ.get("TABLE_NAME"))
rekognition = boto3.client("rekognition")
name = os.environ.get("REFERENCE_PHOTO", "celebrity.jpg")
threshold = float(os.environ.get("SIMILARITY_THRESHOLD", "80"))


def read(bucket, key):
    return {"Bytes": s3.Object(bucket, key).get()["Body"].read()}


def faces(one, other):
    """Return the matches of any similarity, or None where a picture shows no face or is none."""
    try:
        return rekognition.compare_faces(
            SourceImage=one, TargetImage=other, SimilarityThreshold=0, QualityFilter="NONE"
        )["FaceMatches"]
    except ClientError as error:
        if error.response["Error"]["Code"] in (
            "InvalidParameterException",
            "InvalidImageFormatException",
        ):
            return None
        raise


def handle(bucket, key):
    try:
        reference = read(bucket, name)
    except s3.meta.client.exceptions.NoSuchKey:
        log.error("Nothing to compare with: the reference photo is not in %s", bucket)
        return
    found = faces(reference, read(bucket, key))
    if found is None and faces(reference, reference) is None:
        log.warning("The reference photo shows nobody")
    best = max((face["Similarity"] for face in found or []), default=0)
    if best < threshold:
        return
    try:
        post = table.update_item(
            Key={"media_key": os.path.splitext(os.path.basename(key))[0]},
            UpdateExpression="SET notified = :now",
            ConditionExpression=Attr("notified").not_exists(),
            ExpressionAttributeValues={":now": "yes"},
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return
    link = f"https://twitter.com/i/web/status/{post.get('post_id')}"
    topic.publish(Message=f"{post} {link} {best / 100:.4f} s3://{bucket}/{key}")


def lambda_handler(event, context):
    log.info("request %s: %s", context.aws_request_id, event)
    for record in event.get("Records", []):
        if "s3" not in record:
            continue
        handle(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
    return {"statusCode": 200}
