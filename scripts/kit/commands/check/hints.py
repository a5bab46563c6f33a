"""What a case demands, and the hint for the learner if the demand is not met."""

from __future__ import annotations

import re

from kit.commands.check.observation import Observation
from kit.commands.check.photos import REFERENCE
from kit.text import shorten

ROLE = (
    "The function's role allows CompareFaces, reading the pictures, GetItem and UpdateItem on "
    "TABLE_NAME and Publish to TOPIC_ARN, and no more: take the names from the environment "
    "variables."
)
# What to do if the text of an error contains this, …
ADVICE = {
    "AccessDenied": ROLE,
    "AuthorizationError": ROLE,  # SNS's name for it
    "Invalid parameter: Subject": "SNS takes a subject of one line of ASCII, of less than 100 "
    "characters: put the post's text into the message.",
    "ResourceNotFoundException": "Take the table's name from TABLE_NAME.",
    "JSON serializable": "Lambda turns the returned value into JSON: return nothing.",
}
# … or this, where the case itself has no better advice.
LAST_ADVICE = {
    "'Item'": "get_item found no item: its key is {'media_key': …}, without images/ and .jpg.",
    "InvalidS3ObjectException": "Rekognition found no such picture: take bucket and key from the "
    "event.",
    "InvalidParameterException": "Rekognition gives this error if a picture shows no face.",
}
QUOTE_CHARACTERS = 160  # of an error or a line of the log in a hint


class WrongError(Exception):
    """The function does not do what a case demands; the message is the hint."""


class CrashError(WrongError):
    """The function failed.

    Attributes:
        error: what went wrong, without the advice; the same for the same error in other cases.
    """

    def __init__(self, error: str, hint: str) -> None:
        super().__init__(hint)
        self.error = error


def must_not_fail(observed: Observation, hint: str = "") -> None:
    """Demand that the function ended well.

    Raises:
        CrashError: it did not; the hint says what to do about that.
    """
    if observed.failures:
        raise crash(observed, hint)


def no_mail(observed: Observation, hint: str) -> None:
    """Demand that no e-mail was sent.

    Raises:
        WrongError: one was; the hint says why that is wrong.
    """
    if observed.mails:
        raise WrongError(f"An e-mail was sent: {hint}")


def one_mail(observed: Observation, hint: str = "") -> str:
    """Demand exactly one e-mail; return its subject and body.

    Raises:
        WrongError: there are none or several; the hint says what to do if there is none.
    """
    if len(observed.mails) > 1:
        raise WrongError(
            f"{len(observed.mails)} e-mails were sent for one photo: publish once for each "
            "photo, not for each face."
        )
    must_not_fail(observed, hint)
    if not observed.mails:
        raise WrongError(f"No e-mail was sent: {missing_mail(observed, hint)} {log_end(observed)}")
    return "{subject}\n\n{body}".format(**observed.mails[0])


def must_tell_similarity(mail: str, expected: float) -> None:
    """Demand that the e-mail says the best similarity, however it is rounded.

    Raises:
        WrongError: it does not.
    """
    numbers = re.findall(r"(?<![\d.,])\d+(?:[.,]\d+)?", mail)
    # A number that starts with 0. is a share of 1.
    found = [float(n.replace(",", ".")) * (100 if n[:2] in ("0.", "0,") else 1) for n in numbers]
    if not any(abs(number - expected) < 1 for number in found):
        raise WrongError(
            f"The e-mail does not say the best similarity, {expected:.1f} %: it is the highest "
            "Similarity in FaceMatches."
        )


def about_reference(observed: Observation) -> set[str]:
    """What the log says about the reference, without what differs from photo to photo."""
    lines = "\n".join(observed.logs).splitlines()
    return {
        re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "#", line)  # numbers, keys and request IDs
        for line in lines
        if REFERENCE in line or "reference" in line.lower()
    }


def explains_reference(bad: Observation, good: Observation) -> bool:
    """Whether the log says more about a bad reference than about a good one."""
    return bool(about_reference(bad) - about_reference(good))


def crash(observed: Observation, hint: str) -> CrashError:
    """Where and why the function failed, and what to do about it."""
    for failure in observed.failures:
        if limit := re.match(r"Task timed out after (\d+)", failure):
            return CrashError(
                "Task timed out",  # without the seconds: each stack of the check has its own
                f"The function did not end within {limit[1]} s: look for a loop without end, or a "
                "long sleep.",
            )
    trace = next((log for log in reversed(observed.logs) if "Traceback" in log), "")
    places = re.findall(r'File "[^"]*\bindex\.py", line (\d+)[^\n]*\n\s*([^\n]*)', trace)
    place = f" in line {places[-1][0]}, “{shorten(places[-1][1], 80)}”" if places else ""
    error = trace.rstrip().rpartition("\n")[2] or observed.failures[-1]
    error = re.sub(r"^[\w.]+: (?=An error occurred)", "", error)  # boto3 names the error twice
    return CrashError(
        place + error[:40],  # keys and names follow, of this photo only
        f"The function failed{place}: {sentence(error)} {advice(error, hint)}",
    )


def missing_mail(observed: Observation, hint: str) -> str:
    """Why there was no e-mail."""
    if not observed.answers:
        return "Rekognition was not asked about this photo. Call compare_faces with it."
    if observed.swapped:
        return "the pictures are swapped. SourceImage is the reference, TargetImage the photo."
    answer = observed.answers[-1]
    if "error" in answer:
        return f"Rekognition answered {answer['error']}. {advice(answer['error'], hint)}"
    return (
        f"Rekognition found a similarity of {answer.get('similarity', 0):.1f} %. When FaceMatches "
        "is not empty, call publish with TOPIC_ARN."
    )


def log_end(observed: Observation) -> str:
    """Quote the end of the log."""
    lines = [line.strip() for log in observed.logs for line in log.splitlines() if line.strip()]
    return f"The log ends with: {sentence(lines[-1])}" if lines else "The log is empty."


def advice(error: str, hint: str) -> str:
    """What to do about an error: what always helps, the hint of the case, or a guess."""
    always = next((text for part, text in ADVICE.items() if part in error), "")
    guess = next((text for part, text in LAST_ADVICE.items() if part in error), "")
    return always or hint or guess


def sentence(text: str) -> str:
    """A text as a sentence of a hint: short, and with an end."""
    text = shorten(text, QUOTE_CHARACTERS)
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
