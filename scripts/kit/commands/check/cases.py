"""The cases: what the function must get right, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kit.commands.check.harness import REFERENCE, Bench, Photo
from kit.commands.check.hints import (
    WrongError,
    last_words,
    must_not_fail,
    no_mail,
    one_mail,
    says_so,
    tells_similarity,
)

MANY = 40  # calls that are throttled: more than any sensible number of retries


@dataclass
class Case:
    """What is tried, and the function that tries it or raises WrongError.

    Attributes:
        alone: it changes Rekognition for everybody, so nothing else may run meanwhile.
    """

    name: str
    title: str
    run: Callable[[Bench], None]
    alone: bool = False


CASES: list[Case] = []


def case(
    title: str, alone: bool = False
) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Make a function a case."""

    def register(function: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CASES.append(Case(function.__name__, title, function, alone))
        return function

    return register


@case("The person is on the photo: one e-mail says how similar and where")
def match(bench: Bench) -> None:
    """The simplest event."""
    bench.put_reference("obama3")
    photo = Photo(bench.pictures["blurred"])
    mail = one_mail(bench.send(photo))
    tells_similarity(mail, bench.similarity("obama3", "blurred"))
    if photo.media_key not in mail:
        raise WrongError("The e-mail does not say where the photo is: put the key into it.")


@case("The e-mail says who posted it, when, the text and the link")
def metadata(bench: Bench) -> None:
    """What only the item in DynamoDB knows."""
    photo = Photo(bench.pictures["obama2"], text="Grüße 👋 from the beach")
    post = photo.post
    mail = one_mail(bench.send(photo))
    date = all(part in mail for part in ("2026", "22", "10:07"))  # however it is written
    present = {
        f"who posted it (username: {post['username']})": post["username"] in mail,
        f"when (created_at: {post['created_at']})": post["created_at"] in mail or date,
        f"the text (text: {photo.text})": photo.text in mail,
        "the link https://x.com/<username>/status/<post_id>": f"/status/{post['post_id']}" in mail,
    }
    missing = [name for name, found in present.items() if not found]
    if missing:
        raise WrongError(
            f"The e-mail lacks {', '.join(missing)}. Get the post from DynamoDB with the media_key "
            "that is in the photo's key, and put it into the message."
        )


@case("A long text of several lines: the subject stays short")
def subject(bench: Bench) -> None:
    """SNS refuses such a subject on AWS, and the e-mail is lost."""
    photo = Photo(
        bench.pictures["obama2"], text="What a day\nwe had! " + "Sun, sand and sea. " * 12
    )
    seen = bench.send(photo)
    one_mail(seen)
    line = seen.mails[0]["subject"]
    if len(line) >= 100 or "\n" in line:
        problem = f"{len(line)} characters" if len(line) >= 100 else "a line break"
        raise WrongError(
            f"SNS would refuse the subject, which has {problem}: it takes one line of less than "
            "100 characters. Put the post's text into the message."
        )


@case("Three faces, two of them match: one e-mail with the best similarity")
def several_faces(bench: Bench) -> None:
    """The largest face is another person's."""
    bench.put_reference("obama3")
    mail = one_mail(bench.send(Photo(bench.pictures["group"])))
    tells_similarity(mail, bench.similarity("obama3", "group"))


@case("Another person: no e-mail")
def other_person(bench: Bench) -> None:
    """A face, and no match."""
    seen = bench.send(Photo(bench.pictures["biden"]))
    no_mail(seen, "only FaceMatches are faces of the person; UnmatchedFaces are not.")
    must_not_fail(seen, "Another person is normal: FaceMatches is empty then.")


@case("No face on the photo: no e-mail and no error")
def no_face(bench: Bench) -> None:
    """Most photos are like that."""
    seen = bench.send(Photo(bench.pictures["landscape"]))
    no_mail(seen, "there is nobody on this photo.")
    must_not_fail(seen, "Such photos are normal: catch this error, else Lambda tries in vain.")


@case("No face on the reference: no error, the log says so")
def no_face_on_reference(bench: Bench) -> None:
    """Rekognition's error is the same as for a photo without a face."""
    bench.put_reference("landscape")
    bad = bench.send(Photo(bench.pictures["obama2"]))
    bench.prepare()
    good = bench.send(Photo(bench.pictures["landscape"]))
    no_mail(bad, "without a face to look for, nothing can match.")
    must_not_fail(bad, "A later try does not help: log it instead.")
    if not says_so(bad, good):
        raise WrongError(
            f"The log does not say that {REFERENCE} shows no face. Rekognition's error is the same "
            "as for a photo without one; compare the reference with itself to tell them apart."
        )


@case("No reference yet: no error, the log says what to upload")
def no_reference(bench: Bench) -> None:
    """And once it is there, it is used."""
    bench.remove_reference()
    bad = bench.send(Photo(bench.pictures["obama2"]))
    bench.put_reference("obama")
    good = bench.send(Photo(bench.pictures["obama2"]))
    no_mail(bad, "without a reference nothing can match.")
    must_not_fail(bad, "Until the reference is there, every photo would be tried three times.")
    if not says_so(bad, good):
        raise WrongError(
            f"The log does not say that {REFERENCE} is missing. Rekognition raises "
            "InvalidS3ObjectException then: print the name that REFERENCE_PHOTO holds."
        )
    try:
        one_mail(good)
    except WrongError as error:
        error.args = (f"After the reference was uploaded: {error}",)
        raise


@case("A key with spaces and accents")
def special_key(bench: Bench) -> None:
    """S3 form-encodes the keys of its events."""
    seen = bench.send(Photo(bench.pictures["obama2"], name="Zoë & me+you "))
    one_mail(seen, "The keys in events are form-encoded: decode them with unquote_plus.")


@case("Two photos in one event: both are compared")
def two_photos(bench: Bench) -> None:
    """Records is a list, and the first photo must not keep the second one from being compared."""
    for first in ("biden", "landscape"):
        photos = [Photo(bench.pictures[first]), Photo(bench.pictures["obama2"])]
        seen = bench.send(*photos)
        if not seen.mails and not seen.failures and not seen.answers:
            raise WrongError(
                "The person is on the second photo of an event, and no e-mail was sent: loop over "
                'event["Records"]. After a photo without a match go on with the next one '
                "(continue, not return)."
            )
        if first == "biden":  # what else goes wrong with a landscape is for its own case
            one_mail(seen)


@case("The same event again, and twice at the same time: one e-mail")
def same_event(bench: Bench) -> None:
    """Events come at least once."""
    photo = Photo(bench.pictures["obama2"])
    one_mail(bench.send(photo))
    bench.restart()
    bench.tell(photo)
    again = bench.wait(photo)
    no_mail(
        again,
        "the same event came again, as it does at times, and to another process. Keep in the "
        "photo's item that it was compared (update_item), and look there first.",
    )
    must_not_fail(again, "The same event came again, as it does at times.")
    at_once = bench.send_twice_at_once(Photo(bench.pictures["obama2"]))
    if len(at_once.mails) > 1:
        raise WrongError(
            "Two e-mails were sent when the same event came twice at the same time: both looked "
            "before either wrote. Give update_item a ConditionExpression, and send the e-mail "
            "after it: of two at the same time, the second one fails."
        )
    at_once.failures = []  # the second one may fail, for Lambda to try again
    one_mail(at_once)


@case("Rekognition throttles: the e-mail comes all the same, once", alone=True)
def throttling(bench: Bench) -> None:
    """For two calls, then for longer; Lambda tries again what failed."""
    for times in (2, MANY):
        photo = Photo(bench.pictures["obama2"])
        with bench.throttled(times):
            seen = bench.send(photo)
        if not seen.mails and not seen.failures and not seen.answers:
            raise WrongError(
                "Rekognition was too busy, and the photo was given up for ever: let errors that "
                f"pass, such as ThrottlingException, out of lambda_handler. {last_words(seen)}"
            )
        if seen.failures and not seen.mails:
            bench.tell(photo)
            try:
                one_mail(bench.wait(photo))
            except WrongError as error:
                error.args = (f"Rekognition was too busy. When Lambda tried again: {error}",)
                raise
        else:
            one_mail(seen)


@case("The stack's settings count: the reference's name and the threshold")
def settings(bench: Bench) -> None:
    """Parameters of the stack reach the function as environment variables."""
    name = "idol.jpg"
    bench.prepare(REFERENCE_PHOTO=name, SIMILARITY_THRESHOLD="99")
    bench.remove_reference()
    bench.put_reference("obama3", name)
    seen = bench.send(Photo(bench.pictures["obama"]))
    one_mail(seen, f"Here the reference is called {name}: its name is in REFERENCE_PHOTO.")
    no_mail(
        bench.send(Photo(bench.pictures["obama2"])),
        f"the similarity is {bench.similarity('obama3', 'obama2'):.1f} %, and the threshold is 99 "
        "here. Give SIMILARITY_THRESHOLD to compare_faces.",
    )
