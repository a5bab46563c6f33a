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
        found = s3.list_objects_v2(Bucket=bucket, Prefix=REFERENCE_PHOTO).get("Contents", [])
        etags = [entry["ETag"] for entry in found if entry["Key"] == REFERENCE_PHOTO]
        if etags and shows_face(bucket, etags[0]):  # then it is the photo
            if type(error) in UNUSABLE:
                return UNUSABLE[type(error)], 0
            raise  # it is not there; Lambda tries again
    problem = "shows no face that Rekognition finds" if etags else "is not there yet"
    print(f"{REFERENCE_PHOTO} {problem}: upload a photo of one face by this name to {bucket}")
    return "not compared", 0


@lru_cache
def shows_face(bucket, etag):
    """Compare the reference with itself, once for each upload: `etag` is only the cache's key."""
    try:
        return bool(compare(bucket, REFERENCE_PHOTO))  # it fails without a face
    except tuple(UNUSABLE):
        return False


def mail_once(item, etag, similarity, place, context):
    """Send the e-mail. Improvement 2: under a lease, so that two at once send one."""
    me, now = context.aws_request_id, int(time.time())
    end = now + context.get_remaining_time_in_millis() // 1000  # when this invocation has ended
    post = table.update_item(
        Key=item,
        UpdateExpression="SET lease_owner = :me, lease_expires = :end",
        ConditionExpression="etag <> :etag AND (lease_owner = :me OR NOT lease_expires > :now)",
        ExpressionAttributeValues={":me": me, ":now": now, ":end": end, ":etag": etag},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    try:
        send_mail(post, similarity, place)
    except Exception:
        table.update_item(Key=item, UpdateExpression="REMOVE lease_owner, lease_expires")
        raise  # so that Lambda tries again


def send_mail(post, similarity, place):
    """Send the e-mail about a match; what the post lacks, or all of it, is unknown."""
    username = post.get("username", "unknown")
    message = f"""Similarity: {similarity:.2f} %
Posted by @{username} at {post.get("created_at", "unknown")}
Text: {post.get("text", "")}
Post: https://x.com/{username}/status/{post.get("post_id", "")}
Photo: {place}"""
    subject = f"Possible match for your favorite celebrity: {int(similarity)} % similar"
    sns.publish(TopicArn=TOPIC_ARN, Subject=subject, Message=message)


def process(bucket, key, etag, context):
    """Compare a photo, mail a match once, and keep the outcome with the ETag of the picture."""
    item = {"media_key": key.removeprefix("images/").removesuffix(".jpg") or key}  # never empty
    if table.get_item(Key=item, ConsistentRead=True).get("Item", {}).get("etag") == etag:
        return "compared before"
    outcome, similarity = compare_if_possible(bucket, key)
    if outcome == "not compared":
        return outcome
    if outcome == "match":
        place = f"https://console.aws.amazon.com/s3/object/{bucket}?prefix={quote(key)}"
        mail_once(item, etag, similarity, place, context)
    table.update_item(
        Key=item,
        UpdateExpression="SET outcome=:o, similarity=:s, etag=:e REMOVE lease_owner, lease_expires",
        ExpressionAttributeValues={":o": outcome, ":s": Decimal(f"{similarity:.2f}"), ":e": etag},
    )
    return f"{outcome}, similarity {similarity:.2f} %"


def lambda_handler(event, context):
    """Process every photo of the event."""
    photos = [record["s3"] for record in event.get("Records", []) if "s3" in record]
    if not photos:
        print("No photo in this event (the button Test sends such a one): post a photo to try it")
    for photo in photos:
        bucket, key = photo["bucket"]["name"], unquote_plus(photo["object"]["key"])
        print(f"Photo {key}: {process(bucket, key, photo['object'].get('eTag', ''), context)}")
