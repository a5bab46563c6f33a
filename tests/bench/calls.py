"""Calls of AWS: counted where they are made, and in the emulators' own logs."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3

from kit.emulators.system import OfflineSystem

READS = {"CompareFaces": 2, "DetectFaces": 1}  # pictures that Rekognition gets from S3 for a call
NAMES = {"POST.sns": "Publish", "ListObjects": "ListObjectsV2"}  # the log's → the operation's


class CountError(Exception):
    """The calls that were counted are not those of the emulator's log."""


class Calls:
    """Counts the calls of AWS that one version makes.

    Attributes:
        session: of boto3; what its clients call is counted.
        made: how often each operation was called, Rekognition's own reads of S3 included.
        stored: the keys of the photos that were put into S3, in that order.
    """

    def __init__(self, system: OfflineSystem) -> None:
        self.system = system
        self.session: Any = boto3.Session()
        self.session.events.register("before-call", self.note)
        self.here: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.stored: list[str] = []

    def note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Count a call; botocore tells us of each, once, before it is sent."""
        self.here[model.name] += 1
        if model.name == "PutObject":
            self.stored.append("images/" + params["url_path"].partition("/images/")[2])

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count the calls within a `with`, and see that the logs have the same.

        Raises:
            CountError: they differ.
        """
        self.record(True)
        before = self.logged() + self.rekognition()
        self.here.clear()
        yield
        self.record(False)
        logged = self.logged() + self.rekognition() - before
        reads = sum(count * self.here[name] for name, count in READS.items())
        expected = self.here + Counter(GetObject=reads)
        if logged != expected:
            raise CountError(f"counted {dict(expected)}, but the logs have {dict(logged)}")
        self.made += logged

    def record(self, on: bool) -> None:
        """Switch the emulated AWS's log on or off."""
        self.system.admin("aws").post("calls", {"record": on})

    def logged(self) -> Counter[str]:
        """The calls in the log of the emulated AWS so far, by operation."""
        found = self.system.admin("aws").get("calls")
        return Counter({NAMES.get(name, name): count for name, count in found.items()})

    def rekognition(self) -> Counter[str]:
        """The calls that the emulated Rekognition has counted."""
        stats = self.system.admin("rekognition").get("stats")
        return Counter(stats["calls"])
