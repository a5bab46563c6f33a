"""Looks at all hops, twice a second, and makes a version of what the page shows when it changes."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Iterator

import requests
from botocore.exceptions import BotoCoreError, ClientError

from kit.page.documents import Content, Doc
from kit.page.known import Known
from kit.page.parties import Parties
from kit.page.pollers.comparisons import Rekognition
from kit.page.pollers.delivery import DeliveryStream, TwitterBucket
from kit.page.pollers.exercise import Exercise
from kit.page.pollers.failures import FailureQueue
from kit.page.pollers.functions import RekognitionFunction, TwitterFunction
from kit.page.pollers.look import Look, LookInside
from kit.page.pollers.mail import Inbox, MatchTopic
from kit.page.pollers.photos import RekognitionBucket, You
from kit.page.pollers.stacks import Stacks
from kit.page.pollers.table import PostsTable
from kit.page.pollers.x import Streamer, X
from kit.page.steps import Steps

LOOK_SECONDS = 0.5
IDLE_SECONDS = 3.0  # between two looks when nobody watches
SENT_MAILS = 30


class Watcher:
    """A thread that looks.

    Attributes:
        run: of this watcher; versions of another one mean nothing.
        version: of what the page shows; 0 until the first look is done.
        watched: when somebody last asked.
    """

    def __init__(self, parties: Parties) -> None:
        self.parties = parties
        self.known = Known()
        self.steps = Steps()
        self.x = X(parties, self.known)
        self.stacks = Stacks(parties, self.known)
        self.streamer = Streamer(parties, self.known)
        self.inbox = Inbox(parties, self.known)
        self.of_stack: list[Look] = []
        self.stack_id = ""  # whose they are
        self.run = secrets.token_hex(8)
        self.version = 0
        self.document: Doc = {}
        self.lock = threading.Lock()
        self.watched = time.monotonic()
        self.wake = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Look again and again; less often when nobody watches."""
        while True:
            started = time.monotonic()
            self.look()
            pause = IDLE_SECONDS if started - self.watched > 30 else LOOK_SECONDS
            self.wake.wait(max(0.1, pause - (time.monotonic() - started)))
            self.wake.clear()

    def hurry(self) -> None:
        """Look at everything now: the learner has done something."""
        for look in list(self.of_stack):
            look.looked = -math.inf
        self.wake.set()

    def look(self) -> None:
        """Look at everything once, and make a new version if something has changed."""
        known, posts = self.known, self.known.posts
        posts.changed = False
        looks = []
        for look in self.looks():
            look.attempt()
            looks.append(look)
        for hop in known.hops.values():
            hop.trouble = ""
        for look in looks:
            hop = known.hops[look.hop]
            hop.trouble = hop.trouble or look.trouble
        for name, text in posts.stuck():
            known.hops[name].trouble = known.hops[name].trouble or text
        document = self.describe()
        with self.lock:
            if posts.changed or document != self.document:
                self.document = document
                self.version += 1
                posts.version = self.version + 1

    def looks(self) -> Iterator[Look]:
        """Yield what is to be looked at; whether there is a stack turns out on the way."""
        known = self.known
        yield self.x
        yield self.stacks
        if known.ids and known.stack and not self.stacks.trouble:
            if known.stack["id"] != self.stack_id:
                self.stack_id = known.stack["id"]
                self.of_stack = looks_of(self.parties, known)
            yield from self.of_stack
        elif not known.ids:
            self.stack_id, self.of_stack = "", []
        yield self.streamer
        yield self.inbox

    def describe(self) -> Doc:
        """Everything but posts and mails, which are many."""
        known = self.known
        stack = known.stack and {k: known.stack[k] for k in ("name", "status", "failure")}
        return {
            "region": self.parties.region,
            "stack": stack,
            "connected": bool(known.x.get("connected")),
            "confirmed": known.confirmed,
            "reference": known.reference,
            "steps": self.steps.of(known),
            "hops": {name: hop.document() for name, hop in known.hops.items()},
            "mails": known.mail_number,
        }

    def state(self, run: str, version: int) -> Doc:
        """The document for a page that has seen `version` of `run`."""
        with self.lock:
            if run != self.run:
                version = 0
            posts = list(self.known.posts.by_id.values())
            mails = list(self.known.mails)
            return self.document | {
                "run": self.run,
                "version": self.version,
                "oldest_post": posts[0]["id"] if posts else None,
                "posts": [post for post in posts if post["v"] > version],
                "mail": [
                    {k: v for k, v in mail.items() if k not in ("token", "topic")}
                    | {"confirms": bool(mail["token"]), "confirmed": self.is_confirmed(mail)}
                    for mail in mails[-SENT_MAILS:]
                ],
            }

    def is_confirmed(self, mail: Doc) -> bool:
        """Whether a confirmation mail has done its work, or its topic is gone."""
        known = self.known
        return bool(mail["token"]) and (
            known.confirmed or mail["topic"] != known.ids.get("MatchTopic")
        )

    def content(self, hop: str) -> Doc:
        """What really is in a hop, as entries of a heading and a text."""
        looks = [self.x, self.streamer, self.inbox, *self.of_stack]
        inside = {look.hop: look for look in looks if isinstance(look, LookInside)}
        if hop not in inside:
            return Content("There is no stack yet: launch it, step 3.", [])._asdict()
        try:
            return inside[hop].content()._asdict()
        except (ClientError, BotoCoreError, requests.RequestException, KeyError) as error:
            return Content(f"It cannot be read: {error}", [])._asdict()


def looks_of(parties: Parties, known: Known) -> list[Look]:
    """One look at each part of a stack, in the order of the flow; they begin with nothing seen."""
    objects = TwitterBucket(parties, known)
    photos = RekognitionBucket(parties, known)
    return [
        objects,
        DeliveryStream(parties, known, objects),
        TwitterFunction(parties, known),
        photos,
        You(parties, known, photos),
        Exercise(parties, known),
        RekognitionFunction(parties, known),
        Rekognition(parties, known),
        PostsTable(parties, known),
        FailureQueue(parties, known),
        MatchTopic(parties, known),
    ]
