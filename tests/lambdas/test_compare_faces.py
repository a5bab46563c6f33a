"""compareFaces.py, function by function; Rekognition answers as the test says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.account import Account, prefixes_asked_for
from lambdas.loading import NO_PHOTO, SOLUTION, WITHOUT_PHOTO
from support import s3_event

NOW = 1_700_000_000
POST = {
    "username": "fan",
    "created_at": "2026-11-22T10:00:00Z",
    "text": "Look who is here",
    "post_id": "77",
}


def faces(*similarities: float) -> dict[str, Any]:
    """Rekognition's answer: the faces that match."""
    return {"FaceMatches": [{"Similarity": similarity} for similarity in similarities]}


class Exercise:
    """The solution, loaded; with a Rekognition, a clock and a topic of the test's own.

    Attributes:
        names: of the solution's module.
        answers: what Rekognition answers, by target: an answer, or the name of an exception.
        compared: the targets it was asked for.
        mails: that were published; where `mail_error` is set, publishing raises it.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.names = account.load(SOLUTION, "compareFaces", SIMILARITY_THRESHOLD="87.5")
        self.answers: dict[str, dict[str, Any] | str] = {"celebrity.jpg": faces(100.0)}
        self.compared: list[str] = []
        self.mails: list[dict[str, str]] = []
        self.mail_error: Exception | None = None
        self.exceptions = self.names["rekognition"].exceptions
        self.names["rekognition"].compare_faces = self.compare_faces
        self.names["sns"].publish = self.publish
        self.names["time"] = SimpleNamespace(time=lambda: NOW + 0.9)

    def compare_faces(self, **request: Any) -> dict[str, Any]:
        target = request["TargetImage"]["S3Object"]["Name"]
        bucket = self.account.bucket
        assert request == {
            "SourceImage": {"S3Object": {"Bucket": bucket, "Name": "celebrity.jpg"}},
            "TargetImage": {"S3Object": {"Bucket": bucket, "Name": target}},
            "SimilarityThreshold": 87.5,
        }
        self.compared.append(target)
        answer = self.answers[target]
        if isinstance(answer, str):
            error = {"Error": {"Code": answer, "Message": "m"}}
            raise self.exceptions.from_code(answer)(error, "CompareFaces")
        return answer

    def publish(self, **mail: str) -> None:
        if self.mail_error:
            raise self.mail_error
        self.mails.append(mail)

    def process(
        self,
        media_key: str,
        answer: dict[str, Any] | str,
        request_id: str = "me",
        etag: str = "picture",
        milliseconds: int = 60_000,
    ) -> str:
        """Let the solution process a photo to which Rekognition answers so."""
        key = f"images/{media_key}.jpg"
        self.answers[key] = answer
        context = SimpleNamespace(
            aws_request_id=request_id, get_remaining_time_in_millis=lambda: milliseconds
        )
        result: str = self.names["process"](self.account.bucket, key, etag, context)
        return result


@pytest.fixture
def exercise(account: Account) -> Exercise:
    account.put("celebrity.jpg", b"a reference")
    return Exercise(account)


def test_a_match_is_kept_and_mailed(exercise: Exercise, account: Account) -> None:
    account.put_item("match", **POST)
    assert exercise.process("match", faces(90.125, 99.996, 88)) == "match, similarity 100.00 %"
    assert account.item("match") == {
        "media_key": "match",
        **POST,
        "outcome": "match",
        "similarity": "100",
        "etag": "picture",
    }
    (mail,) = exercise.mails
    assert mail == {
        "TopicArn": account.topic,
        "Subject": "Possible match for your favorite celebrity: 99 % similar",
        "Message": f"""Similarity: 100.00 %
Posted by @fan at 2026-11-22T10:00:00Z
Text: Look who is here
Post: https://x.com/fan/status/77
Photo: https://console.aws.amazon.com/s3/object/{account.bucket}?prefix=images/match.jpg""",
    }


def test_a_match_without_metadata_is_mailed_all_the_same(
    exercise: Exercise, account: Account
) -> None:
    assert exercise.process("Zoë & me", faces(88.5)) == "match, similarity 88.50 %"
    (mail,) = exercise.mails
    prefix = "images/Zo%C3%AB%20%26%20me.jpg"
    assert mail["Message"] == (
        "Similarity: 88.50 %\nPosted by @unknown at unknown\nText: \n"
        "Post: https://x.com/unknown/status/\n"
        f"Photo: https://console.aws.amazon.com/s3/object/{account.bucket}?prefix={prefix}"
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (faces(), "other person"),
        ("InvalidParameterException", "no face"),
        ("InvalidImageFormatException", "unreadable"),
        ("ImageTooLargeException", "too large"),
    ],
)
def test_a_photo_that_is_no_match_is_kept_and_not_mailed(
    exercise: Exercise, account: Account, answer: dict[str, Any] | str, outcome: str
) -> None:
    media_key = outcome.replace(" ", "_")
    assert exercise.process(media_key, answer) == f"{outcome}, similarity 0.00 %"
    kept = {"media_key": media_key, "outcome": outcome, "similarity": "0", "etag": "picture"}
    assert account.item(media_key) == kept
    assert exercise.process(media_key, faces(99)) == "compared before"
    assert account.item(media_key) == kept
    assert exercise.compared.count(f"images/{media_key}.jpg") == 1
    assert exercise.mails == []


@pytest.mark.parametrize(
    ("key", "media_key"),
    [
        ("images/a.b.jpg", "a.b"),
        ("a.jpg.images/", "a.jpg.images/"),
        ("images/.jpg", "images/.jpg"),
    ],
)
def test_the_item_of_a_photo(
    exercise: Exercise, account: Account, key: str, media_key: str
) -> None:
    exercise.answers[key] = faces()
    exercise.names["process"](account.bucket, key, "picture", None)
    assert (account.item(media_key) or {})["outcome"] == "other person"


def test_whether_a_photo_was_compared_is_read_as_it_is_now(exercise: Exercise) -> None:
    """An eventual read could miss what another try has just written."""
    asked: list[dict[str, Any]] = []
    events = exercise.names["table"].meta.client.meta.events
    events.register(
        "provide-client-params.dynamodb.GetItem", lambda params, **_: asked.append(params)
    )
    exercise.process("read", faces())
    assert [request["ConsistentRead"] for request in asked] == [True]


# --- the reference photo --------------------------------------------------------------------------

ADVICE = "upload a photo of one face by this name to"
UNUSABLE = ["InvalidParameterException", "InvalidImageFormatException", "ImageTooLargeException"]


def test_without_a_reference_nothing_is_kept(
    exercise: Exercise, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.s3.delete_object(Bucket=account.bucket, Key="celebrity.jpg")
    account.put("another.jpg", b"not the reference")
    assert exercise.process("early", "InvalidS3ObjectException") == "not compared"
    said = f"celebrity.jpg is not there yet: {ADVICE} {account.bucket}\n"
    assert capsys.readouterr().out == said
    assert account.item("early") is None
    assert exercise.compared == ["images/early.jpg"]
    assert exercise.names["compare_if_possible"](account.bucket, "images/early.jpg") == (
        *("not compared", 0),
    )


@pytest.mark.parametrize("error", UNUSABLE)
@pytest.mark.parametrize("reference", UNUSABLE)
def test_a_useless_reference_is_not_the_photo_s_fault(
    exercise: Exercise,
    account: Account,
    capsys: pytest.CaptureFixture[str],
    error: str,
    reference: str,
) -> None:
    exercise.answers["celebrity.jpg"] = reference
    assert exercise.process("faceless", error) == "not compared"
    said = f"celebrity.jpg shows no face that Rekognition finds: {ADVICE} {account.bucket}\n"
    assert capsys.readouterr().out == said
    assert account.item("faceless") is None
    assert exercise.compared == ["images/faceless.jpg", "celebrity.jpg"]


def test_a_reference_that_does_not_match_itself_shows_a_face(
    exercise: Exercise, account: Account
) -> None:
    """With a threshold of 100 it does not: the same picture is 99.99 % similar."""
    exercise.answers["celebrity.jpg"] = faces()
    assert exercise.process("strict", "InvalidParameterException") == "no face, similarity 0.00 %"


@pytest.mark.parametrize("name", ["celebrity.jpg.jpg", "celebrity.jpg (1)", "celebrity.jpg/me.jpg"])
def test_a_name_that_begins_alike_is_not_the_reference(
    exercise: Exercise, account: Account, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    account.s3.delete_object(Bucket=account.bucket, Key="celebrity.jpg")
    account.put(name, b"a reference")
    prefixes = prefixes_asked_for(exercise.names["s3"])
    assert exercise.process("alike", "InvalidS3ObjectException") == "not compared"
    assert prefixes == ["celebrity.jpg"]  # S3 lists 1,000 objects at most
    account.s3.delete_object(Bucket=account.bucket, Key=name)
    said = f"celebrity.jpg is not there yet: {ADVICE} {account.bucket}\n"
    assert capsys.readouterr().out == said


def test_a_reference_is_compared_with_itself_once_for_each_upload(
    exercise: Exercise, account: Account
) -> None:
    for number in (1, 2):
        exercise.process(f"uploaded_{number}", "InvalidParameterException")
    assert exercise.compared.count("celebrity.jpg") == 1
    account.put("celebrity.jpg", b"another reference")
    exercise.process("uploaded_3", "InvalidParameterException")
    assert exercise.compared.count("celebrity.jpg") == 2


def test_a_photo_that_is_not_there_yet_is_tried_again(exercise: Exercise, account: Account) -> None:
    with pytest.raises(exercise.exceptions.InvalidS3ObjectException):
        exercise.process("late", "InvalidS3ObjectException")
    assert account.item("late") is None


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_what_may_pass_is_tried_again(exercise: Exercise, account: Account, code: str) -> None:
    media_key = f"busy_{code}"
    with pytest.raises(exercise.exceptions.ClientError, match=code):
        exercise.process(media_key, code)
    exercise.answers["celebrity.jpg"] = code
    with pytest.raises(exercise.exceptions.ClientError, match=code):
        exercise.process(media_key, "InvalidParameterException")
    assert account.item(media_key) is None
    assert exercise.process(media_key, faces(95)) == "match, similarity 95.00 %"


# --- the lease ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "expires", "mailed"),
    [
        ("other", NOW + 1, False),
        ("other", NOW, True),
        ("other", NOW - 1, True),
        ("me", NOW + 1, True),
    ],
)
def test_only_the_owner_of_the_lease_mails(
    exercise: Exercise, account: Account, owner: str, expires: int, mailed: bool
) -> None:
    media_key = f"lease_{owner}_{expires}"
    lease: dict[str, str | int] = {"lease_owner": owner, "lease_expires": expires}
    account.put_item(media_key, **lease)
    if mailed:
        assert exercise.process(media_key, faces(95)) == "match, similarity 95.00 %"
    else:
        with pytest.raises(exercise.exceptions.ClientError, match="ConditionalCheckFailed"):
            exercise.process(media_key, faces(95))
    assert len(exercise.mails) == mailed
    left = account.item(media_key) or {}
    assert left.get("outcome") == ("match" if mailed else None)
    assert left.get("lease_owner") == (None if mailed else owner)
    assert left.get("lease_expires") == (None if mailed else str(expires))


@pytest.mark.parametrize(("milliseconds", "seconds"), [(59_999, 59), (60_000, 60)])
def test_the_lease_lasts_as_long_as_the_invocation(
    exercise: Exercise, account: Account, milliseconds: int, seconds: int
) -> None:
    held: list[dict[str, str] | None] = []
    media_key = f"held_{seconds}"
    exercise.names["sns"].publish = lambda **_: held.append(account.item(media_key))
    exercise.process(media_key, faces(95), "this one", milliseconds=milliseconds)
    lease = {"lease_owner": "this one", "lease_expires": str(NOW + seconds)}
    assert held == [{"media_key": media_key} | lease]


def test_a_photo_that_another_try_has_finished_meanwhile_is_not_mailed(
    exercise: Exercise, account: Account
) -> None:
    answer = exercise.compare_faces

    def compare_slowly(**request: Any) -> dict[str, Any]:
        account.put_item("overtaken", outcome="match", etag="picture")
        return answer(**request)

    exercise.names["rekognition"].compare_faces = compare_slowly
    with pytest.raises(exercise.exceptions.ClientError, match="ConditionalCheckFailed"):
        exercise.process("overtaken", faces(95))
    assert exercise.mails == []


def test_a_mail_that_fails_gives_the_lease_back(exercise: Exercise, account: Account) -> None:
    account.put_item("bounced", **POST)
    exercise.mail_error = RuntimeError("no such topic")
    with pytest.raises(RuntimeError, match="no such topic"):
        exercise.process("bounced", faces(95))
    assert account.item("bounced") == {"media_key": "bounced", **POST}
    exercise.mail_error = None
    assert exercise.process("bounced", faces(95), request_id="another") == (
        "match, similarity 95.00 %"
    )
    assert len(exercise.mails) == 1


def test_another_picture_by_the_same_key_is_compared_and_mailed(
    exercise: Exercise, account: Account
) -> None:
    assert exercise.process("replaced", faces(), etag="first") == "other person, similarity 0.00 %"
    for etag in ("second", "third"):
        assert exercise.process("replaced", faces(95), etag=etag) == "match, similarity 95.00 %"
        assert exercise.process("replaced", faces(95), etag=etag) == "compared before"
        assert (account.item("replaced") or {})["etag"] == etag
    assert len(exercise.mails) == 2


# --- the event ------------------------------------------------------------------------------------


def test_all_photos_of_an_event_are_processed_and_logged(
    exercise: Exercise, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    exercise.answers |= {"images/1 ä.jpg": faces(), "images/2.jpg": faces(91.236)}
    context = SimpleNamespace(aws_request_id="me", get_remaining_time_in_millis=lambda: 1000)
    event = s3_event(account.bucket, "images/1+%C3%A4.jpg", "images/2.jpg")
    event["Records"][1]["s3"]["object"]["eTag"] = "picture"
    exercise.names["lambda_handler"](event, context)
    assert capsys.readouterr().out.splitlines() == [
        "Photo images/1 ä.jpg: other person, similarity 0.00 %",
        "Photo images/2.jpg: match, similarity 91.24 %",
    ]
    assert [(account.item(key) or {})["etag"] for key in ("1 ä", "2")] == ["", "picture"]


@pytest.mark.parametrize("event", WITHOUT_PHOTO)
def test_an_event_that_is_not_of_s3_is_told_in_one_line(
    exercise: Exercise, capsys: pytest.CaptureFixture[str], event: dict[str, Any]
) -> None:
    exercise.names["lambda_handler"](event, None)
    assert capsys.readouterr().out == f"{NO_PHOTO}\n"


@pytest.mark.parametrize("name", ["rekognition", "table", "sns", "s3"])
def test_a_client_waits_when_aws_is_busy(exercise: Exercise, name: str) -> None:
    client: Any = exercise.names[name]
    config = (client if hasattr(client.meta, "config") else client.meta.client).meta.config
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 6}
    assert config.read_timeout == 10
