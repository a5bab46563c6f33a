"""A solution that a learner could have written: right, but unlike compareFaces.py."""

# mypy: ignore-errors

import os
from urllib.parse import unquote_plus

import boto3

REFERENCE = os.environ["REFERENCE_PHOTO"]
THRESHOLD = float(os.environ["SIMILARITY_THRESHOLD"])

rekognition = boto3.client("rekognition")
dynamodb = boto3.client("dynamodb")
sns = boto3.client("sns")


def find(bucket, key):
    answer = rekognition.compare_faces(
        SourceImage={"S3Object": {"Bucket": bucket, "Name": REFERENCE}},
        TargetImage={"S3Object": {"Bucket": bucket, "Name": key}},
        SimilarityThreshold=THRESHOLD,
    )
    return [face["Similarity"] for face in answer["FaceMatches"]]


def find_or_explain(bucket, key):
    try:
        return find(bucket, key)
    except rekognition.exceptions.InvalidS3ObjectException:
        print("upload a photo named", REFERENCE)
    except rekognition.exceptions.InvalidParameterException:
        try:
            find(bucket, REFERENCE)
            print("nobody on", key)
        except rekognition.exceptions.InvalidParameterException:
            print("there is no face on", REFERENCE)
    except rekognition.exceptions.InvalidImageFormatException:
        print("cannot read", key)
    return []


def is_first(item):
    try:
        dynamodb.update_item(
            TableName=os.environ["TABLE_NAME"],
            Key=item,
            UpdateExpression="SET mailed = :yes",
            ConditionExpression="attribute_not_exists(mailed)",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def value(post, name):
    return post.get(name, {}).get("S", "?")


def mail(post, similarity, key):
    text = f"""{value(post, "username")} posted on {value(post, "created_at")}:
{value(post, "text")}
https://x.com/{value(post, "username")}/status/{value(post, "post_id")}
{similarity:.0f} % similar, see {key}"""
    sns.publish(TopicArn=os.environ["TOPIC_ARN"], Subject="Look who is here", Message=text)


def lambda_handler(event, context):
    records = [record for record in event.get("Records", []) if "s3" in record]
    if not records:
        print("nothing has arrived")
    for record in records:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        similarities = find_or_explain(bucket, key)
        item = {"media_key": {"S": key[len("images/") : -len(".jpg")]}}
        post = dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=item).get("Item", {})
        if similarities and is_first(item):
            mail(post, max(similarities), key)
