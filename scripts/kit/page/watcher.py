"""Runs all pollers twice a second while something happens, and makes versions of the state."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from copy import deepcopy

import requests
from botocore.exceptions import BotoCoreError, ClientError

from kit.jsonl import Json
from kit.page.activity import Activity
from kit.page.check import Check
from kit.page.formatting import Content
from kit.page.pollers.comparisons import Rekognition
from kit.page.pollers.delivery import DeliveryStream, TwitterBucket
from kit.page.pollers.failures import FailureQueue
from kit.page.pollers.functions import (
    ExerciseCode,
    ExerciseFile,
    Invocations,
    RekognitionFunction,
    TwitterFunction,
)
from kit.page.pollers.mail import Inbox, MatchTopic
from kit.page.pollers.photos import RekognitionBucket, You
from kit.page.pollers.poller import ContentPoller, Poller
from kit.page.pollers.stacks import Stacks
from kit.page.pollers.table import PostsTable
from kit.page.pollers.x import Streamer, X
from kit.page.services import Services
from kit.page.state import State
from kit.page.steps import Steps

POLL_SECONDS = 0.5
RUNNING_SECONDS = 0.2  # the same while the exercise's function runs
REST_SECONDS = 0.7  # the same while nothing happens: what is done in a terminal is seen in a second
IDLE_SECONDS = 3.0  # between two rounds when nobody watches
SENT_MAILS = 30
SENT_LINES = 500


class Watcher:
    """A thread that polls.

    Attributes:
        run: of this watcher; versions of another one mean nothing.
        version: of the state; 0 until the first round is done.
        watched: when somebody last asked.
        published: is called with each new version.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.state = State()
        self.activity = Activity(services, self.state)
        self.check = Check(services.exercise, self.hurry)
        self.steps = Steps()
        self.x = X(services, self.state)
        self.stacks = Stacks(services, self.state)
        self.streamer = Streamer(services, self.state)
        self.inbox = Inbox(services, self.state)
        self.stack_pollers: list[Poller] = []
        self.stack_id = ""  # whose pollers they are
        self.run = secrets.token_hex(8)
        self.version = 0
        self.published: Callable[[], object] = lambda: None
        self.summary: Json = {}
        self.posts: dict[str, Json] = {}  # as this version has them
        self.lock = threading.Lock()
        self.watched = time.monotonic()
        self.wake = threading.Event()
        self.stopped = False
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self.thread.start()

    def stop(self) -> None:
        """Poll no more; what is asked for right now is still waited for."""
        self.stopped = True
        self.wake.set()
        self.thread.join()

    def watch(self) -> None:
        """Poll again and again; less often when nothing happens, or nobody watches."""
        while not self.stopped:
            started = time.monotonic()
            if due := self.activity.is_due():
                self.poll()
            pause = POLL_SECONDS if due else REST_SECONDS
            if started - self.watched > 30:
                pause = IDLE_SECONDS
            elif self.state.running:
                pause = RUNNING_SECONDS
            self.wake.wait(max(0.1, pause - (time.monotonic() - started)))
            self.wake.clear()

    def hurry(self) -> None:
        """Poll everything now: the learner has done something."""
        for poller in list(self.stack_pollers):
            poller.polled_at = -math.inf
        self.activity.expect()
        self.wake.set()

    def poll(self) -> None:
        """Poll everything once, and make a new version if something has changed."""
        stages, posts = self.state.stages, self.state.posts
        polled = []
        for poller in self.pollers():
            poller.poll_safely()
            polled.append(poller)
        errors = [(poller.stage, poller.current_error) for poller in polled]
        for status in stages.values():
            status.current_error = ""
        for stage, message in errors:
            stages[stage].current_error = stages[stage].current_error or message
        for stage, message in posts.stuck():  # what a stage tells itself says more
            if not stages[stage].as_json()["now"]:
                stages[stage].current_error = message
        summary = self.summarize()
        with self.lock:
            if posts.changed or summary != self.summary:
                self.summary = summary
                self.publish()
                self.version += 1
                posts.version = self.version + 1
                self.published()

    def publish(self) -> None:
        """Let the pages see the posts as they are now, and not in the middle of a round."""
        posts = self.state.posts
        posts.changed = False
        self.posts = {
            identity: deepcopy(post) if post["v"] >= posts.version else self.posts[identity]
            for identity, post in list(posts.by_id.items())
        }

    def pollers(self) -> Iterator[Poller]:
        """Yield the pollers; whether there is a stack turns out on the way."""
        state = self.state
        yield self.x
        yield self.stacks
        if state.ids and state.stack and not self.stacks.current_error:
            if state.stack["id"] != self.stack_id:
                self.stack_id = state.stack["id"]
                self.stack_pollers = pollers_of_stack(self.services, state)
            yield from self.stack_pollers
        elif not state.ids:
            self.stack_id, self.stack_pollers = "", []
        yield self.streamer
        yield self.inbox

    def summarize(self) -> Json:
        """Everything but posts and mails, which are many."""
        state = self.state
        stack = state.stack and {k: state.stack[k] for k in ("name", "status", "failure")}
        return {
            "region": self.services.region,
            "stack": stack,
            "connected": bool(state.x.get("connected")),
            "confirmed": state.confirmed,
            "reference": state.reference,
            "steps": self.steps.of(state),
            "stages": {name: status.as_json() for name, status in state.stages.items()},
            "mails": state.mail_number,
            "exercise": state.exercise,
            "code": {name: state.code[name] for name in ("tag", "starter", "modified")},
            "lines": state.log_number,
            "check": self.check.as_json(),
            "running": [{"id": one, "since": begun} for one, begun in state.running.items()],
        }

    def changes(self, run: str, version: int, line: int = 0) -> Json:
        """The state for a page that has seen `version` of `run`: only what is new of much.

        Args:
            run, version: those of the last answer.
            line: the number of the last line of the log that it has.
        """
        with self.lock:
            if run != self.run:
                version = line = 0
            posts = list(self.posts.values())
            mails = list(self.state.mails)
            return self.summary | {
                "run": self.run,
                "version": self.version,
                "oldest_post": posts[0]["id"] if posts else None,
                "log": [one for one in list(self.state.log) if line < one["n"]][-SENT_LINES:],
                "posts": [post for post in posts if post["v"] > version],
                "mail": [self.mail_as_json(mail) for mail in mails[-SENT_MAILS:]],
            }

    def mail_as_json(self, mail: Json) -> Json:
        """A mail for the page; of a confirmation, whether it is done, or its topic is gone."""
        state, asks = self.state, bool(mail["token"])
        gone = mail["topic"] != state.ids.get("MatchTopic")
        fields = {name: value for name, value in mail.items() if name not in ("token", "topic")}
        return fields | {"confirms": asks, "confirmed": asks and (state.confirmed or gone)}

    def content(self, stage: str) -> Json:
        """The content of a stage, as entries of a heading and a text."""
        pollers = [self.x, self.streamer, self.inbox, *self.stack_pollers]
        by_stage = {poller.stage: poller for poller in pollers if isinstance(poller, ContentPoller)}
        if stage not in by_stage:
            return Content("There is no stack yet: launch it, step 3.", [])._asdict()
        try:
            return by_stage[stage].content()._asdict()
        except (ClientError, BotoCoreError, requests.RequestException, KeyError) as error:
            return Content(f"It cannot be read: {error}", [])._asdict()


def pollers_of_stack(services: Services, state: State) -> list[Poller]:
    """One poller for each part of a stack, in the order of the flow; they have seen nothing."""
    objects = TwitterBucket(services, state)
    photos = RekognitionBucket(services, state)
    return [
        objects,
        DeliveryStream(services, state, objects),
        TwitterFunction(services, state),
        photos,
        You(services, state, photos),
        ExerciseCode(services, state),
        ExerciseFile(services, state),
        RekognitionFunction(services, state),
        Invocations(services, state),
        Rekognition(services, state),
        PostsTable(services, state),
        FailureQueue(services, state),
        MatchTopic(services, state),
    ]
