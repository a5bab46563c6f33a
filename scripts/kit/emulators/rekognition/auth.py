"""The caller of a request, and the caller's permissions, which the offline AWS has."""

from __future__ import annotations

import re
from dataclasses import dataclass

import requests
from starlette.requests import Request

from kit.emulators.rekognition.errors import ServiceError

CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/rekognition/aws4_request"
)


@dataclass(frozen=True)
class Caller:
    """The caller, from the SigV4 Authorization header. The signature is not verified."""

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
    """

    def __init__(self, aws_url: str) -> None:
        self.aws_url = aws_url

    def denial(self, caller: Caller, action: str, resource: str) -> str:
        """Return the message for a caller who may not do it; empty if permitted.

        An answer that is not clearly a yes is a no.
        """
        if not self.aws_url:
            return ""
        question = {"access_key": caller.access_key, "action": action, "resource": resource}
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy between the parts of offline mode
                answer = session.get(
                    f"{self.aws_url}/_workshop/authorize", params=question, timeout=10
                )
            verdict = answer.json() if answer.status_code == 200 else {}
        except (requests.RequestException, ValueError) as error:
            return f"{action} refused: the offline AWS did not answer ({type(error).__name__})"
        if isinstance(verdict, dict) and verdict.get("allowed") is True:
            return ""
        if isinstance(verdict, dict) and verdict.get("message"):
            return str(verdict["message"])
        return f"{action} refused: the offline AWS answered {answer.status_code} without a verdict"
