"""What the learner does on the page: post, change the reference photo, confirm."""

from __future__ import annotations

import requests

from kit.images import media_type
from kit.page.documents import Doc
from kit.page.known import Known
from kit.page.parties import Parties
from kit.page.pictures import sample
from kit.page.refusal import Refusal
from kit.x_client import error_message

MAX_TEXT = 280  # characters of a post
MAX_PHOTOS = 4  # of a post


class Actions:
    """Done as anybody could: with X's API and AWS's.

    Raises:
        Refusal: from each of them, when it cannot be done.
    """

    def __init__(self, parties: Parties, known: Known) -> None:
        self.parties = parties
        self.known = known

    def upload(self, photo: bytes) -> str:
        """Upload a photo of a post to come; return its id."""
        if not media_type(photo):
            raise Refusal("This file is not a photo. X takes JPEG, PNG, GIF and WebP.", 415)
        try:
            return self.parties.poster().upload(photo)
        except requests.HTTPError as error:
            raise Refusal(f"X refused the photo: {error_message(error)}") from None

    def post(self, body: Doc) -> str:
        """Post {"text": …, "photos": [{"id": …} or {"sample": …}, …]}; return the post's id."""
        text, photos = body.get("text"), body.get("photos")
        if not isinstance(text, str) or not isinstance(photos, list):
            raise Refusal("The request is not understood.")
        if not all(isinstance(photo, dict) for photo in photos):
            raise Refusal("The request is not understood.")
        if len(text) > MAX_TEXT:
            raise Refusal(f"The text is longer than {MAX_TEXT} characters.")
        if len(photos) > MAX_PHOTOS:
            raise Refusal(f"A post has at most {MAX_PHOTOS} photos.")
        if not text.strip() and not photos:
            raise Refusal("Write something, or add a photo.")
        # JSON can hold half of an emoji, which nobody could write down as UTF-8.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        taken = [sample(photo["sample"]) if "sample" in photo else None for photo in photos]
        x = self.parties.poster()
        try:
            ids = [
                str(photo.get("id")) if data is None else x.upload(data)
                for photo, data in zip(photos, taken, strict=True)
            ]
            return x.post(text, ids)
        except requests.HTTPError as error:
            raise Refusal(f"X refused the post: {error_message(error)}") from None

    def change_reference(self, photo: bytes) -> str:
        """Upload the reference photo; return its name."""
        kind, name = media_type(photo), str(self.known.reference["name"])
        if kind not in ("image/jpeg", "image/png"):
            raise Refusal("This file is not a photo. Rekognition takes JPEG and PNG.", 415)
        bucket = self.known.ids.get("RekognitionBucket")
        if not bucket:
            raise Refusal("There is no stack yet: launch it first, step 3.", 409)
        s3 = self.parties.client("s3")
        s3.put_object(Bucket=bucket, Key=name, Body=photo, ContentType=kind)
        return name

    def confirm(self, number: int) -> None:
        """Click the link in a confirmation mail."""
        mail = next((mail for mail in list(self.known.mails) if mail["number"] == number), None)
        if not mail or not mail["token"]:
            raise Refusal("There is nothing to confirm in this mail.", 404)
        sns = self.parties.client("sns")
        sns.confirm_subscription(TopicArn=mail["topic"], Token=mail["token"])
