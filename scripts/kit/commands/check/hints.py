"""What a case demands, and what it tells the learner when the demand is not met."""

from __future__ import annotations

import re

from kit.commands.check.harness import REFERENCE, Seen

ROLE = (
    "The function's role allows CompareFaces, reading the pictures, GetItem and UpdateItem on "
    "TABLE_NAME and Publish to TOPIC_ARN, and no more: take the names from the environment "
    "variables."
)
# What to look at when the text of an error contains this, …
ADVICE = {
    "AccessDenied": ROLE,
    "AuthorizationError": ROLE,  # what SNS calls it
    "ResourceNotFoundException": "Take the table's name from TABLE_NAME.",
    "JSON serializable": "Lambda makes JSON of what lambda_handler returns: return nothing.",
    "Worker process died": "It ended the whole process: leave lambda_handler with return.",
}
# … or this, where the case itself has no better advice.
LAST_ADVICE = {
    "'Item'": "get_item found no item: its key is {'media_key': …}, without images/ and .jpg.",
    "InvalidS3ObjectException": "Rekognition found no such picture: take bucket and key from the "
    "event.",
    "InvalidParameterException": "Rekognition says so when one of the pictures shows no face.",
}


class WrongError(Exception):
    """The function does not do what a case asks for; the text is the hint."""


class CrashError(WrongError):
    """The function failed.

    Attributes:
        error: what went wrong, without the advice; the same for the same error in other cases.
    """

    def __init__(self, error: str, hint: str) -> None:
        super().__init__(hint)
        self.error = error


def must_not_fail(seen: Seen, why: str = "") -> None:
    """Demand that the function ended well.

    Raises:
        CrashError: it did not; `why` says why it should have.
    """
    if seen.failures:
        raise crash(seen, why)


def no_mail(seen: Seen, why: str) -> None:
    """Demand that no e-mail was sent.

    Raises:
        WrongError: it was; `why` says why it should not have been.
    """
    if seen.mails:
        raise WrongError(f"An e-mail was sent: {why}")


def one_mail(seen: Seen, why: str = "") -> str:
    """Demand exactly one e-mail; return its subject and body.

    Raises:
        WrongError: none or several; `why` says what to look at when there is none.
    """
    if len(seen.mails) > 1:
        raise WrongError(
            f"{len(seen.mails)} e-mails were sent for one photo: publish once for each photo, not "
            "for each face."
        )
    must_not_fail(seen, why)
    if not seen.mails:
        raise WrongError(f"No e-mail was sent: {missing_mail(seen, why)} {last_words(seen)}")
    return "{subject}\n\n{body}".format(**seen.mails[0])


def tells_similarity(mail: str, expected: float) -> None:
    """Demand that the e-mail says how similar the best face is, however it is rounded.

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


def says_so(bad: Seen, good: Seen) -> bool:
    """Whether the log says something about the reference that it does not say when all is well."""

    def about_reference(seen: Seen) -> set[str]:
        lines = "\n".join(seen.logs).splitlines()
        # Numbers, keys and request IDs differ from photo to photo.
        return {
            re.sub(r"[0-9a-f-]*\d[0-9a-f-]*", "#", line)
            for line in lines
            if REFERENCE in line or "reference" in line.lower()
        }

    return bool(about_reference(bad) - about_reference(good))


def crash(seen: Seen, why: str) -> CrashError:
    """Say where and why the function failed, and what to do."""
    for failure in seen.failures:
        if limit := re.match(r"Task timed out after (\d+)", failure):
            hint = (
                f"The function did not end within {limit[1]} s: look for a loop without end, or a "
                "long sleep."
            )
            return CrashError(failure, hint)
    trace = next((log for log in reversed(seen.logs) if "Traceback" in log), "")
    places = re.findall(r'File "[^"]*\bindex\.py", line (\d+)[^\n]*\n\s*([^\n]*)', trace)
    place = f" in line {places[-1][0]}, “{shorten(places[-1][1], 80)}”" if places else ""
    reason = trace.rstrip().rpartition("\n")[2] or seen.failures[-1]
    reason = re.sub(r"^[\w.]+: (?=An error occurred)", "", reason)  # boto3 names the error twice
    hint = f"The function failed{place}: {sentence(reason)} {advice(reason, why)}"
    return CrashError(place + reason[:40], hint)  # keys and names follow, of this photo only


def missing_mail(seen: Seen, why: str) -> str:
    """Say why there was none."""
    if not seen.answers:
        return "Rekognition was not asked about this photo. Call compare_faces with it."
    if seen.swapped:
        return "the pictures are swapped. SourceImage is the reference, TargetImage the photo."
    answer = seen.answers[-1]
    if "error" in answer:
        return f"Rekognition answered {answer['error']}. {advice(answer['error'], why)}"
    return (
        f"Rekognition found a similarity of {answer.get('similarity', 0):.1f} %. When FaceMatches "
        "is not empty, call publish with TOPIC_ARN."
    )


def last_words(seen: Seen) -> str:
    """Quote the end of the log."""
    lines = [line.strip() for log in seen.logs for line in log.splitlines() if line.strip()]
    return f"The log ends with: {sentence(lines[-1])}" if lines else "The log is empty."


def advice(error: str, why: str) -> str:
    """What to do about an error; `why` is what the case says."""
    always = next((text for part, text in ADVICE.items() if part in error), "")
    at_last = next((text for part, text in LAST_ADVICE.items() if part in error), "")
    return always or why or at_last


def sentence(text: str) -> str:
    """A text as a sentence of a hint: short, and with an end."""
    text = shorten(text)
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def shorten(text: str, length: int = 160) -> str:
    """Cut off what is too long for a hint."""
    return text if len(text) <= length else f"{text[:length]}…"
