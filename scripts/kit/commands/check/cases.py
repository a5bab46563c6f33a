"""The cases: what the function must get right, one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from kit import samples
from kit.commands.check.harness import Harness
from kit.commands.check.hints import (
    WrongError,
    about_reference,
    explains_reference,
    log_end,
    must_not_fail,
    must_tell_similarity,
    no_mail,
    one_mail,
)
from kit.commands.check.photos import BLURRED, GROUP, REFERENCE, Photo
from kit.events_without_photo import OF_OTHER_SERVICES, WITHOUT_RECORDS
from kit.jsonl import Json

THROTTLED_CALLS = 40  # more than any sensible number of retries
LOST = "If the photo was marked as mailed before, no later try sends its e-mail."


@dataclass
class Case:
    """One case.

    Attributes:
        name: of its function below.
        title: what it demands.
        run: tries it; raises WrongError if the demand is not met.
        alone: whether no other case may run meanwhile, because it changes Rekognition for all.
        quick: whether it comes before all others: no faces are compared, so there is news soon.
    """

    name: str
    title: str
    run: Callable[[Harness], None]
    alone: bool = False
    quick: bool = False


CASES: list[Case] = []


def case(
    title: str, alone: bool = False, quick: bool = False
) -> Callable[[Callable[[Harness], None]], Callable[[Harness], None]]:
    """Make a function a case."""

    def register(function: Callable[[Harness], None]) -> Callable[[Harness], None]:
        CASES.append(Case(function.__name__, title, function, alone, quick))
        return function

    return register


@case("The person is on the photo: one e-mail with the similarity and the photo's key")
def match(harness: Harness) -> None:
    """The simplest event."""
    harness.put_reference(samples.ANOTHER_MATCH)
    photo = Photo(harness.pictures[BLURRED])
    mail = one_mail(harness.send(photo))
    must_tell_similarity(mail, harness.similarity(samples.ANOTHER_MATCH, BLURRED))
    if photo.media_key not in mail:
        raise WrongError(
            "The e-mail does not say where the photo is: put its key into the message."
        )


@case("The e-mail has the user, the time, the text and the link of the post")
def metadata(harness: Harness) -> None:
    """Only the item in DynamoDB has these."""
    photo = Photo(harness.pictures[samples.MATCH], text="Grüße 👋 from the beach")
    post = photo.post
    mail = one_mail(harness.send(photo))
    date = all(part in mail for part in ("2026", "22", "10:07"))  # however it is written
    present = {
        f"the user (username: {post['username']})": post["username"] in mail,
        f"the time (created_at: {post['created_at']})": post["created_at"] in mail or date,
        f"the text (text: {photo.text})": photo.text in mail,
        "the link https://x.com/<username>/status/<post_id>": f"/status/{post['post_id']}" in mail,
    }
    missing = [name for name, found in present.items() if not found]
    if missing:
        raise WrongError(
            f"The e-mail lacks {', '.join(missing)}. Get the item from DynamoDB with the media_key "
            "that is in the photo's key, and put these into the message."
        )


@case("A post without text: one e-mail all the same")
def missing_text(harness: Harness) -> None:
    """Many posts are only a photo; TwitterLambdaFunction stores no empty text."""
    observed = harness.send(Photo(harness.pictures[samples.MATCH], text=""))
    one_mail(observed, f"This post has no text, so its item has none: post.get('text'). {LOST}")


@case("A photo without a post: one e-mail all the same")
def no_metadata(harness: Harness) -> None:
    """Somebody has put it into images/ by hand."""
    observed = harness.send(Photo(harness.pictures[samples.MATCH], by_hand=True))
    one_mail(
        observed,
        "This photo was put into images/ by hand, so the table has no item for it: get_item "
        f"returns no Item, and update_item makes one without user and text. {LOST}",
    )


@case("A long text of several lines: the subject stays short")
def subject(harness: Harness) -> None:
    """SNS refuses such a subject, and the e-mail is lost."""
    photo = Photo(
        harness.pictures[samples.MATCH], text="What a day\nwe had! " + "Sun, sand and sea. " * 12
    )
    one_mail(harness.send(photo))


@case("Three faces, two of them match: one e-mail with the best similarity")
def several_faces(harness: Harness) -> None:
    """The largest face is another person's."""
    harness.put_reference(samples.ANOTHER_MATCH)
    mail = one_mail(harness.send(Photo(harness.pictures[GROUP])))
    must_tell_similarity(mail, harness.similarity(samples.ANOTHER_MATCH, GROUP))


@case("Another person: no e-mail")
def other_person(harness: Harness) -> None:
    """A face without a match."""
    observed = harness.send(Photo(harness.pictures[samples.OTHER_PERSON]))
    no_mail(observed, "only FaceMatches are faces of the person; UnmatchedFaces are not.")
    must_not_fail(observed, "A photo of another person is normal: FaceMatches is empty then.")


@case("No face on the photo: no e-mail and no error")
def no_face(harness: Harness) -> None:
    """Most photos show no face."""
    observed = harness.send(Photo(harness.pictures[samples.NO_FACE]))
    no_mail(observed, "this photo shows no face.")
    must_not_fail(
        observed, "Such photos are normal: catch this error, or Lambda tries again in vain."
    )


@case("A file that only begins as a JPEG: no e-mail and no error")
def damaged(harness: Harness) -> None:
    """TwitterLambdaFunction looks at the first bytes only."""
    observed = harness.send(Photo(b"\xff\xd8\xff\xe0" + b"rubbish " * 500))
    no_mail(observed, "this file is no picture.")
    must_not_fail(
        observed,
        "Rekognition raises InvalidImageFormatException, and will again: catch this error, or "
        "Lambda tries again in vain.",
    )


@case("No face on the reference: no error, the log says so")
def no_face_on_reference(harness: Harness) -> None:
    """Rekognition's error is the same as for a photo without a face."""
    harness.put_reference(samples.NO_FACE)
    bad = harness.send(Photo(harness.pictures[samples.MATCH]))
    harness.prepare()
    good = harness.send(Photo(harness.pictures[samples.NO_FACE]))
    no_mail(bad, "without a face to look for, nothing can match.")
    must_not_fail(bad, "Trying again does not help: log the problem instead.")
    if not explains_reference(bad, good):
        raise WrongError(
            f"The log does not say that {REFERENCE} shows no face. Rekognition's error is the same "
            "as for a photo without one; compare the reference with itself to tell them apart."
        )


@case("No reference yet: no error, the log says what to upload")
def no_reference(harness: Harness) -> None:
    """Once the reference is there, it is used."""
    harness.remove_reference()
    bad = harness.send(Photo(harness.pictures[samples.MATCH]))
    harness.put_reference(samples.REFERENCE)
    good = harness.send(Photo(harness.pictures[samples.MATCH]))
    no_mail(bad, "without a reference nothing can match.")
    must_not_fail(bad, "Until the reference is there, every photo would be tried three times.")
    if not explains_reference(bad, good):
        raise WrongError(
            f"The log does not say that {REFERENCE} is missing. Rekognition raises "
            "InvalidS3ObjectException then: print the name that REFERENCE_PHOTO holds."
        )
    try:
        one_mail(good)
    except WrongError as error:
        error.args = (f"After the reference was uploaded: {error}",)
        raise


@case("Another object's name begins like the reference's: that is not the reference")
def similar_name(harness: Harness) -> None:
    """A computer that hides .jpg makes celebrity.jpg.jpg of it."""
    harness.remove_reference()
    harness.put_reference(samples.REFERENCE, f"{REFERENCE}.jpg")
    observed = harness.send(Photo(harness.pictures[samples.MATCH]))
    advice = (
        f"There is {REFERENCE}.jpg, and no {REFERENCE}. A listing by prefix finds both: compare "
        "the whole key."
    )
    no_mail(observed, advice)
    must_not_fail(observed, advice)
    if not about_reference(observed):
        raise WrongError(f"The log does not say that {REFERENCE} is missing. {advice}")


@case("A key with spaces and accents")
def special_key(harness: Harness) -> None:
    """S3 form-encodes the keys of its events."""
    observed = harness.send(Photo(harness.pictures[samples.MATCH], prefix="Zoë & me+you "))
    one_mail(observed, "The keys in events are form-encoded: decode them with unquote_plus.")


@case("Two photos in one event: both are compared")
def two_photos(harness: Harness) -> None:
    """Records is a list, and the first photo must not keep the second one from being compared."""
    for first in (samples.OTHER_PERSON, samples.NO_FACE):
        photos = [Photo(harness.pictures[first]), Photo(harness.pictures[samples.MATCH])]
        observed = harness.send(*photos)
        if observed.gave_up:
            raise WrongError(
                "The person is on the second photo of an event, and no e-mail was sent: loop over "
                'event["Records"]. After a photo without a match go on with the next one '
                "(continue, not return)."
            )
        # What else goes wrong with a picture without a face is for its own case.
        if first == samples.OTHER_PERSON:
            one_mail(observed)


@case(
    "The button Test of the Lambda console, and an empty event: no error, the log says so",
    quick=True,
)
def test_event(harness: Harness) -> None:
    """None is from S3: there are no Records."""
    must_log(
        harness,
        WITHOUT_RECORDS,
        "The button Test sends an event without Records, in which no photo is named: look whether "
        "there are any, and log that there are none.",
    )


@case("An event of SNS or SQS: no error, the log says so")
def other_service(harness: Harness) -> None:
    """The console's templates for them have Records, too."""
    must_log(
        harness,
        OF_OTHER_SERVICES,
        'Records of another service have no "s3", and name no photo: look whether one has it, and '
        "log that none has.",
    )


def must_log(harness: Harness, events: list[Json], hint: str) -> None:
    """Demand that the function ends well and logs something about each event.

    Raises:
        WrongError: it does not; the hint says what to do if it fails.
    """
    for event in events:
        observed = harness.send_event(event)
        must_not_fail(observed, hint)
        if not any(log.strip() for log in observed.logs):
            raise WrongError(
                f"The log is empty after the event {json.dumps(event)}: say there that it names "
                "no photo."
            )


@case("The same event again, and twice at the same time: one e-mail")
def same_event(harness: Harness) -> None:
    """Events come at least once."""
    photo = Photo(harness.pictures[samples.MATCH])
    one_mail(harness.send(photo))
    harness.restart()
    harness.invoke(photo)
    again = harness.observe(photo)
    no_mail(
        again,
        "the same event came again, as events sometimes do, and to another process. Write into "
        "the photo's item that it was compared (update_item), and look there first.",
    )
    must_not_fail(again, "The same event came again, as events sometimes do.")
    at_once = harness.send_twice_at_once(Photo(harness.pictures[samples.MATCH]))
    if len(at_once.mails) > 1:
        raise WrongError(
            "Two e-mails were sent when the same event came twice at the same time: both "
            "invocations looked before either wrote. Give update_item a ConditionExpression, and "
            "send the e-mail after it: then the second of the two fails."
        )
    at_once.failures = []  # the second one may fail: then Lambda tries it again
    one_mail(at_once)


@case("Rekognition throttles: the e-mail is still sent, once", alone=True)
def throttling(harness: Harness) -> None:
    """For two calls, then for longer; Lambda tries a failed event again."""
    for times in (2, THROTTLED_CALLS):
        photo = Photo(harness.pictures[samples.MATCH])
        with harness.throttled(times):
            observed = harness.send(photo)
        if observed.gave_up:
            raise WrongError(
                "Rekognition was too busy, and the function gave the photo up. Do not catch "
                "errors that pass, such as ThrottlingException: if lambda_handler raises them, "
                f"Lambda tries the event again. {log_end(observed)}"
            )
        if observed.failures and not observed.mails:
            harness.invoke(photo)
            try:
                one_mail(harness.observe(photo))
            except WrongError as error:
                error.args = (f"Rekognition was too busy. When Lambda tried again: {error}",)
                raise
        else:
            one_mail(observed)


@case("The stack's settings count: the reference's name and the threshold")
def settings(harness: Harness) -> None:
    """The stack's parameters reach the function as environment variables."""
    name = "idol.jpg"
    harness.prepare(REFERENCE_PHOTO=name, SIMILARITY_THRESHOLD="99")
    harness.remove_reference()
    harness.put_reference(samples.ANOTHER_MATCH, name)
    observed = harness.send(Photo(harness.pictures[samples.REFERENCE]))
    one_mail(observed, f"The reference is called {name} here: take its name from REFERENCE_PHOTO.")
    similarity = harness.similarity(samples.ANOTHER_MATCH, samples.MATCH)
    no_mail(
        harness.send(Photo(harness.pictures[samples.MATCH])),
        f"the similarity is {similarity:.1f} %, and here the threshold is 99. Give "
        "SIMILARITY_THRESHOLD to compare_faces.",
    )
