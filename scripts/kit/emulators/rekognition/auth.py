"""The caller of a request, and the caller's permissions, which the offline AWS has."""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

import requests
from starlette.requests import Request

from kit.admin_client import AdminClient
from kit.emulators.rekognition.errors import ServiceError

TIMEOUT = 10  # seconds

CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/rekognition/aws4_request"
)


class Caller(NamedTuple):
    """The caller, from the SigV4 Authorization header."""

    access_key: str
    region: str


def caller_of(request: Request) -> Caller:
    """Read the caller.

    Raises:
        ServiceError: the request is not signed.
    """
    match = CREDENTIAL.match(request.headers.get("authorization", ""))
    if match is None:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    return Caller(match[1], match[2])


class Auth:
    """Asks the offline AWS, which has the roles and their policies.

    Args:
        aws_url: its address, such as http://127.0.0.1:4566; empty: everything is permitted.
        token: the workshop's.
    """

    def __init__(self, aws_url: str, token: str) -> None:
        self.aws = AdminClient(aws_url, token, TIMEOUT) if aws_url else None

    def authenticate(self, request: Request, body: bytes) -> Caller:
        """Find out who has signed a request.

        Raises:
            ServiceError: nobody, or somebody whom the offline AWS does not know.
        """
        caller = caller_of(request)
        if not self.aws:
            return caller
        signed = {
            "access_key": caller.access_key,
            "method": request.method,
            "path": request.scope["raw_path"].decode("latin-1"),
            "query": request.scope["query_string"].decode("latin-1"),
            "headers": request.headers.items(),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        try:
            error: dict[str, Any] | None = self.aws.post("authenticate", signed).json()
        except (requests.RequestException, ValueError) as problem:
            message = f"The offline AWS did not answer ({type(problem).__name__})"
            raise ServiceError("UnrecognizedClientException", message) from None
        if error is not None:
            raise ServiceError(error["code"], error["message"], error["status"])
        return caller

    def denial(self, caller: Caller, action: str, resource: str) -> str:
        """Return the message for a caller who may not do it; empty if permitted.

        An answer that is not clearly a yes is a no.
        """
        if not self.aws:
            return ""
        question = {"access_key": caller.access_key, "action": action, "resource": resource}
        try:
            verdict = self.aws.get("authorize", **question)
        except requests.HTTPError as error:
            status = error.response.status_code
            return f"{action} refused: the offline AWS answered {status} without a verdict"
        except (requests.RequestException, ValueError) as error:
            return f"{action} refused: the offline AWS did not answer ({type(error).__name__})"
        if isinstance(verdict, dict) and verdict.get("allowed") is True:
            return ""
        if isinstance(verdict, dict) and verdict.get("message"):
            return str(verdict["message"])
        return f"{action} refused: the offline AWS answered without a verdict"
