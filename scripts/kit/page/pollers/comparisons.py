"""Rekognition: what it was asked, and what it found."""

from __future__ import annotations

from kit.page.documents import Content, Doc, entry, iso, pretty
from kit.page.known import Known
from kit.page.parties import Parties
from kit.page.pollers.look import LookInside

WORDS = {
    "InvalidParameterException": "No face was found in the photo, or none in the reference.",
    "InvalidS3ObjectException": "A picture could not be read from S3: is the reference there?",
    "ImageTooLargeException": "The picture is too large: Rekognition takes 15 MB.",
    "InvalidImageFormatException": "The picture is neither JPEG nor PNG.",
    "AccessDeniedException": "The function's role may not do this.",
    "ThrottlingException": "Too many calls at a time.",
    "ProvisionedThroughputExceededException": "Too many calls at a time.",
}


class Rekognition(LookInside):
    """The emulated Rekognition."""

    hop = "Rekognition"
    party = "The offline Rekognition"

    def __init__(self, parties: Parties, known: Known) -> None:
        super().__init__(parties, known)
        self.seen: tuple[int, str] = -1, ""  # number of calls, and with which code
        self.under_way = False

    def look(self) -> None:
        """New comparisons."""
        calls = self.parties.ask("rekognition", "stats")["calls"].get("CompareFaces", 0)
        seen = calls, self.known.code["sha"]
        if seen == self.seen and not self.under_way:
            return
        self.box.count, self.under_way = calls, False
        for note in self.parties.ask("rekognition", "comparisons"):
            if "error" in note or "similarity" in note:
                self.understand(note, iso(note["at"]))
            else:
                self.under_way = True
        self.seen = seen

    def understand(self, note: Doc, moment: str) -> None:
        """A comparison that has ended."""
        refused = WORDS.get(note["error"], note["error"]) if "error" in note else None
        self.box.last = max(self.box.last or "", moment)
        if refused:
            self.box.failed(refused, moment)
        images = f"s3://{self.known.ids['RekognitionBucket']}/images/"
        if not note["target"].startswith(images):
            return
        code, posts = self.known.code, self.known.posts
        if not code["starter"] and moment >= code["modified"]:
            code["compared"] = True
        key = note["target"].removeprefix(images).removesuffix(".jpg")
        photo = posts.photo(key)
        if photo and (photo["compared"] or "") < moment:  # once more: the last one counts
            posts.change(
                key,
                compared=moment,
                arrived=photo["arrived"] or moment,
                similarity=note.get("similarity"),
                faces=note.get("faces"),
                refused=refused,
            )

    def content(self) -> Content:
        """The last calls."""
        notes = self.parties.ask("rekognition", "comparisons")[-10:]
        if not notes:
            return Content("CompareFaces was not called yet.", [])
        entries = [entry(note["target"], pretty(note), iso(note["at"])) for note in reversed(notes)]
        about = f"CompareFaces was called {self.box.count} times. The last calls:"
        return Content(about, entries)
