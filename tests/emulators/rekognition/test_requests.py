"""Pictures, parameters and requests that are refused."""

from __future__ import annotations

import io
import json
import struct
import urllib.error
import urllib.request
import zlib
from typing import Any

import pytest
from PIL import Image

from emulators.rekognition.harness import Server, StandInAws, error_of, stored


def declared_png(side: int) -> bytes:
    """A PNG of 45 bytes that says it has side × side pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = b"\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header))
    chunks += bytes(4) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    return b"\x89PNG\r\n\x1a\n" + chunks


def webp(photo: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(photo)).reduce(4).save(file, "WEBP")
    return file.getvalue()


def test_pictures_that_cannot_be_used(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    no_face = ("InvalidParameterException", "Request has invalid parameters")
    bad_format = ("InvalidImageFormatException", "Request has invalid image format")
    too_large = ("ImageTooLargeException", "Image size is too large")
    cases = {
        "text.jpg": (b"not a picture", bad_format),
        "empty.jpg": (b"", bad_format),
        "truncated.jpg": (photos["obama.jpg"][:50_000], bad_format),
        "webp.jpg": (webp(photos["obama.jpg"]), bad_format),
        "landscape.jpg": (photos["landscape.jpg"], no_face),
        "bomb.png": (declared_png(50_000), too_large),
        "large.jpg": (photos["obama.jpg"] + bytes(15 * 1024 * 1024), too_large),
    }
    client = server.client()
    for name, (data, expected) in cases.items():
        aws.objects[f"photos/images/{name}"] = data
        found = error_of(client, SourceImage=stored("obama.jpg"), TargetImage=stored(name))
        assert (name, found) == (name, expected)
        found = error_of(client, SourceImage=stored(name), TargetImage=stored("obama.jpg"))
        assert (name, found) == (name, expected)
    modeled = client.exceptions.InvalidImageFormatException
    with pytest.raises(modeled):
        client.detect_faces(Image=stored("text.jpg"))


def test_bytes_above_5_mb_and_bodies_above_16_mb(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    client = server.client()
    photo = photos["obama.jpg"]
    limit = 5 * 1024 * 1024
    fits = photo + bytes(limit - len(photo))  # JPEG decoders stop at the picture's end
    assert len(client.detect_faces(Image={"Bytes": fits})["FaceDetails"]) == 1
    code, message = error_of(client, "detect_faces", Image={"Bytes": b""})
    assert code == "ValidationException"
    assert message.endswith("Member must have length greater than or equal to 1")
    for size in (limit + 1, 20 * 1024 * 1024):
        code, _ = error_of(client, "detect_faces", Image={"Bytes": bytes(size)})
        assert (size, code) == (size, "ImageTooLargeException")
    aws.objects["photos/images/6mb.jpg"] = photo + bytes(6 * 1024 * 1024)  # S3's limit is 15 MB
    assert len(client.detect_faces(Image=stored("6mb.jpg"))["FaceDetails"]) == 1


@pytest.mark.usefixtures("aws")
def test_parameters(server: Server) -> None:
    client = server.client()
    photo = stored("obama.jpg")
    both = photo | {"Bytes": b"x"}
    good = {"SourceImage": photo, "TargetImage": photo}
    unnamed = {"S3Object": {"Bucket": "photos"}}
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"SourceImage": photo}, "ValidationException", "Value null at 'targetImage'"),
        ({"TargetImage": photo}, "ValidationException", "Value null at 'sourceImage'"),
        ({"SourceImage": {}, "TargetImage": photo}, "InvalidParameterException", "invalid param"),
        ({"SourceImage": photo, "TargetImage": both}, "InvalidParameterException", "invalid param"),
        ({"SourceImage": photo, "TargetImage": unnamed}, "InvalidS3ObjectException", "invalid S3"),
        (good | {"SimilarityThreshold": 101}, "ValidationException", "less than or equal to 100"),
        (good | {"SimilarityThreshold": -1}, "ValidationException", "greater than or equal to 0"),
        (good | {"QualityFilter": "BEST"}, "ValidationException", "enum value set"),
    ]
    for parameters, code, part in cases:
        found = error_of(client, **parameters)
        assert found[0] == code
        assert part in found[1]
    code, message = error_of(client, "detect_labels", Image=photo)
    assert code == "UnknownOperationException"
    assert "CompareFaces, DetectFaces, ListCollections, not 'DetectLabels'" in message


def post(url: str, body: bytes, **headers: str) -> tuple[int, str, dict[str, Any]]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, body, names))
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        parsed = json.loads(text) if text.startswith(b"{") else {}
        return answer.status, answer.headers.get("x-amzn-errortype", ""), parsed


def test_requests_that_boto3_would_not_send(server: Server) -> None:
    target = "RekognitionService.DetectFaces"
    credential = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/rekognition/aws4_request, x"
    status, code, body = post(server.url, b"{}", X_Amz_Target=target)
    assert (status, code) == (400, "MissingAuthenticationTokenException")
    assert body["__type"] == code
    for text in (b"{", b"[1]", b'"x"', b"\xff"):
        found = post(server.url, text, X_Amz_Target=target, Authorization=credential)
        assert found[:2] == (400, "SerializationException")
    for image in (1, "x", {"Bytes": 1}, {"Bytes": "%%"}, {"S3Object": 1}):
        text = json.dumps({"Image": image}).encode()
        status, code, _ = post(server.url, text, X_Amz_Target=target, Authorization=credential)
        assert (status, code != "") == (400, True)
    assert post(server.url, b"{}")[1] == "UnknownOperationException"
    assert post(server.url, b"{}", X_Amz_Target=target, Host="evil.example")[:2] == (421, "")
    admin = server.admin
    assert admin.session.post(f"{admin.url}faults", data=b"{}", timeout=60).status_code == 400
