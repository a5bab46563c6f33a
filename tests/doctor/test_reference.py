"""The reference photo: its faces, its encryption, and where it is if it is not in its place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from doctor.checked_workshop import fake_context, refuse
from kit.commands.doctor.finding import OK, UNKNOWN, WRONG
from kit.commands.doctor.reference import check_reference, encrypted_reference, missing_reference

pytestmark = pytest.mark.unit


def written(key: str) -> dict[str, Any]:
    """An object in a bucket."""
    return {"Key": key, "LastModified": datetime(2026, 11, 27, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("faces", "endpoint", "status", "told"),
    [
        (0, "", WRONG, "celebrity.jpg shows no face that Rekognition finds"),
        (1, "", OK, "celebrity.jpg shows 1 face (AWS bills this check as one image)"),
        (1, "http://127.0.0.1:1", OK, "celebrity.jpg shows 1 face"),
        (2, "http://127.0.0.1:1", OK, "celebrity.jpg shows 2 faces; the largest one is compared"),
    ],
)
def test_the_faces_of_the_reference(faces: int, endpoint: str, status: str, told: str) -> None:
    variables = {"Variables": {"REFERENCE_PHOTO": "celebrity.jpg"}}
    context = fake_context(
        get_function={"Configuration": {"Environment": variables}},
        detect_faces={"FaceDetails": [{}] * faces},
        head_object={},
        list_objects_v2={"Contents": [written("celebrity.jpg"), written("celebrity.jpg.bak")]},
    )
    context.endpoint = endpoint
    found = check_reference(context)
    assert (found.status, found.message) == (status, told)


@pytest.mark.parametrize(
    ("beside", "elsewhere", "fix"),
    [
        ([], [], "aws s3 cp YOUR-PHOTO s3://photos/celebrity.jpg"),
        (["images/3_1.jpg"], ["firehose/1"], "aws s3 cp YOUR-PHOTO s3://photos/celebrity.jpg"),
        ([], ["firehose/1", "me.JPG"], "aws s3 mv s3://posts/me.JPG s3://photos/celebrity.jpg"),
        ([], ["me.jpeg"], "aws s3 mv s3://posts/me.jpeg s3://photos/celebrity.jpg"),
        ([], ["me.png"], "aws s3 mv s3://posts/me.png s3://photos/celebrity.jpg"),
        (["me.jpg"], ["me.png"], "aws s3 cp s3://photos/me.jpg s3://photos/celebrity.jpg"),
        (
            ["Celebrity.JPG", "holidays.jpg", "images/3_1.jpg"],
            [],
            "aws s3 cp s3://photos/Celebrity.JPG s3://photos/celebrity.jpg",
        ),
    ],
)
def test_where_the_reference_is_instead(
    monkeypatch: pytest.MonkeyPatch, beside: list[str], elsewhere: list[str], fix: str
) -> None:
    context = fake_context()
    context.ids |= {"RekognitionBucket": "photos", "TwitterBucket": "posts"}
    keys = {"RekognitionBucket": beside, "TwitterBucket": elsewhere}
    monkeypatch.setattr(context, "objects", lambda bucket: [written(key) for key in keys[bucket]])
    found = missing_reference(context, "celebrity.jpg")
    assert found.status == WRONG
    assert found.fix.startswith(fix)


def test_without_a_name_no_reference_is_looked_for() -> None:
    found = check_reference(fake_context(get_function={"Configuration": {}}))
    assert found.status == UNKNOWN
    assert "has no REFERENCE_PHOTO: see RekognitionLambdaFunction" in found.message


@pytest.mark.parametrize(("encryption", "is_locked"), [("aws:kms:dsse", True), ("AES256", False)])
def test_a_key_that_nobody_may_look_at_is_not_the_functions(
    encryption: str, is_locked: bool
) -> None:
    context = fake_context(head_object={"ServerSideEncryption": encryption, "SSEKMSKeyId": "k"})
    refuse(context, "describe_key")
    found = encrypted_reference(context, "celebrity.jpg")
    assert bool(found) == is_locked
    if found:
        assert found.fix == "aws s3 cp s3://x/celebrity.jpg s3://x/celebrity.jpg --sse AES256"
