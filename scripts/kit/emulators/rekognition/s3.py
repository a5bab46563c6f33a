"""The pictures in S3 of the offline AWS, read with the caller's permission."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kit.emulators.rekognition.auth import Auth, Caller
from kit.emulators.rekognition.errors import ImageTooLargeError, unreadable_object
from kit.emulators.rekognition.requests import Picture
from kit.limits import S3_IMAGE_BYTES


class S3:
    """The objects of the offline AWS.

    Args:
        aws_url: its address, such as http://127.0.0.1:4566.
        auth: knows the permissions.
        account: the keys of its owner; whether the caller may read an object is asked before.
    """

    def __init__(self, aws_url: str, auth: Auth, account: Mapping[str, str]) -> None:
        self.aws_url = aws_url
        self.account = account
        self.auth = auth
        self.client = lru_cache(maxsize=32)(self._client)

    def _client(self, region: str) -> Any:
        # A session of its own: boto3's default one is not made for several threads.
        return boto3.Session().client(
            "s3",
            endpoint_url=self.aws_url,
            region_name=region,
            aws_access_key_id=self.account["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.account["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                connect_timeout=5,
                read_timeout=20,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"},
                proxies={},
            ),
        )

    def read(self, caller: Caller, picture: Picture) -> bytes:
        """Read a picture with the caller's permission.

        Raises:
            ServiceError: no such object, or the caller may not read it: the service says the same
                for both; or it has more than 15 MB.
        """
        location = {"Bucket": picture.bucket, "Key": picture.key}
        if picture.version:
            location["VersionId"] = picture.version
        arn = f"arn:aws:s3:::{picture.bucket}/{picture.key}"
        if self.auth.denial(caller, "s3:GetObject", arn):
            raise unreadable_object()
        try:
            found = self.client(caller.region).get_object(**location)
            with contextlib.closing(found["Body"]) as stream:
                if found["ContentLength"] > S3_IMAGE_BYTES:
                    raise ImageTooLargeError
                data: bytes = stream.read()
                return data
        except (BotoCoreError, ClientError):
            raise unreadable_object() from None
