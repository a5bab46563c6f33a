"""The faces and the mails: the reference photo, what the photos came to, and who is told."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from difflib import SequenceMatcher

from botocore.exceptions import ClientError

from kit.commands.doctor.finding import REKOGNITION, Finding, count, nothing, ok, shorten, wrong
from kit.commands.doctor.function_code import is_templates
from kit.commands.doctor.stack_context import Json, Patient

PICTURES = (".jpg", ".jpeg", ".png")


def see_subscription(patient: Patient) -> Finding:
    """Somebody gets the mails."""
    topic, launched = patient.ids["MatchTopic"], patient.parameters.get("EmailAddress", "")
    pending: list[str] = []
    confirmed: list[str] = []
    for entry in patient.pages("MatchTopic", "list_subscriptions_by_topic", "Subscriptions"):
        arn, address = entry["SubscriptionArn"], entry["Endpoint"]
        if entry["Protocol"] == "email" and arn != "Deleted":
            waits = arn == "PendingConfirmation" or is_pending(patient, arn)
            (pending if waits else confirmed).append(address)
    if confirmed:
        other = "" if launched in confirmed else f"; {launched}, of the launch, gets no mail"
        return ok(f"{', '.join(confirmed)} has confirmed it{other}")
    again = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint "
    if not pending:
        return wrong(
            "nobody is subscribed to the mails",
            "Somebody unsubscribed, or did not confirm for days, and SNS forgot the address.",
            f"{again}{launched}, then confirm it (step 4)",
        )
    return wrong(
        f"{', '.join(pending)} has not confirmed it",
        "SNS mails nobody who has not agreed; until then every match is lost.",
        "Click “Confirm subscription” in the mail “AWS Notification - Subscription "
        f"Confirmation” (step 4; look into the spam folder). Send it again: {again}{pending[0]}",
    )


def is_pending(patient: Patient, subscription: str) -> bool:
    """Ask a subscription whether it waits for its confirmation."""
    answer = patient.client("sns").get_subscription_attributes(SubscriptionArn=subscription)
    return bool(answer["Attributes"].get("PendingConfirmation") == "true")


def reference_name(patient: Patient) -> str:
    """What the reference photo must be called."""
    variables = patient.configuration(REKOGNITION).get("Environment", {}).get("Variables", {})
    return str(variables.get("REFERENCE_PHOTO", ""))


def reference(patient: Patient) -> list[Json]:
    """The reference photo, if it is there."""
    name = reference_name(patient)
    return [o for o in patient.objects("RekognitionBucket", name) if o["Key"] == name]


def see_reference(patient: Patient) -> Finding:
    """There is a reference photo by the right name, and it shows a face."""
    name, bucket = reference_name(patient), patient.ids["RekognitionBucket"]
    if not name:
        return nothing(f"{REKOGNITION} does not know its name: see {REKOGNITION}")
    if not reference(patient):
        return missing_reference(patient, name)
    rekognition = patient.client("rekognition")
    upload = f"aws s3 cp YOUR-PHOTO s3://{bucket}/{name}"
    try:
        answer = rekognition.detect_faces(Image={"S3Object": {"Bucket": bucket, "Name": name}})
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if not re.match("InvalidImageFormat|ImageTooLarge|InvalidParameter|InvalidS3", code):
            raise
        mend = f"Upload a JPEG or PNG of a face: {upload}"
        return wrong(f"{name} is of no use", shorten(message), mend)
    faces = len(answer["FaceDetails"])
    if not faces:
        return wrong(
            f"{name} shows no face that Rekognition finds",
            "There is nothing to compare the photos with.",
            f"Upload a photo of one face from the front: {upload}",
        )
    billed = "" if patient.endpoint else " (asking Rekognition was billed as one image)"
    largest = "; the largest one is compared" if faces > 1 else ""
    return ok(f"{name} shows {count(faces, 'face')}{largest}{billed}")


def missing_reference(patient: Patient, name: str) -> Finding:
    """Say where the photo is instead: under another name, or in the other bucket."""
    here, there = patient.ids["RekognitionBucket"], patient.ids["TwitterBucket"]
    target = f"s3://{here}/{name}"
    keys = [entry["Key"] for entry in patient.objects("RekognitionBucket")]
    others = [key for key in keys if not re.match(r"images/(\d+_\d+|[0-9a-f]{64})\.jpg$", key)]
    others.sort(key=lambda key: SequenceMatcher(None, key.lower(), name.lower()).ratio())
    if others:
        return wrong(
            f"{name} is not in {here}, but there is {', '.join(others[:-4:-1])}",
            f"The function looks for exactly this name: {name}, not below images/.",
            f"aws s3 cp {shlex.quote(f's3://{here}/{others[-1]}')} {target}",
        )
    keys = [entry["Key"] for entry in patient.objects("TwitterBucket")]
    for key in (key for key in keys if key.lower().endswith(PICTURES)):
        return wrong(
            f"{name} is not in {here}, but {key} is in the other bucket",
            f"The function looks for it beside images/, in {here}.",
            f"aws s3 mv {shlex.quote(f's3://{there}/{key}')} {target}",
        )
    return wrong(
        f"{name} is not in {here}",
        "There is nothing to compare the photos with.",
        f"aws s3 cp YOUR-PHOTO {target} (step 8)",
    )


def see_exercise(patient: Patient) -> Finding:
    """The function is no longer the exercise's starter, which compares nothing."""
    if is_templates(patient, REKOGNITION):
        text = "the code is still the starter, which compares nothing and mails nobody"
        return nothing(text, "write it (step 10)")
    return ok("the code is yours")


def see_table(patient: Patient) -> Finding:
    """The table of the posts is there."""
    status = patient.ask("PostsTable", "describe_table")["Table"]["TableStatus"]
    text = f"{patient.ids['PostsTable']} is {status}"
    return ok(text) if status == "ACTIVE" else nothing(text, "look again in a minute")


def see_comparison(patient: Patient) -> Finding:
    """What the newest posts came to."""
    fields = "media_key, outcome, similarity, created_at"
    items = list(patient.pages("PostsTable", "scan", "Items", ProjectionExpression=fields))
    if not items:
        return nothing("no photo yet", "post one that shows the face of the reference photo")
    compared = [item for item in items if "outcome" in item]
    outcomes = Counter(str(item["outcome"].get("S")) for item in compared)
    outcomes["not compared"] += len(items) - len(compared)
    total = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items() if number)
    if not compared:
        return nothing(f"no outcome is in the table yet; photos: {total}")
    last = max(compared, key=lambda item: item.get("created_at", {}).get("S", ""))
    similarity = last.get("similarity", {}).get("N", "?")
    posted = last.get("created_at", {}).get("S", "an unknown time")
    return ok(
        f"{last['outcome'].get('S')}, {similarity} % similar, posted at {posted}; photos: {total}"
    )
