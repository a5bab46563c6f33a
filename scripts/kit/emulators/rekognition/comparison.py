"""Faces compared, and described as the service does. Here is no picture: `faces` finds them.

AWS: Rekognition API Reference, pages "CompareFaces", "DetectFaces" and "FaceDetail".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from kit.emulators.rekognition.errors import InvalidParameterError


@dataclass(frozen=True)
class Face:
    """One face. Lengths are ratios of the picture's width and height, as in the service."""

    left: float
    top: float
    width: float
    height: float
    confidence: float  # 0 to 100, own scale: 50 is the detector's limit
    eye_left: tuple[float, float]  # the one at the left in the picture
    eye_right: tuple[float, float]
    roll: float  # degrees; positive when the right eye is the lower one
    brightness: float  # 0 to 100, own scale
    sharpness: float  # 0 to 100, own scale
    descriptor: tuple[float, ...]  # 128 numbers; see `faces`

    @property
    def area(self) -> float:
        """Part of the picture that the face covers, 0 to 1."""
        return self.width * self.height

    def source_face(self) -> dict[str, Any]:
        """The service's answer for the face of the source image."""
        return {
            "BoundingBox": {
                "Left": self.left,
                "Top": self.top,
                "Width": self.width,
                "Height": self.height,
            },
            "Confidence": self.confidence,
        }

    def details(self) -> dict[str, Any]:
        """The service's answer for other faces; pitch, yaw, age, emotions cannot be computed."""
        eyes = {"eyeLeft": self.eye_left, "eyeRight": self.eye_right}
        return self.source_face() | {
            "Landmarks": [{"Type": name, "X": x, "Y": y} for name, (x, y) in eyes.items()],
            "Pose": {"Roll": self.roll},
            "Quality": {"Brightness": self.brightness, "Sharpness": self.sharpness},
        }


def similarity(one: Face, other: Face) -> float:
    """The similarity of two faces, 0 to 100.

    The curve is fitted to photos: a distance of 0.55 becomes 80, the service's default threshold,
    which no two different people of 2,964 pairs reached.
    """
    distance = math.dist(one.descriptor, other.descriptor)
    return 100 / (1 + math.exp(20 * (distance - 0.6193)))


def compare(
    source: list[Face], target: list[Face], threshold: float = 80.0
) -> tuple[dict[str, Any], float]:
    """Compare the largest face of a source picture with every face of a target, like CompareFaces.

    Args:
        source: the faces of one picture, largest first.
        target: the faces of the other.
        threshold: 0 to 100; faces at least this similar are matches.

    Returns:
        The service's answer, and the best similarity, which the answer lacks below the threshold.

    Raises:
        InvalidParameterError: one of them shows no face.
    """
    if not source or not target:
        raise InvalidParameterError
    by_similarity = sorted(
        ((similarity(source[0], face), face) for face in target),
        key=lambda pair: pair[0],
        reverse=True,
    )
    answer = {
        "SourceImageFace": source[0].source_face(),
        "FaceMatches": [
            {"Similarity": value, "Face": face.details()}
            for value, face in by_similarity
            if value >= threshold
        ],
        "UnmatchedFaces": [face.details() for value, face in by_similarity if value < threshold],
    }
    return answer, by_similarity[0][0]


def describe(found: list[Face]) -> dict[str, Any]:
    """Describe every face of a picture, like DetectFaces; no face gives an empty list."""
    return {"FaceDetails": [face.details() for face in found]}
