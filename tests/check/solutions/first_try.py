"""What many write first: right for the photos that match, and for nothing else."""

# mypy: ignore-errors

import os

import boto3

rekognition = boto3.client("rekognition")
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
sns = boto3.client("sns")


def lambda_handler(event, context):
    bucket = event["Records"][0]["s3"]["bucket"]["name"]
    key = event["Records"][0]["s3"]["object"]["key"]
    answer = rekognition.compare_faces(
        SourceImage={"S3Object": {"Bucket": bucket, "Name": "celebrity.jpg"}},
        TargetImage={"S3Object": {"Bucket": bucket, "Name": key}},
    )
    for face in answer["FaceMatches"]:
        post = table.get_item(Key={"media_key": key[7:-4]})["Item"]
        sns.publish(
            TopicArn=os.environ["TOPIC_ARN"],
            Subject=f"{post['username']} says: {post['text']}",
            Message=f"{post['text']} ({post['created_at']}), {face['Similarity']} %, {key}: "
            f"https://x.com/{post['username']}/status/{post['post_id']}",
        )
