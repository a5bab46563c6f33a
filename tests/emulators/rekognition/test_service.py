"""The answers of the operations, and what the admin API tells of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulators.rekognition.harness import Server, StandInAws, another, error_of, stored


@pytest.mark.usefixtures("aws")
def test_compare_faces_in_s3(server: Server) -> None:
    client = server.client()
    same = client.compare_faces(SourceImage=stored("obama.jpg"), TargetImage=stored("obama2.jpg"))
    assert same["FaceMatches"][0]["Similarity"] > 95
    assert same["UnmatchedFaces"] == []
    assert set(same["SourceImageFace"]) == {"BoundingBox", "Confidence"}
    other = client.compare_faces(SourceImage=stored("obama.jpg"), TargetImage=stored("biden.jpg"))
    assert other["FaceMatches"] == []
    assert len(other["UnmatchedFaces"]) == 1
    assert same["SourceImageFace"] == other["SourceImageFace"]
    swapped = client.compare_faces(SourceImage=stored("biden.jpg"), TargetImage=stored("obama.jpg"))
    assert swapped["SourceImageFace"] != other["SourceImageFace"]


def test_compare_faces_with_bytes(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    answer = server.client().compare_faces(
        SourceImage={"Bytes": photos["obama.jpg"]},
        TargetImage={"Bytes": photos["obama3.jpg"]},
        SimilarityThreshold=99.99,
    )
    assert answer["FaceMatches"] == []
    assert {question["action"] for question in aws.asked} == {"rekognition:CompareFaces"}


@pytest.mark.usefixtures("aws")
def test_detect_faces(server: Server) -> None:
    client = server.client()
    [face] = client.detect_faces(Image=stored("obama.jpg"), Attributes=["ALL"])["FaceDetails"]
    assert set(face) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert client.detect_faces(Image=stored("landscape.jpg"))["FaceDetails"] == []


@pytest.mark.usefixtures("aws")
def test_there_are_no_collections(server: Server) -> None:
    answer = server.client().list_collections(MaxResults=1)
    assert (answer["CollectionIds"], answer["FaceModelVersions"]) == ([], [])


def test_keys_with_spaces_and_letters_of_other_languages(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    aws.objects["photos/images/Grüße an + #1.jpg"] = photos["obama.jpg"]
    found = server.client().detect_faces(Image=stored("Grüße an + #1.jpg"))
    assert len(found["FaceDetails"]) == 1
    assert aws.asked[-1]["resource"] == "arn:aws:s3:::photos/images/Grüße an + #1.jpg"


@pytest.mark.usefixtures("aws")
def test_what_it_tells_about_its_work(server: Server, photos: dict[str, bytes]) -> None:
    before = server.get("stats")
    client = server.client()
    new = {"Bytes": another(photos["obama.jpg"])}
    client.compare_faces(SourceImage=new, TargetImage=stored("biden.jpg"))
    error_of(client, SourceImage=stored("obama.jpg"), TargetImage=stored("landscape.jpg"))
    after = server.get("stats")
    assert after["calls"]["CompareFaces"] == before["calls"]["CompareFaces"] + 2
    assert 0.05 < after["seconds"] - before["seconds"] < 10
    compared, failed = server.get("comparisons")[-2:]
    assert compared["source"] == f"{len(new['Bytes'])} bytes"
    assert compared["target"] == "s3://photos/images/biden.jpg"
    assert 0 < compared["similarity"] < 5  # told even below the threshold
    assert compared["seconds"] > 0
    assert failed["error"] == "InvalidParameterException"


def test_each_picture_is_looked_at_once(server: Server, photos: dict[str, bytes]) -> None:
    """However often it is asked for, and by how many at once; another one is another matter."""
    client = server.client()
    reference, photo = ({"Bytes": another(photos[f"obama{number}.jpg"])} for number in (2, 3))

    def compare(threshold: int) -> tuple[float, float]:
        answer = client.compare_faces(
            SourceImage=reference, TargetImage=photo, SimilarityThreshold=threshold
        )
        similarities = [match["Similarity"] for match in answer["FaceMatches"]]
        return max(similarities, default=0), server.get("comparisons")[-1]["similarity"]

    with ThreadPoolExecutor(8) as threads:
        best = {one for one, _ in threads.map(compare, [80] * 8)}
    assert len(best) == 1
    looked = [note["seconds"] for note in server.get("comparisons")[-8:] if note["seconds"]]
    assert 1 <= len(looked) <= 2  # one request for each picture, or one for both
    before = server.get("stats")["seconds"]
    assert compare(100) == (0, *best)  # the threshold is not remembered
    assert server.get("stats")["seconds"] == before
    client.detect_faces(Image={"Bytes": another(photos["obama2.jpg"])})
    assert server.get("stats")["seconds"] > before


def test_two_comparisons_run_at_once(server: Server, aws: StandInAws) -> None:
    pairs = [("obama.jpg", "obama3.jpg"), ("biden.jpg", "obama2.jpg")] * 3

    def compare(pair: tuple[str, str]) -> int:
        source, target = (f"{threading.get_ident()} {name}" for name in pair)
        for name, original in zip((source, target), pair, strict=True):  # nobody has seen these
            data = aws.objects[f"photos/images/{original}"] + name.encode()
            aws.objects[f"photos/images/{name}"] = data
        images = {"SourceImage": stored(source), "TargetImage": stored(target)}
        answer = server.client().compare_faces(**images)
        return len(answer["FaceMatches"])

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(compare, pairs)) == [1, 0] * 3
