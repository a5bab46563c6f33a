"""The pictures in S3 of the offline AWS, read with the caller's permission.

The request is signed with what boto3 itself signs with. To import all of boto3 and make a client
takes longer than all else that this process does until it answers.

AWS: S3 API Reference, "GetObject".
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

from kit.emulators.rekognition.auth import Auth, Caller
from kit.emulators.rekognition.errors import ImageTooLargeError, unreadable_object
from kit.emulators.rekognition.requests import Picture
from kit.limits import S3_IMAGE_BYTES


class Credentials(NamedTuple):
    """Keys as botocore's signature wants them."""

    access_key: str
    secret_key: str
    token: None = None


class S3:
    """The objects of the offline AWS.

    Args:
        aws_url: its address, such as http://127.0.0.1:4566.
        auth: knows the permissions.
        account: the keys of its owner; whether the caller may read an object is asked before.
    """

    def __init__(self, aws_url: str, auth: Auth, account: Mapping[str, str]) -> None:
        self.aws_url = aws_url
        self.auth = auth
        self.credentials = Credentials(
            account["AWS_ACCESS_KEY_ID"], account["AWS_SECRET_ACCESS_KEY"]
        )
        self.connections = urllib3.connection_from_url(
            aws_url, maxsize=4, timeout=urllib3.Timeout(connect=5, read=20), retries=1
        )

    def read(self, caller: Caller, picture: Picture) -> bytes:
        """Read a picture with the caller's permission.

        Raises:
            ServiceError: no such object, or the caller may not read it: the service says the same
                for both; or it has more than 15 MB.
        """
        arn = f"arn:aws:s3:::{picture.bucket}/{picture.key}"
        if self.auth.denial(caller, "s3:GetObject", arn):
            raise unreadable_object()
        try:
            with contextlib.closing(self.get_object(caller.region, picture)) as found:
                data: bytes = found.read(S3_IMAGE_BYTES + 1, decode_content=False)
        except urllib3.exceptions.HTTPError:
            raise unreadable_object() from None
        if found.status != 200:
            raise unreadable_object()
        if len(data) > S3_IMAGE_BYTES:
            raise ImageTooLargeError
        return data

    def get_object(self, region: str, picture: Picture) -> urllib3.BaseHTTPResponse:
        """The answer of S3, of which the body is not yet read."""
        path = f"/{quote(picture.bucket, safe='')}/{quote(picture.key, safe='/~')}"
        if picture.version:
            path += f"?versionId={quote(picture.version, safe='')}"
        request = AWSRequest("GET", self.aws_url + path)
        S3SigV4Auth(self.credentials, "s3", region).add_auth(request)
        headers = dict(request.headers.items())
        return self.connections.request(
            "GET", path, headers=headers, redirect=False, preload_content=False
        )
