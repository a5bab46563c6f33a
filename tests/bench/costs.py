"""What photos cost on AWS: the counted calls at the prices that Instructions.md lists."""

from __future__ import annotations

from bench.versions import RESOURCES, Used
from kit.prices import price

GB = 10**9
# Of one object: with a buffer of less than a minute, Firehose creates a multipart upload, uploads
# one part and completes it (Data Firehose Developer Guide, "Configure buffering hints").
FIREHOSE_PUTS = 3
# Each operation, and what it costs for one. The price list of Rekognition has one price for both.
OPERATIONS = {
    "CompareFaces": ("Rekognition", "Rekognition CompareFaces"),
    "DetectFaces": ("Rekognition", "Rekognition CompareFaces"),
    "GetObject": ("S3", "S3 GET"),
    "PutObject": ("S3", "S3 PUT"),
    "ListObjectsV2": ("S3", "S3 PUT"),  # S3 bills a listing as it bills a PUT
    "GetItem": ("DynamoDB", "DynamoDB read"),
    "PutItem": ("DynamoDB", "DynamoDB write"),
    "UpdateItem": ("DynamoDB", "DynamoDB write"),
    "PutRecord": ("Firehose", ""),  # bills bytes, not calls
    "PutRecordBatch": ("Firehose", ""),
    "Publish": ("SNS", ""),  # bills mails
}


def cost(used: Used) -> dict[str, float]:
    """US dollars by service, of what some photos used.

    The stack itself and X cost the same with both versions and are left out. The functions are
    billed for the time that they took here, with the memory that the template gives them.
    """
    dollars = dict.fromkeys(("Rekognition", "S3", "Lambda", "DynamoDB", "Firehose", "SNS"), 0.0)
    for operation, count in used.calls.items():
        service, name = OPERATIONS[operation]
        dollars[service] += count * float(price(name)) if name else 0
    dollars["S3"] += used.objects * FIREHOSE_PUTS * float(price("S3 PUT"))
    dollars["Firehose"] += (
        used.billed / GB * float(price("Data Firehose, records rounded up to 5 KB"))
    )
    dollars["SNS"] += used.mails * float(price("SNS e-mail"))
    for name, count in used.invocations.items():
        gigabytes = RESOURCES[name]["Properties"]["MemorySize"] / 1024
        dollars["Lambda"] += count * float(price("Lambda requests"))
        dollars["Lambda"] += used.seconds[name] * gigabytes * float(price("Lambda time"))
    return dollars
