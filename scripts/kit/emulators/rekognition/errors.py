"""Errors as the service sends them."""

from __future__ import annotations

from typing import ClassVar

MESSAGES = {  # of errors that no request is to blame for; from "Error handling"
    "InternalServerError": "Internal server error",
    "ProvisionedThroughputExceededException": "Provisioned Rate exceeded",
    "ThrottlingException": "Slow down; sudden increase in rate of requests",
}


class ServiceError(Exception):
    """An error of the service: code, message and HTTP status; most have the status 400."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class FaceError(ServiceError):
    """No answer is possible for a picture."""

    CODE: ClassVar[str]
    MESSAGE: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.CODE, self.MESSAGE)

    def __reduce__(self) -> tuple[type[FaceError], tuple[()]]:
        """Survive the pipe of a worker."""
        return type(self), ()


class InvalidImageFormatError(FaceError):
    """Neither JPEG nor PNG, or damaged."""

    CODE = "InvalidImageFormatException"
    MESSAGE = "Request has invalid image format"


class ImageTooLargeError(FaceError):
    """More bytes or pixels than allowed."""

    CODE = "ImageTooLargeException"
    MESSAGE = "Image size is too large"


class InvalidParameterError(FaceError):
    """No face, or a picture below 80 pixels. The service does not say in which picture."""

    CODE = "InvalidParameterException"
    MESSAGE = "Request has invalid parameters"


def unreadable_object() -> ServiceError:
    """The service's error for an S3 object that it cannot read, whatever the cause."""
    return ServiceError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access "
        "permissions.",
    )
