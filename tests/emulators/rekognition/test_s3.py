"""The pictures in S3, read from the emulated AWS itself, which verifies the signatures."""

from __future__ import annotations

import pytest

from emulators.resources import new_bucket
from kit.emulators.rekognition.auth import Auth, Caller
from kit.emulators.rekognition.errors import ImageTooLargeError, ServiceError
from kit.emulators.rekognition.requests import Picture
from kit.emulators.rekognition.s3 import S3
from kit.keys import TOKEN
from kit.limits import S3_IMAGE_BYTES
from support.systems import BorrowedSystem


@pytest.fixture(scope="module")
def bucket(system: BorrowedSystem) -> str:
    return new_bucket(system.aws)


def read(system: BorrowedSystem, picture: Picture) -> bytes:
    """Read a picture as the account's owner."""
    aws = system.aws
    reader = S3(aws.url, Auth(aws.url, aws.keys[TOKEN]), aws.keys)
    return reader.read(Caller(aws.keys["AWS_ACCESS_KEY_ID"], aws.region), picture)


@pytest.mark.parametrize("key", ["a b+c%20.jpg", "é/ü?x=1&y#.jpg", "a/../b//./c.jpg", "~/a:b*.jpg"])
def test_every_key_is_found(system: BorrowedSystem, bucket: str, key: str) -> None:
    system.aws.client("s3").put_object(
        Bucket=bucket, Key=key, Body=key.encode(), ContentEncoding="gzip"
    )
    assert read(system, Picture(b"", bucket, key)) == key.encode()  # as it is, not unpacked


def test_a_version_is_found(system: BorrowedSystem, bucket: str) -> None:
    s3 = system.aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [
        s3.put_object(Bucket=bucket, Key="v", Body=body)["VersionId"] for body in (b"1", b"2")
    ]
    found = [read(system, Picture(b"", bucket, "v", version)) for version in (*versions, "")]
    assert found == [b"1", b"2", b"2"]


def test_what_is_too_large_or_not_there(system: BorrowedSystem, bucket: str) -> None:
    s3 = system.aws.client("s3")
    s3.put_object(Bucket=bucket, Key="largest", Body=bytes(S3_IMAGE_BYTES))
    s3.put_object(Bucket=bucket, Key="larger", Body=bytes(S3_IMAGE_BYTES + 1))
    assert len(read(system, Picture(b"", bucket, "largest"))) == S3_IMAGE_BYTES
    with pytest.raises(ImageTooLargeError):
        read(system, Picture(b"", bucket, "larger"))
    for place in [(bucket, "none"), ("no-such-bucket", "a"), (bucket, "largest", "no-version")]:
        with pytest.raises(ServiceError) as caught:
            read(system, Picture(b"", *place))
        assert caught.value.code == "InvalidS3ObjectException"
