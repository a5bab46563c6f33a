"""Mistakes that learners make: each is a change to a right solution, solutions/short.py."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kit.commands.check.run import Result

SOLUTIONS = Path(__file__).with_name("solutions")
SHORT = (SOLUTIONS / "short.py").read_text()


def failed(results: list[Result]) -> dict[str, str]:
    """The hints of the cases that failed, by name."""
    return {result.case: result.hint for result in results if result.hint}


# Cases that take more than a second: they are tried only with the mistakes that they are for.
LONG = ("no_face_on_reference", "same_event", "throttling", "settings")


class Mistake(NamedTuple):
    """A mistake.

    Attributes:
        name: of the test.
        old: what is replaced in short.py.
        new: by what.
        cases: that fail: its own one, and rarely another one, which cannot do without.
        hint: a part of the first one's hint.
    """

    name: str
    old: str
    new: str
    cases: str
    hint: str


MISTAKES = [
    Mistake(
        "one e-mail for each face",
        "            mail(post, max(similarities), key)",
        "            for one in similarities:\n                mail(post, one, key)",
        "several_faces",
        "2 e-mails were sent for one photo",
    ),
    Mistake(
        "every post has a text",
        '{value(post, "text")}',
        '{post["text"]["S"] if post else ""}',
        "missing_text",
        "no later try sends its e-mail",
    ),
    Mistake(
        "every photo has a post",
        '.get("Item", {})',
        '["Item"]',
        "no_metadata",
        "This photo was put into images/ by hand",
    ),
    Mistake(
        "a listing by prefix finds the reference",
        '        print("upload a photo named", REFERENCE)',
        '        listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=REFERENCE)\n'
        '        if listed["KeyCount"]:\n            raise\n'
        '        print("upload a photo named", REFERENCE)',
        "similar_name",
        "compare the whole key",
    ),
    Mistake(
        "every event has Records",
        'event.get("Records", [])',
        'event["Records"]',
        "test_event",
        "The button Test sends an event without Records",
    ),
    Mistake(
        "every record is from S3",
        ' if "s3" in record]',
        "]",
        "other_service",
        'Records of another service have no "s3"',
    ),
    Mistake(
        "every file is a picture",
        "    except rekognition.exceptions.InvalidImageFormatException:\n"
        '        print("cannot read", key)\n',
        "",
        "damaged",
        "Rekognition raises InvalidImageFormatException",
    ),
    Mistake(
        "nothing is said of an event that is not from S3",
        'print("nothing has arrived")',
        "pass",
        "test_event other_service",
        "The log is empty after the event {",
    ),
    Mistake(
        "key not decoded",
        'unquote_plus(record["s3"]["object"]["key"])',
        'record["s3"]["object"]["key"]',
        "special_key",
        "decode them with unquote_plus",
    ),
    Mistake(
        "every error swallowed",
        "        similarities = find_or_explain(bucket, key)",
        "        try:\n"
        "            similarities = find_or_explain(bucket, key)\n"
        "        except Exception as error:\n"
        "            print('Sorry:', error)\n"
        "            continue",
        "throttling",
        "The log ends with: Sorry: An error occurred (ThrottlingException)",
    ),
    Mistake(
        "raises when there is no face",
        'print("nobody on", key)',
        "raise LookupError(f'nobody on {key}')",
        "no_face",
        "in line 35, “raise LookupError(f'nobody on {key}')”: LookupError: nobody on images/",
    ),
    Mistake(
        "no face on the reference is like none on the photo",
        'print("there is no face on", REFERENCE)',
        'print("nobody on", key)',
        "no_face_on_reference",
        "The log does not say that celebrity.jpg shows no face",
    ),
    Mistake(
        "the missing reference is not named",
        'print("upload a photo named", REFERENCE)',
        'print("no such picture")',
        "no_reference similar_name",
        "The log does not say that celebrity.jpg is missing",
    ),
    Mistake(
        "post not looked up",
        'dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=item).get("Item", {})',
        'dict.fromkeys(("username", "created_at", "text", "post_id"), {"S": "?"})',
        "metadata",
        "lacks the user (username: fan",
    ),
    Mistake(
        "an e-mail for every event",
        "if similarities and is_first(item):",
        "if similarities:",
        "same_event",
        "look there first",
    ),
    Mistake(
        "looks, and writes later",
        '            ConditionExpression="attribute_not_exists(mailed)",\n',
        "",
        "same_event",
        "look there first",
    ),
    Mistake(
        "mails unmatched faces",
        'answer["FaceMatches"]]',
        'answer["FaceMatches"]] or [0.0 for _ in answer["UnmatchedFaces"]]',
        "other_person two_photos settings",
        "UnmatchedFaces are not",
    ),
    Mistake(
        "the worst similarity",
        "max(similarities)",
        "min(similarities)",
        "several_faces",
        "does not say the best similarity, 99.",
    ),
    Mistake(
        "source and target swapped",
        '"Name": REFERENCE}},\n        TargetImage={"S3Object": {"Bucket": bucket, "Name": key}}',
        '"Name": key}},\n        TargetImage={"S3Object": {"Bucket": bucket, "Name": REFERENCE}}',
        "several_faces",
        "SourceImage is the reference",
    ),
    Mistake(
        "name of the reference hard-coded",
        'os.environ["REFERENCE_PHOTO"]',
        '"celebrity.jpg"',
        "settings",
        "take its name from REFERENCE_PHOTO",
    ),
    Mistake(
        "subject too long",
        'Subject="Look who is here"',
        'Subject=ascii(value(post, "text"))',
        "subject",
        "Invalid parameter: Subject. SNS takes a subject of one line of ASCII",
    ),
    Mistake(
        "the face's confidence for the similarity",
        'face["Similarity"] for',
        'face["Face"]["Confidence"] for',
        "match",
        "does not say the best similarity, 9",
    ),
    Mistake(
        "only the first photo of an event",
        "for record in records:",
        "for record in records[:1]:",
        "two_photos",
        'loop over event["Records"]',
    ),
    Mistake(
        "the first photo without a match ends it",
        "        item = {",
        "        if not similarities:\n            return\n        item = {",
        "two_photos",
        "continue, not return",
    ),
    Mistake(
        "remembers only in its own process",
        "def is_first(item):\n",
        "seen = []\n\n\ndef is_first(item):\n"
        "    seen.append(item)\n    return seen.count(item) == 1\n\n\ndef unused(item):\n",
        "same_event",
        "and to another process",
    ),
    Mistake(
        "looks, mails, and writes at last",
        SHORT[SHORT.rindex("        if similarities") :],
        "        if similarities and 'mailed' not in post:\n"
        "            mail(post, max(similarities), key)\n            is_first(item)\n",
        "same_event",
        "both invocations looked before either wrote",
    ),
    Mistake(
        "threshold ignored",
        "        SimilarityThreshold=THRESHOLD,\n",
        "",
        "settings",
        "Give SIMILARITY_THRESHOLD to compare_faces",
    ),
    Mistake(
        "marked before it is compared",
        SHORT[SHORT.rindex("        similarities =") : SHORT.rindex("            mail(")],
        '        item = {"media_key": {"S": key[7:-4]}}\n'
        '        post = dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=item)\n'
        '        post = post.get("Item", {})\n'
        "        if is_first(item) and (similarities := find_or_explain(bucket, key)):\n",
        "throttling",
        "When Lambda tried again: No e-mail was sent",
    ),
]
