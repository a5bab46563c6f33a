"""The exercise's solution: paste it over the code of RekognitionLambdaFunction."""

import os
import time
from decimal import Decimal
from functools import lru_cache
from urllib.parse import quote, unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REFERENCE_PHOTO = os.environ["REFERENCE_PHOTO"]
SIMILARITY_THRESHOLD = float(os.environ["SIMILARITY_THRESHOLD"])  # percent
TOPIC_ARN = os.environ["TOPIC_ARN"]
# What Rekognition says of a picture that no later try will change.
UNUSABLE = {
    "InvalidParameterException": "no face",
    "InvalidImageFormatException": "unreadable",
    "ImageTooLargeException": "too large",
}

# Rekognition allows only so many calls a second: adaptive retries slow down instead of failing.
config = Config(read_timeout=10, retries={"mode": "adaptive", "max_attempts": 5})
rekognition = boto3.client("rekognition", config=config)
s3 = boto3.client("s3", config=config)
sns = boto3.client("sns", config=config)
table = boto3.resource("dynamodb", config=config).Table(os.environ["TABLE_NAME"])


def compare(bucket, key):
    """Compare a photo with the reference; return (outcome, highest similarity in percent)."""
    try:
        answer = rekognition.compare_faces(
            SourceImage={"S3Object": {"Bucket": bucket, "Name": REFERENCE_PHOTO}},
            TargetImage={"S3Object": {"Bucket": bucket, "Name": key}},
            SimilarityThreshold=SIMILARITY_THRESHOLD,
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in UNUSABLE:
            raise  # such as throttling: Lambda tries again later
        return UNUSABLE[code], 0
    similarities = [match["Similarity"] for match in answer["FaceMatches"]]
    return ("match" if similarities else "other person"), max(similarities, default=0)


@lru_cache
def shows_face(bucket, etag):
    """Compare the reference with itself: Rekognition does not say which picture has no face."""
    return compare(bucket, REFERENCE_PHOTO)[0] == "match"


def reference_is_ready(bucket):
    """Say whether there is a reference photo with a face; if not, log what to do."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=REFERENCE_PHOTO).get("Contents")
    if found and shows_face(bucket, found[0]["ETag"]):
        return True
    problem = "shows no face that Rekognition finds" if found else "is not there yet"
    print(f"{REFERENCE_PHOTO} {problem}: upload a photo of one face by this name to {bucket}")
    return False


def publish(post, similarity, bucket, key):
    """Send the e-mail about a match."""
    username = post.get("username", "unknown")
    message = f"""Similarity: {similarity:.2f} %
Posted by @{username} at {post.get("created_at", "unknown")}
Text: {post.get("text", "")}
Post: https://x.com/{username}/status/{post.get("post_id", "")}
Photo: https://console.aws.amazon.com/s3/object/{bucket}?prefix={quote(key)}"""
    subject = f"Possible match for your favorite celebrity: {int(similarity)} % similar"
    sns.publish(TopicArn=TOPIC_ARN, Subject=subject, Message=message)


def process(bucket, key, context):
    """Compare one photo, send the e-mail if it is a match, and keep the outcome in its item."""
    item = {"media_key": key.removeprefix("images/").removesuffix(".jpg") or key}  # never empty
    post = table.get_item(Key=item, ConsistentRead=True).get("Item", {})
    if "outcome" in post:
        return "compared before"  # events come more than once
    try:
        outcome, similarity = compare(bucket, key)
    except rekognition.exceptions.InvalidS3ObjectException:
        if reference_is_ready(bucket):
            raise
        return "not compared"
    if outcome in UNUSABLE.values() and not reference_is_ready(bucket):
        return "not compared"
    if outcome == "match":
        # Keep others from mailing it for as long as we live. One who tries fails, and tries again.
        now, seconds = int(time.time()), context.get_remaining_time_in_millis() // 1000
        me = context.aws_request_id
        table.update_item(
            Key=item,
            UpdateExpression="SET mailing_until = :until, mailer = :me",
            ConditionExpression="attribute_not_exists(outcome)"
            " AND (NOT mailing_until > :now OR mailer = :me)",
            ExpressionAttributeValues={":now": now, ":until": now + seconds, ":me": me},
        )
        try:
            publish(post, similarity, bucket, key)
        except Exception:
            table.update_item(Key=item, UpdateExpression="REMOVE mailing_until, mailer")
            raise  # so that Lambda tries again
    table.update_item(
        Key=item,
        UpdateExpression="SET outcome = :o, similarity = :s REMOVE mailing_until, mailer",
        ExpressionAttributeValues={":o": outcome, ":s": Decimal(f"{similarity:.2f}")},
    )
    return f"{outcome}, similarity {similarity:.2f} %"


def lambda_handler(event, context):
    """Process every photo of the event."""
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        print(f"Photo {key}: {process(bucket, key, context)}")
