"""What the page knows of the workshop: the hops write it down, and the server reads it."""

from __future__ import annotations

from collections import deque

from kit.page.documents import Doc
from kit.page.hop import HOPS, Hop
from kit.page.posts import Posts

KEPT_MAILS = 100  # in full; of older ones only the count


class Known:
    """Never more than so much, however long the workshop runs.

    Attributes:
        x: what X says of itself: its posts, and whether the streamer is connected.
        stack: the newest one: id, name, status, created, failure.
        ids: physical ids of its resources by logical id; empty until it is complete.
        mails: the newest, each with its number; `mail_number` is that of the next one.
        confirmed: whether the e-mail address is confirmed.
        reference: the reference photo: name, etag, faces, problem.
        code: of the exercise's function: whether it is the starter, and whether it has compared.
    """

    def __init__(self) -> None:
        self.posts = Posts()
        self.x: Doc = {}
        self.stack: Doc | None = None
        self.mails: deque[Doc] = deque(maxlen=KEPT_MAILS)
        self.mail_number = 0
        self.hops = {name: Hop() for name in HOPS}
        self.forget_stack()

    def forget_stack(self) -> None:
        """Begin anew: another stack, or none."""
        self.stack = None
        self.ids: dict[str, str] = {}
        for name in HOPS:
            if name not in ("X", "Inbox"):
                self.hops[name] = Hop()
        self.confirmed = False
        self.reference: Doc = {"name": "celebrity.jpg", "etag": None}
        self.code: Doc = {"sha": "", "starter": True, "modified": "", "compared": False}
        self.posts.end_journeys()
