"""The harness: the whole offline workshop with the solution in it, on which faults are made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from faults.ledger import LOST, MAILED, Entry, Ledger, Photo
from kit.commands import redrive
from kit.emulators.system import OfflineSystem
from kit.emulators.x.app import RULES_PATH
from kit.keys import ACCOUNT, select
from support import processes, wait_until
from support.workshop import Faults, Workshop

MATCH, OTHER, NO_FACE = "obama2.jpg", "biden.jpg", "landscape.jpg"
EXPECTED = {MATCH: MAILED, OTHER: "other person", NO_FACE: "no face"}
SETTLE_SECONDS = 90.0


class ManyMails(Faults):
    """Faults, and no limit to the mails: many matches come at once, which SNS would take amiss."""

    def __init__(self, system: OfflineSystem) -> None:
        super().__init__(system)
        self.allow_mails()

    def allow_mails(self) -> None:
        """On AWS, more than ten mails a second suspend the subscription."""
        self.aws("email", per_second=1000)

    def end(self) -> None:
        super().end()
        self.allow_mails()


class Harness(Workshop):
    """All steps are done; what is posted is written into a ledger.

    Args:
        system: AWS, X and Rekognition, ready.
    """

    def __init__(self, system: OfflineSystem) -> None:
        super().__init__(system)
        self.faults = ManyMails(system)
        self.do_all_steps()
        self.ledger = Ledger(self.stack)
        self.entry = Entry("")
        self.entries: list[Entry] = []

    # What a learner does

    def expect(self, media_id: str, expected: str, why: str = "") -> Photo:
        """Write a photo that is about to be posted into the ledger."""
        photo = Photo(f"3_{media_id}", expected, why)
        self.entry.photos.append(photo)
        return photo

    def post(
        self, picture: str | bytes = MATCH, expected: str = "", why: str = "", **emulator: Any
    ) -> Photo:
        """Post one photo: a sample by its name, or any bytes."""
        data = self.photo(picture) if isinstance(picture, str) else picture
        media_id = self.system.x.upload(data)
        photo = self.expect(media_id, expected or EXPECTED[str(picture)], why)
        self.entry.posts += 1
        self.system.x.post("Look who is here", [media_id], **emulator)
        return photo

    def post_many(self, number: int, expected: str = "") -> None:
        """Post so many photos: the person, another one and no face in turn."""
        for n in range(number):
            self.post((MATCH, OTHER, NO_FACE)[n % 3], expected)

    def post_in_vain(self, number: int, why: str) -> None:
        """Post so many photos that cannot arrive."""
        for _ in range(number):
            self.post(MATCH, LOST, why)

    def post_line(self, message: dict[str, Any]) -> None:
        """Put a line on the stream that X might send."""
        self.entry.posts += 1
        self.faults.x(kind="line", text=json.dumps(message))

    def address(self, media_id: str) -> str:
        """Where a photo can be downloaded; another user posts it, which the rule leaves out."""
        self.system.x.post("just to see the address", [media_id], username="somebody")
        (post,) = self.system.admin("x").get("posts", limit=1)
        address: str = post["media"][0]["url"]
        return address

    def message(self, media_id: str, url: str) -> dict[str, Any]:
        """A post of one photo as X puts it on the stream."""
        media = {"media_key": f"3_{media_id}", "type": "photo", "url": url}
        identity = str(int(media_id) + 1)
        return {
            "data": {
                "id": identity,
                "text": "Look who is here",
                "author_id": "1",
                "created_at": "2026-11-22T10:00:00.000Z",
                "edit_history_tweet_ids": [identity],
                "attachments": {"media_keys": [media["media_key"]]},
            },
            "includes": {"media": [media], "users": [{"id": "1", "username": "learner"}]},
            "matching_rules": [{"id": self.rule_id(), "tag": "serverless-bytes"}],
        }

    def rule_id(self) -> str:
        """X's id of the streamer's rule; what fits no rule of ours is skipped."""
        names = ("TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET")
        app = (self.system.keys[names[0]], self.system.keys[names[1]])
        url, grant = self.system.x_url, {"grant_type": "client_credentials"}
        answer = requests.post(f"{url}/oauth2/token", grant, auth=app, timeout=30)
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        rules = requests.get(f"{url}{RULES_PATH}", headers=bearer, timeout=30)
        (rule,) = rules.json()["data"]
        return str(rule["id"])

    def wait_for_log(self, text: str, count: int = 1, seconds: float = 60.0) -> None:
        """Wait until the streamer has said something so many times."""
        what = f"the streamer to say {text!r}"
        wait_until(lambda: self.said().count(text) >= count, seconds, what)

    def said(self) -> str:
        """All that the streamer has printed."""
        assert self.streamer
        return self.streamer.log.read_text()

    def wait_until_connected(self) -> None:
        """Wait until the stream is open; tweepy may wait for a minute after an error."""
        x = self.system.admin("x")
        wait_until(lambda: x.get("stats")["connected"], SETTLE_SECONDS)

    # What goes wrong

    def delete_rules(self) -> None:
        """Delete the rules of the stream, as somebody might at X's console."""
        keys, url = self.system.keys, self.system.x_url
        pair = (keys["TWITTER_CONSUMER_KEY"], keys["TWITTER_CONSUMER_SECRET"])
        grant = {"grant_type": "client_credentials"}
        answer = requests.post(f"{url}/oauth2/token", grant, auth=pair, timeout=60).json()
        headers = {"Authorization": f"Bearer {answer['access_token']}"}
        rules = f"{url}/2/tweets/search/stream/rules"
        ids = [r["id"] for r in requests.get(rules, headers=headers, timeout=60).json()["data"]]
        wish = {"delete": {"ids": ids}}
        requests.post(rules, json=wish, headers=headers, timeout=60).raise_for_status()

    def set_timeout(self, function: str, seconds: int) -> None:
        """Give a function another timeout; the template's is 120 s."""
        name = self.stack.resource(function)
        self.client("lambda").update_function_configuration(FunctionName=name, Timeout=seconds)

    def wait_until_settled(self) -> None:
        """Wait until the photos of this fault are where they should be."""
        self.ledger.wait_until_settled(self.entry.photos, SETTLE_SECONDS)

    def redrive(self) -> None:
        """Type `workshop.py redrive`; what was in the queue is expected to be mailed then."""
        workshop = [sys.executable, str(Path(redrive.__file__).parents[2] / "workshop.py")]
        environment = os.environ | {
            "AWS_ENDPOINT_URL": self.system.aws.url,
            "AWS_DEFAULT_REGION": self.system.aws.region,
            **select(self.system.keys, ACCOUNT),
        }
        command = [*workshop, "redrive", "--stack", self.stack.name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.entry.notes.append(done.stdout.splitlines()[-1])

    # Processes

    def memory(self) -> int:
        """What all processes of the workshop hold in memory, in MiB."""
        pids = [child.process.pid for child in self.system.children]
        pids += [pid for child in list(pids) for pid in processes.children_of(child)]
        return processes.memory(pids)

    def kill_streamer(self) -> None:
        """kill -9, the streamer and what holds it."""
        assert self.streamer
        os.killpg(self.streamer.process.pid, signal.SIGKILL)
        self.streamer.process.wait()
        self.system.children.remove(self.streamer)
