"""The learner's actions on the page: post, change the reference photo, confirm."""

from __future__ import annotations

from typing import TypeGuard

import requests
from starlette.exceptions import HTTPException

from kit.images import media_type
from kit.jsonl import Json
from kit.limits import POST_CHARACTERS, POST_PHOTOS
from kit.page.pictures import sample
from kit.page.services import Services
from kit.page.state import State
from kit.stack.failure_queue import FailureQueue
from kit.x_client import error_message


class Actions:
    """Done as anybody could: with X's API and AWS's.

    Raises:
        HTTPException: from each of them, when it cannot be done; the detail is for the learner.
    """

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state

    def upload(self, photo: bytes) -> str:
        """Upload a photo of a post to come; return its id."""
        if not media_type(photo):
            raise HTTPException(415, "This file is not a photo. X takes JPEG, PNG, GIF and WebP.")
        try:
            return self.services.x_client().upload(photo)
        except requests.HTTPError as error:
            raise HTTPException(400, f"X refused the photo: {error_message(error)}") from None

    def post(self, body: Json) -> str:
        """Post {"text": …, "photos": [{"id": …} or {"sample": …}, …]}; return the post's id."""
        text, photos = body.get("text"), body.get("photos")
        if not isinstance(text, str) or not is_list_of_objects(photos):
            raise HTTPException(400, "The request is not understood.")
        check_post(text, photos)
        # JSON can hold half of an emoji, which nobody could write down as UTF-8.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        samples = [sample(photo["sample"]) if "sample" in photo else None for photo in photos]
        x = self.services.x_client()
        try:
            ids = [
                str(photo.get("id")) if data is None else x.upload(data)
                for photo, data in zip(photos, samples, strict=True)
            ]
            return x.post(text, ids)
        except requests.HTTPError as error:
            raise HTTPException(400, f"X refused the post: {error_message(error)}") from None

    def change_reference(self, photo: bytes) -> str:
        """Upload the reference photo; return its name."""
        kind, name = media_type(photo), str(self.state.reference["name"])
        if kind not in ("image/jpeg", "image/png"):
            raise HTTPException(415, "This file is not a photo. Rekognition takes JPEG and PNG.")
        bucket = self.state.ids.get("RekognitionBucket")
        if not bucket:
            raise HTTPException(409, "There is no stack yet: launch it first, step 3.")
        s3 = self.services.client("s3")
        s3.put_object(Bucket=bucket, Key=name, Body=photo, ContentType=kind)
        return name

    def confirm(self, number: int) -> None:
        """Click the link in a confirmation mail."""
        mail = next((mail for mail in list(self.state.mails) if mail["number"] == number), None)
        if not mail or not mail["token"]:
            raise HTTPException(404, "There is nothing to confirm in this mail.")
        sns = self.services.client("sns")
        sns.confirm_subscription(TopicArn=mail["topic"], Token=mail["token"])

    def redrive(self, only: str = "") -> Json:
        """Send the events of the failure queue again, or that of one message by its ID.

        As `workshop.py redrive` does.
        """
        if not self.state.stack or not self.state.ids:
            raise HTTPException(409, "There is no stack yet: launch it first, step 3.")
        name = self.state.stack["name"]
        queue = FailureQueue(self.services.client, name, self.state.ids)
        outcomes = list(queue.redrive(only))
        if only and not outcomes:
            return {"text": "This message is not in the queue, or somebody else looks at it."}
        staying = [outcome.text for outcome in outcomes if not outcome.sent]
        return {"text": queue.summary(), "staying": staying}


def is_list_of_objects(value: object) -> TypeGuard[list[Json]]:
    """Whether a value of JSON is a list of objects."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def check_post(text: str, photos: list[Json]) -> None:
    """Check that a post has something in it, and not more than X takes.

    Raises:
        HTTPException: it has not.
    """
    if len(text) > POST_CHARACTERS:
        raise HTTPException(400, f"The text is longer than {POST_CHARACTERS} characters.")
    if len(photos) > POST_PHOTOS:
        raise HTTPException(400, f"A post has at most {POST_PHOTOS} photos.")
    if not text.strip() and not photos:
        raise HTTPException(400, "Write something, or add a photo.")
