"""The exercise's solution: the four hints of step 10 put together, with two improvements."""

import os
import time
from decimal import Decimal
from functools import lru_cache
from urllib.parse import quote, unquote_plus

import boto3
from botocore.config import Config

REFERENCE_PHOTO = os.environ["REFERENCE_PHOTO"]
SIMILARITY_THRESHOLD = float(os.environ["SIMILARITY_THRESHOLD"])  # percent
TOPIC_ARN = os.environ["TOPIC_ARN"]
config = Config(read_timeout=10, retries={"mode": "adaptive", "max_attempts": 5})  # waits if busy
rekognition = boto3.client("rekognition", config=config)
table = boto3.resource("dynamodb", config=config).Table(os.environ["TABLE_NAME"])
sns = boto3.client("sns", config=config)
s3 = boto3.client("s3", config=config)
UNUSABLE = {  # no later try changes these; other errors leave the function: Lambda tries again
    rekognition.exceptions.InvalidParameterException: "no face",
    rekognition.exceptions.InvalidImageFormatException: "unreadable",
    rekognition.exceptions.ImageTooLargeException: "too large",
}


def compare(bucket, key):
    """Compare a photo with the reference; return (outcome, highest similarity in percent)."""
    answer = rekognition.compare_faces(
        SourceImage={"S3Object": {"Bucket": bucket, "Name": REFERENCE_PHOTO}},
        TargetImage={"S3Object": {"Bucket": bucket, "Name": key}},
        SimilarityThreshold=SIMILARITY_THRESHOLD,
    )
    similarities = [match["Similarity"] for match in answer["FaceMatches"]]
    return ("match", max(similarities)) if similarities else ("other person", 0)


def compare_if_possible(bucket, key):
    """Compare, or say why not. Improvement 1: tell a useless photo from a useless reference."""
    try:
        return compare(bucket, key)
    except (rekognition.exceptions.InvalidS3ObjectException, *UNUSABLE) as error:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=REFERENCE_PHOTO).get("Contents")
        if found and shows_face(bucket, found[0]["ETag"]):  # then it is the photo
            if type(error) in UNUSABLE:
                return UNUSABLE[type(error)], 0
            raise  # it is not there; Lambda tries again
    problem = "shows no face that Rekognition finds" if found else "is not there yet"
    print(f"{REFERENCE_PHOTO} {problem}: upload a photo of one face by this name to {bucket}")
    return "not compared", 0


@lru_cache
def shows_face(bucket, etag):
    """Compare the reference with itself, once for each upload: `etag` is only the cache's key."""
    try:
        return compare(bucket, REFERENCE_PHOTO)[0] == "match"
    except tuple(UNUSABLE):
        return False


def mail_once(item, similarity, bucket, key, context):
    """Send the e-mail. Improvement 2: under a lease, two at once send one, a failure loses none."""
    # Powertools for AWS Lambda has it ready-made, as idempotency: idempotent_function with a
    # DynamoDBPersistenceLayer, whose in_progress_expiration is our lease_expires.
    now = int(time.time())
    end = now + context.get_remaining_time_in_millis() // 1000  # when this invocation has ended
    post = table.update_item(
        Key=item,
        UpdateExpression="SET lease_owner = :me, lease_expires = :end",
        ConditionExpression="attribute_not_exists(outcome) AND (attribute_not_exists(lease_owner)"
        " OR lease_owner = :me OR lease_expires <= :now)",
        ExpressionAttributeValues={":me": context.aws_request_id, ":now": now, ":end": end},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    try:
        send_mail(post, similarity, bucket, key)
    except Exception:
        table.update_item(Key=item, UpdateExpression="REMOVE lease_owner, lease_expires")
        raise  # so that Lambda tries again


def send_mail(post, similarity, bucket, key):
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
    """Compare one photo, mail a match once, and keep the outcome in the photo's item."""
    media_key = key.removeprefix("images/").removesuffix(".jpg")
    item = {"media_key": media_key or key}  # the whole key rather than an empty one
    if "outcome" in table.get_item(Key=item, ConsistentRead=True).get("Item", {}):
        return "compared before"
    outcome, similarity = compare_if_possible(bucket, key)
    if outcome == "not compared":
        return outcome
    if outcome == "match":
        mail_once(item, similarity, bucket, key, context)
    table.update_item(
        Key=item,
        UpdateExpression="SET outcome = :o, similarity = :s REMOVE lease_owner, lease_expires",
        ExpressionAttributeValues={":o": outcome, ":s": Decimal(f"{similarity:.2f}")},
    )
    return f"{outcome}, similarity {similarity:.2f} %"


def lambda_handler(event, context):
    """Process every photo of the event."""
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        print(f"Photo {key}: {process(bucket, key, context)}")
