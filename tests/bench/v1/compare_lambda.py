"""v1's RekognitionLambdaFunction: three calls a photo, one mail for each match."""

import os
from decimal import Decimal
from urllib.parse import unquote_plus

import boto3

REFERENCE_PHOTO = os.environ["REFERENCE_PHOTO"]
rekognition = boto3.client("rekognition")
sns = boto3.client("sns")
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def shows_a_face(photo):
    """Ask Rekognition whether there is a face on a photo."""
    return bool(rekognition.detect_faces(Image=photo)["FaceDetails"])


def lambda_handler(event, context):
    """Compare every photo of the event."""
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        reference = {"S3Object": {"Bucket": bucket, "Name": REFERENCE_PHOTO}}
        photo = {"S3Object": {"Bucket": bucket, "Name": key}}
        if not (shows_a_face(reference) and shows_a_face(photo)):
            continue
        answer = rekognition.compare_faces(SourceImage=reference, TargetImage=photo)
        for match in answer["FaceMatches"]:
            item = {"media_key": key.removeprefix("images/").removesuffix(".jpg")}
            post = table.get_item(Key=item)["Item"]
            similarity = Decimal(f"{match['Similarity']:.2f}")
            table.update_item(
                Key=item,
                UpdateExpression="SET similarity = :similarity",
                ExpressionAttributeValues={":similarity": similarity},
            )
            sns.publish(
                TopicArn=os.environ["TOPIC_ARN"],
                Subject="Possible match",
                Message=f"{similarity} %: {post['text']} by {post['name']}, post {post['id_str']}",
            )
