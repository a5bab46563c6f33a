"""An error as the service sends it; those of pictures are in faces.py."""

from __future__ import annotations

MESSAGES = {  # of errors that no request is to blame for; from "Error handling"
    "InternalServerError": "Internal server error",
    "ProvisionedThroughputExceededException": "Provisioned Rate exceeded",
    "ThrottlingException": "Slow down; sudden increase in rate of requests",
}


class ServiceError(Exception):
    """An error as the service sends it: code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        """Most of the service's errors have the status 400."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
