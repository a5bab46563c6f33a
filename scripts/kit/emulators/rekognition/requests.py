"""The body of a request: the pictures and the threshold, each checked.

The words of the errors are the service's.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from kit.emulators.rekognition.errors import ImageTooLargeError, InvalidParameterError, ServiceError
from kit.http import body_of, parse_object
from kit.limits import MIB, REQUEST_IMAGE_BYTES

MAX_BODY = 16 * MIB  # two pictures of 5 MB in base64, and the rest of the request
QUALITY_FILTERS = ("NONE", "AUTO", "LOW", "MEDIUM", "HIGH")


@dataclass(frozen=True)
class Picture:
    """A picture of a request: its bytes, or its place in S3."""

    data: bytes = b""
    bucket: str = ""
    key: str = ""
    version: str = ""

    def __str__(self) -> str:
        """The picture's name in the list of comparisons."""
        return f"s3://{self.bucket}/{self.key}" if self.bucket else f"{len(self.data)} bytes"


async def read_body(request: Request) -> bytes:
    """Read a request, never storing more than 16 MB of it.

    Raises:
        ImageTooLargeError: it is too large.
    """
    try:
        return await body_of(request, MAX_BODY)
    except HTTPException:
        raise ImageTooLargeError from None


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises:
        ServiceError: it is none.
    """
    try:
        return parse_object(body)
    except HTTPException:
        message = "The request body is not a JSON object"
        raise ServiceError("SerializationException", message) from None


def picture_of(body: dict[str, Any], field: str) -> Picture:
    """Read one picture parameter, such as SourceImage: either Bytes or S3Object.

    Raises:
        ServiceError: missing, both, malformed or above 5 MB.
    """
    value = body.get(field)
    if value is None:
        raise invalid("null", field[0].lower() + field[1:], "not be null")
    if not isinstance(value, dict):
        raise ServiceError("SerializationException", f"{field} is not a structure")
    encoded, stored = value.get("Bytes"), value.get("S3Object")
    if (encoded is None) == (stored is None):
        raise InvalidParameterError
    if encoded is not None:
        try:
            data = base64.b64decode(encoded, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise ServiceError("SerializationException", f"{field} is not base64") from None
        if not data:
            name = field[0].lower() + field[1:] + ".bytes"
            empty = "'java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]'"  # the service's own words
            raise invalid(empty, name, "have length greater than or equal to 1")
        if len(data) > REQUEST_IMAGE_BYTES:
            raise ImageTooLargeError
        return Picture(data)
    parts = stored if isinstance(stored, dict) else {}
    place = [parts.get("Bucket"), parts.get("Name"), parts.get("Version", "")]
    if not all(isinstance(part, str) for part in place) or not all(place[:2]):
        raise ServiceError("InvalidS3ObjectException", "Request has invalid S3 object")
    return Picture(b"", *place)


def threshold_of(body: dict[str, Any]) -> float:
    """Read SimilarityThreshold (0 to 100, default 80), and check QualityFilter.

    QualityFilter is checked but not applied: its levels are the service's own.

    Raises:
        ServiceError: outside the API's constraints.
    """
    quality = body.get("QualityFilter", "NONE")
    if quality not in QUALITY_FILTERS:
        allowed = ", ".join(QUALITY_FILTERS)
        raise invalid(f"'{quality}'", "qualityFilter", f"satisfy enum value set: [{allowed}]")
    value = body.get("SimilarityThreshold", 80)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ServiceError("SerializationException", "SimilarityThreshold is not a number")
    if not value >= 0:
        raise invalid(f"'{value}'", "similarityThreshold", "have value greater than or equal to 0")
    if not value <= 100:
        raise invalid(f"'{value}'", "similarityThreshold", "have value less than or equal to 100")
    return float(value)


def invalid(value: object, name: str, constraint: str) -> ServiceError:
    """The error for a parameter that breaks a constraint of the API's model."""
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: "
        f"Member must {constraint}",
    )
