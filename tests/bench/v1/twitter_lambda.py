"""v1's TwitterLambdaFunction: one photo after the other, by way of the disk."""

import json
import os
import tempfile
from urllib.parse import unquote_plus
from urllib.request import urlretrieve

import boto3

REKOGNITION_BUCKET = os.environ["REKOGNITION_BUCKET"]
s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def read_records(text):
    """Yield the JSON objects, which stand back to back."""
    position = 0
    while position < len(text):
        record, position = json.JSONDecoder().raw_decode(text, position)
        yield record


def lambda_handler(event, context):
    """Process every photo of every object."""
    for notice in event["Records"]:
        bucket, key = notice["s3"]["bucket"]["name"], unquote_plus(notice["s3"]["object"]["key"])
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        for record in read_records(text):
            table.put_item(Item=record)
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "photo.jpg")
                urlretrieve(record["image_url"], path)
                s3.upload_file(path, REKOGNITION_BUCKET, f"images/{record['media_key']}.jpg")
