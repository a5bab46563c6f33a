"""RekognitionLambdaFunction: the exercise's starter, then compareFaces.py, the solution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kit.stack.stack import Stack
from kit.stack.template import code_of
from support import REPOSITORY, s3_event, wait_until
from support.photos import Photos, side_by_side
from support.systems import BorrowedSystem

STARTER = code_of("RekognitionLambdaFunction")
SOLUTION = (REPOSITORY / "scripts" / "compareFaces.py").read_text()


# The part of Lambda's context that the function uses.
CONTEXT = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: every caller of Rekognition meets the faults."""
    return own_system


@pytest.fixture(scope="module")
def starter(stack: Stack) -> Photos:
    return Photos(stack)


@pytest.fixture(scope="module")
def photos(starter: Photos) -> Photos:
    starter.stack.replace_code("RekognitionLambdaFunction", SOLUTION)
    return starter


@pytest.fixture
def face(pictures: dict[str, Path]) -> Callable[[str], bytes]:
    return lambda name: pictures[f"{name}.jpg"].read_bytes()


@pytest.fixture
def faults(system: BorrowedSystem) -> Iterator[Callable[..., None]]:
    """Let the emulated Rekognition fail."""

    def fail(code: str, times: int) -> None:
        fault = {"code": code, "times": times}
        system.admin("rekognition").post("faults", fault)

    yield fail
    fail("ThrottlingException", 0)


# The order of the tests is that of the workshop: first the starter, then the solution.


def test_the_starter_logs_what_arrived_and_no_more(
    starter: Photos, face: Callable[[str], bytes]
) -> None:
    media_key = starter.put(face("obama2"), media_key="3_starter")
    wait_until(lambda: "Photo images/3_starter.jpg arrived in" in starter.log())
    assert "outcome" not in starter.item(media_key)
    assert starter.mails(media_key) == []


def test_without_a_reference_the_log_says_what_to_upload_and_where(
    photos: Photos, face: Callable[[str], bytes]
) -> None:
    media_key = photos.put(face("obama2"), media_key="3_early")
    wait_until(lambda: "Photo images/3_early.jpg: not compared" in photos.log())
    advice = "celebrity.jpg is not there yet: upload a photo of one face by this name to"
    assert photos.log().count(f"{advice} {photos.bucket}") == 1
    assert "outcome" not in photos.item(media_key)
    photos.put_reference(face("obama"))
    photos.invoke(media_key, 1)
    assert photos.outcome(media_key) == "match"


def test_a_reference_without_a_face_is_told_from_a_post_without_one(
    photos: Photos, face: Callable[[str], bytes]
) -> None:
    photos.put_reference(face("landscape"))
    media_key = photos.put(face("obama2"), media_key="3_faceless_reference")
    wait_until(lambda: f"Photo images/{media_key}.jpg: not compared" in photos.log())
    assert "celebrity.jpg shows no face that Rekognition finds: upload a photo" in photos.log()
    assert "outcome" not in photos.item(media_key)
    photos.put_reference(face("obama"))
    faceless = photos.put(face("landscape"))
    assert photos.outcome(faceless) == "no face"
    assert photos.mails(faceless) == []


def test_a_match_is_kept_and_mailed(photos: Photos, face: Callable[[str], bytes]) -> None:
    media_key = photos.put(
        face("obama3"), text="Grüße 👋\nzweite Zeile", created_at="2026-11-22T10:00:00.000Z"
    )
    assert photos.outcome(media_key) == "match"
    (mail,) = wait_until(lambda: photos.mails(media_key))
    item = photos.item(media_key)
    assert float(item["similarity"]) > 95
    assert mail["to"] == "learner@example.com"
    assert len(mail["subject"]) < 100
    assert mail["subject"].isascii()
    for part in (
        f"Similarity: {float(item['similarity']):.2f} %",
        "Posted by @learner at 2026-11-22T10:00:00.000Z",
        "Text: Grüße 👋\nzweite Zeile",
        f"Post: https://x.com/learner/status/{item['post_id']}",
        f"/s3/object/{photos.bucket}?prefix=images/{media_key}.jpg",
    ):
        assert part in mail["body"]


def test_another_person_is_no_match(photos: Photos, face: Callable[[str], bytes]) -> None:
    media_key = photos.put(face("biden"))
    assert photos.outcome(media_key) == "other person"
    assert photos.mails(media_key) == []


def test_however_many_faces_match_there_is_one_mail(
    photos: Photos, face: Callable[[str], bytes], system: BorrowedSystem
) -> None:
    media_key = photos.put(side_by_side(face("obama2"), face("biden"), face("obama3")))
    assert photos.outcome(media_key) == "match"
    (_,) = wait_until(lambda: photos.mails(media_key))
    comparisons = system.admin("rekognition").get("comparisons")
    last = next(c for c in comparisons if media_key in c["target"])
    kept = float(photos.item(media_key)["similarity"])
    assert kept == pytest.approx(last["similarity"], abs=0.01)


def test_pictures_that_cannot_be_compared_are_named(
    photos: Photos, face: Callable[[str], bytes]
) -> None:
    truncated = photos.put(face("obama2")[:20_000])
    large = photos.put(face("obama2") + bytes(16 << 20))
    assert photos.outcome(truncated) == "unreadable"
    assert photos.outcome(large) == "too large"
    assert photos.mails(truncated) == photos.mails(large) == []


def test_the_same_event_many_times_at_once_is_one_comparison_kept_and_one_mail(
    photos: Photos, face: Callable[[str], bytes]
) -> None:
    media_key = photos.put(face("obama2"))
    photos.invoke(media_key, 5)
    line = f"Photo images/{media_key}.jpg: "
    wait_until(lambda: photos.log().count(line) == 6)
    assert photos.log().count(f"{line}compared before") == 5
    assert len(photos.mails(media_key)) == 1


def test_a_reference_whose_name_is_too_long_is_not_there(
    photos: Photos, face: Callable[[str], bytes]
) -> None:
    photos.s3.delete_object(Bucket=photos.bucket, Key="celebrity.jpg")
    photos.s3.put_object(Bucket=photos.bucket, Key="celebrity.jpg.jpg", Body=face("obama"))
    media_key = photos.put(face("obama2"), media_key="3_similar_name")
    wait_until(lambda: f"Photo images/{media_key}.jpg: not compared" in photos.log())
    photos.s3.delete_object(Bucket=photos.bucket, Key="celebrity.jpg.jpg")
    photos.put_reference(face("obama"))


def test_another_picture_by_the_same_key_is_compared(
    photos: Photos, face: Callable[[str], bytes]
) -> None:
    media_key = photos.put(face("biden"))
    assert photos.outcome(media_key) == "other person"
    key = f"images/{media_key}.jpg"
    photos.s3.put_object(Bucket=photos.bucket, Key=key, Body=face("obama2"))
    wait_until(lambda: photos.item(media_key)["outcome"] == "match")
    assert len(photos.mails(media_key)) == 1
    photos.s3.put_object(Bucket=photos.bucket, Key=key, Body=face("obama2"))
    wait_until(lambda: f"Photo {key}: compared before" in photos.log())
    assert len(photos.mails(media_key)) == 1


def test_a_photo_without_metadata_is_compared_all_the_same(
    photos: Photos, face: Callable[[str], bytes]
) -> None:
    key = "images/Zoë & me+you.jpg"
    photos.s3.put_object(Bucket=photos.bucket, Key=key, Body=face("obama2"))
    assert photos.outcome("Zoë & me+you") == "match"
    wait_until(lambda: any("Posted by @unknown" in m["body"] for m in photos.stack.aws.outbox()))


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_throttling_is_waited_out(
    photos: Photos, face: Callable[[str], bytes], faults: Callable[..., None], code: str
) -> None:
    faults(code, 2)
    media_key = photos.put(face("obama2"))
    assert photos.outcome(media_key) == "match"
    assert len(wait_until(lambda: photos.mails(media_key))) == 1


def test_a_mail_that_fails_is_sent_by_the_next_try(
    load: Callable[..., dict[str, Any]], photos: Photos, face: Callable[[str], bytes]
) -> None:
    photos.stack.replace_code("RekognitionLambdaFunction", STARTER)  # so that only we compare
    media_key = photos.put(face("obama2"), media_key="3_mail_fails")
    event = s3_event(photos.bucket, f"images/{media_key}.jpg")
    topic = photos.stack.resource("MatchTopic")
    broken = load(SOLUTION, "RekognitionLambdaFunction", TOPIC_ARN=f"{topic}-gone")
    with pytest.raises(Exception, match="NotFound"):
        broken["lambda_handler"](event, CONTEXT)
    assert "outcome" not in photos.item(media_key)
    load(SOLUTION, "RekognitionLambdaFunction")["lambda_handler"](event, CONTEXT)
    assert photos.outcome(media_key) == "match"
    assert len(photos.mails(media_key)) == 1


def test_one_comparison_for_each_photo_and_one_more_for_each_doubtful_reference(
    load: Callable[..., dict[str, Any]],
    photos: Photos,
    face: Callable[[str], bytes],
    system: BorrowedSystem,
) -> None:
    photos.stack.replace_code("RekognitionLambdaFunction", STARTER)
    function = load(SOLUTION, "RekognitionLambdaFunction")

    def calls() -> Counter[str]:
        stats = system.admin("rekognition").get("stats")
        return Counter(stats["calls"])

    def compare(name: str) -> int:
        before = calls()
        media_key = photos.put(face(name))
        function["lambda_handler"](s3_event(photos.bucket, f"images/{media_key}.jpg"), CONTEXT)
        made = calls() - before
        assert set(made) == {"CompareFaces"}  # and no DetectFaces
        return made["CompareFaces"]

    names = ["obama2", "biden", "landscape", "landscape", "obama3"]
    assert [compare(name) for name in names] == [1, 1, 2, 1, 1]
