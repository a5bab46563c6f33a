"""The reference photo: it has the right key, and shows a face."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from botocore.exceptions import ClientError

from kit.commands.doctor import fixes
from kit.commands.doctor.finding import REKOGNITION, Finding, ok, unknown, wrong
from kit.commands.doctor.stack_context import StackContext
from kit.jsonl import Json
from kit.text import count, shorten

PICTURES = (".jpg", ".jpeg", ".png")
STORED_PHOTO = r"images/(\d+_\d+|[0-9a-f]{64})\.jpg$"  # of TwitterLambdaFunction
UNUSABLE = "InvalidImageFormat|ImageTooLarge|InvalidParameter|InvalidS3"


def reference_name(context: StackContext) -> str:
    """The name that the reference photo must have; empty if the function has none."""
    variables = context.configuration(REKOGNITION).get("Environment", {}).get("Variables", {})
    return str(variables.get("REFERENCE_PHOTO", ""))


def find_reference(context: StackContext) -> list[Json]:
    """The reference photo as the bucket lists it; an empty list if it is not there."""
    name = reference_name(context)
    return [entry for entry in context.objects("RekognitionBucket", name) if entry["Key"] == name]


def check_reference(context: StackContext) -> Finding:
    """There is a reference photo by the right name, and it shows a face."""
    name, bucket = reference_name(context), context.ids["RekognitionBucket"]
    if not name:
        return unknown(f"{REKOGNITION} has no REFERENCE_PHOTO: see {REKOGNITION}")
    if not find_reference(context):
        return missing_reference(context, name)
    if locked := encrypted_reference(context, name):
        return locked
    upload = fixes.upload_reference(bucket, name)
    try:
        answer = context.client("rekognition").detect_faces(
            Image={"S3Object": {"Bucket": bucket, "Name": name}}
        )
    except ClientError as error:
        if not re.match(UNUSABLE, error.response["Error"]["Code"]):
            raise
        return wrong(
            f"Rekognition cannot use {name}",
            shorten(error.response["Error"]["Message"]),
            f"Upload a JPEG or PNG of a face: {upload}",
        )
    faces = len(answer["FaceDetails"])
    if not faces:
        return wrong(
            f"{name} shows no face that Rekognition finds",
            "Without a face on it, no photo can match.",
            f"Upload a photo of one face from the front: {upload}",
        )
    largest = "; the largest one is compared" if faces > 1 else ""
    billed = "" if context.endpoint else " (AWS bills this check as one image)"
    return ok(f"{name} shows {count(faces, 'face')}{largest}{billed}")


def encrypted_reference(context: StackContext, name: str) -> Finding | None:
    """The photo is encrypted with a KMS key of the account, which the function may not use.

    Rekognition then answers InvalidS3ObjectException, as if the photo was not there; you may be
    allowed to use the key. Every role of the account may use the key aws/s3, which AWS manages (S3
    User Guide, "Using server-side encryption with AWS KMS keys").
    """
    head = context.call("RekognitionBucket", "head_object", Key=name)
    if not head.get("ServerSideEncryption", "").startswith("aws:kms"):
        return None
    key = head.get("SSEKMSKeyId", "aws/s3")
    try:
        manager = context.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyManager"]
    except ClientError as error:
        manager = f"unknown: {error.response['Error']['Code']}"
    if manager == "AWS":
        return None
    return wrong(
        f"{name} is encrypted with the KMS key {key}",
        f"{REKOGNITION} may not use that key, so Rekognition cannot read the photo.",
        fixes.encrypt_object_with_s3(f"{context.ids['RekognitionBucket']}/{name}"),
    )


def missing_reference(context: StackContext, name: str) -> Finding:
    """Say where the photo is instead: under another name, or in the other bucket."""
    bucket, other_bucket = context.ids["RekognitionBucket"], context.ids["TwitterBucket"]
    keys = [entry["Key"] for entry in context.objects("RekognitionBucket")]
    others = [key for key in keys if not re.match(STORED_PHOTO, key)]
    others.sort(key=lambda key: SequenceMatcher(None, key.lower(), name.lower()).ratio())
    if others:
        return wrong(
            f"{name} is not in {bucket}, but it has {', '.join(others[:-4:-1])}",
            f"The function reads exactly the key {name}, outside of images/.",
            fixes.copy_object(f"{bucket}/{others[-1]}", f"{bucket}/{name}"),
        )
    keys = [entry["Key"] for entry in context.objects("TwitterBucket")]
    for key in (key for key in keys if key.lower().endswith(PICTURES)):
        return wrong(
            f"{name} is not in {bucket}, but {key} is in the other bucket",
            f"The function reads it from {bucket}, beside images/.",
            fixes.move_object(f"{other_bucket}/{key}", f"{bucket}/{name}"),
        )
    return wrong(
        f"{name} is not in {bucket}",
        "Without it, no photo can match.",
        f"{fixes.upload_reference(bucket, name)} (step 8)",
    )
