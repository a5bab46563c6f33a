"""The account at the offline AWS that the service asks: who may do what, and pictures in S3."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kit.emulators.rekognition import faces
from kit.emulators.rekognition.errors import ServiceError
from kit.emulators.rekognition.request import Caller, Picture

MAX_S3_BYTES = 15 * 1024 * 1024  # a picture in S3


class Account:
    """What the service itself asks of AWS: who may what, and the objects in S3."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is its address, such as http://127.0.0.1:4566."""
        self.endpoint = endpoint.rstrip("/")
        self.s3 = lru_cache(maxsize=32)(self._s3)

    def _s3(self, region: str) -> Any:
        return boto3.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                connect_timeout=5,
                read_timeout=20,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"},
                proxies={},
            ),
        )

    def refusal(self, caller: Caller, action: str, resource: str) -> str:
        """Why the caller may not do it; empty if it may. No clear yes is a no."""
        question = {"access_key": caller.access_key, "action": action, "resource": resource}
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy between the parts of offline mode
                answer = session.get(
                    f"{self.endpoint}/_workshop/authorize", params=question, timeout=10
                )
            verdict = answer.json() if answer.status_code == 200 else {}
        except (requests.RequestException, ValueError) as error:
            return f"{action} refused: the offline AWS did not answer ({type(error).__name__})"
        if isinstance(verdict, dict) and verdict.get("allowed") is True:
            return ""
        if isinstance(verdict, dict) and verdict.get("message"):
            return str(verdict["message"])
        return f"{action} refused: the offline AWS answered {answer.status_code} without a verdict"

    def read(self, caller: Caller, picture: Picture) -> bytes:
        """Read a picture from S3 with the caller's permission.

        Raises:
            ServiceError: no such object, or the caller may not read it: the service says the same
                for both.
            FaceError: above 15 MB.
        """
        arn = f"arn:aws:s3:::{picture.bucket}/{picture.key}"
        place = {"Bucket": picture.bucket, "Key": picture.key}
        if picture.version:
            place["VersionId"] = picture.version
        if self.refusal(caller, "s3:GetObject", arn):
            raise unreadable()
        try:
            found = self.s3(caller.region).get_object(**place)
            with contextlib.closing(found["Body"]) as stream:
                if found["ContentLength"] > MAX_S3_BYTES:
                    raise faces.ImageTooLargeError
                data: bytes = stream.read()
                return data
        except (BotoCoreError, ClientError):
            raise unreadable() from None


def unreadable() -> ServiceError:
    """The service's error for an S3 object that it cannot read, whatever the reason."""
    return ServiceError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access "
        "permissions.",
    )
