"""Rekognition: what it was asked, and what it found."""

from __future__ import annotations

from kit.jsonl import Json
from kit.page.formatting import Content, counted, entry, iso, pretty
from kit.page.pollers.poller import ContentPoller
from kit.page.services import Services
from kit.page.state import State

MESSAGES = {
    "InvalidParameterException": "No face was found in the photo, or none in the reference.",
    "InvalidS3ObjectException": "A picture could not be read from S3: is the reference there?",
    "ImageTooLargeException": "The picture is too large: Rekognition takes 15 MB.",
    "InvalidImageFormatException": "The picture is neither JPEG nor PNG.",
    "AccessDeniedException": "The function's role may not do this.",
    "ThrottlingException": "Too many calls at a time.",
    "ProvisionedThroughputExceededException": "Too many calls at a time.",
}


class Rekognition(ContentPoller):
    """The emulated Rekognition."""

    stage = "Rekognition"
    service = "The offline Rekognition"

    def __init__(self, services: Services, state: State) -> None:
        super().__init__(services, state)
        self.seen: tuple[int, str] = -1, ""  # changes of the comparisons; the code that made them

    def poll(self) -> None:
        """New comparisons."""
        stats = self.services.admin("rekognition", "stats")
        seen = stats["changes"], self.state.code["sha"]
        if seen == self.seen:
            return
        self.status.count = stats["calls"].get("CompareFaces", 0)
        for call in self.services.admin("rekognition", "comparisons"):
            if "error" in call or "similarity" in call:  # another one is still running
                self.note(call, iso(call["at"]))
        self.seen = seen

    def note(self, call: Json, moment: str) -> None:
        """Note a comparison that has ended, here and with its photo."""
        refused = MESSAGES.get(call["error"], call["error"]) if "error" in call else None
        self.status.last = max(self.status.last or "", moment)
        if refused:
            self.status.failed(refused, moment)
        images = f"s3://{self.state.ids['RekognitionBucket']}/images/"
        if not call["target"].startswith(images):
            return
        code, posts = self.state.code, self.state.posts
        if not code["starter"] and moment >= code["modified"]:
            code["compared"] = True
        key = call["target"].removeprefix(images).removesuffix(".jpg")
        photo = posts.known(key)
        if (photo.get("compared") or "") < moment:  # once more: the last one counts
            posts.change(
                key,
                compared=moment,
                arrived=photo.get("arrived") or moment,
                similarity=call.get("similarity"),
                faces=call.get("faces"),
                refused=refused,
            )

    def content(self) -> Content:
        """The last calls."""
        calls = self.services.admin("rekognition", "comparisons")[-10:]
        if not calls:
            return Content("CompareFaces was not called yet.", [])
        entries = [entry(call["target"], pretty(call), iso(call["at"])) for call in reversed(calls)]
        about = f"CompareFaces: {counted(self.status.count, 'calls')}. The last ones:"
        return Content(about, entries)
