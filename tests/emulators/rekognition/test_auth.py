"""Callers need permission, for the operation and for each object."""

from __future__ import annotations

import pytest

from emulators.rekognition.harness import Server, StandInAws, error_of, stored

UNREADABLE = (
    "Unable to get object metadata from S3. Check object key, region and/or access permissions."
)


@pytest.mark.parametrize("operation", ["CompareFaces", "DetectFaces", "ListCollections"])
def test_callers_need_permission(server: Server, aws: StandInAws, operation: str) -> None:
    action = f"rekognition:{operation}"
    aws.denied = {action}
    photo = stored("obama.jpg")
    call = {
        "CompareFaces": ("compare_faces", {"SourceImage": photo, "TargetImage": photo}),
        "DetectFaces": ("detect_faces", {"Image": photo}),
        "ListCollections": ("list_collections", {}),
    }[operation]
    code, message = error_of(server.client(key="AKIALAMBDA"), call[0], **call[1])
    assert code == "AccessDeniedException"
    assert message == f"User: me is not authorized to perform: {action}"
    assert aws.asked == [{"access_key": "AKIALAMBDA", "action": action, "resource": "*"}]


def test_callers_need_permission_for_each_object(server: Server, aws: StandInAws) -> None:
    client = server.client()
    photo = stored("obama.jpg")
    client.compare_faces(SourceImage=photo, TargetImage=stored("obama2.jpg"))
    resources = [q["resource"] for q in aws.asked if q["action"] == "s3:GetObject"]
    assert resources == [f"arn:aws:s3:::photos/images/{n}.jpg" for n in ("obama", "obama2")]
    missing = stored("missing.jpg")
    expected = ("InvalidS3ObjectException", UNREADABLE)
    assert error_of(client, SourceImage=photo, TargetImage=missing) == expected
    assert error_of(client, SourceImage=missing, TargetImage=photo) == expected
    elsewhere = stored("obama.jpg", bucket="elsewhere")
    assert error_of(client, SourceImage=elsewhere, TargetImage=photo) == expected
    aws.denied = {"s3:GetObject"}
    assert error_of(client, SourceImage=photo, TargetImage=photo) == expected


def test_no_verdict_is_a_no(server: Server, aws: StandInAws) -> None:
    aws.verdict_status = 404
    code, message = error_of(server.client(), "detect_faces", Image=stored("obama.jpg"))
    assert code == "AccessDeniedException"
    assert "404" in message
