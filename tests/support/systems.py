"""The offline systems of a test run.

Starting one takes seconds of both cores. So there is one for the whole run, which most tests share,
whichever worker they run in; and for tests that need one to themselves there is a pool, from which
they borrow. The process that began the run starts them, when a test first asks, and stops them.
When that process ends, however it ends, so do they: see `kit.processes.exit_with_parent`.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any

import pytest
import requests

from kit.aws_client import Aws
from kit.emulators.aws import process
from kit.emulators.system import OfflineSystem
from kit.errors import WorkshopError
from kit.processes import ManagedProcess
from kit.x_client import XClient
from support import evidence

process.RETRY_SECONDS = 0.05  # tests wait no longer than they must


@dataclass(frozen=True)
class Place:
    """Where a system is: what its owner tells the workers."""

    number: int
    region: str
    ports: dict[str, int]
    keys: dict[str, str]
    folder: Path
    pids: dict[str, int]  # of its servers, by name; each leads a process group


class BorrowedSystem(OfflineSystem):
    """A running system that another process has started, and stops.

    Attributes:
        children: what the tests add, such as a streamer; the only thing that `stop` stops.
    """

    def __init__(self, place: Place) -> None:
        self.number = place.number
        self.pids = place.pids
        self.children: list[ManagedProcess] = []
        self.persistent = True  # the folder is its owner's
        self.folder = place.folder
        self.ports, self.keys = place.ports, place.keys
        self.x_url, aws_url, self.rekognition_url = (
            f"http://127.0.0.1:{self.ports[name]}" for name in ("x", "aws", "rekognition")
        )
        self.aws = Aws(aws_url, place.region, place.keys)  # type: ignore[assignment] # without the process
        self.x = XClient(self.x_url, self.keys["TWITTER_CONSUMER_KEY"], self.keys["TWITTER_TOKEN"])

    def wait_until_ready(self) -> None:
        """It is ready: its owner has waited."""

    def is_empty(self) -> bool:
        """Whether all stacks are deleted; one that a test left would meet those that follow."""
        return not self.aws.client("cloudformation").describe_stacks()["Stacks"]

    def repair(self) -> None:
        """End all faults, and what the tests have started."""
        self.stop()
        for server in ("x", "aws", "rekognition"):
            self.admin(server).delete("faults")
        self.admin("x").post("faults", {"kind": "disconnect"})


@contextlib.contextmanager
def fresh_system(home: Path | None = None) -> Iterator[OfflineSystem]:
    """A system in which nothing has happened yet, and whose servers a test may kill.

    Args:
        home: a folder that stays.
    """
    with OfflineSystem(home=home) as system, evidence.watch(system.folder, system.aws):
        system.wait_until_ready()
        yield system


class Pool:
    """The systems of a run, in the process that began it."""

    def __init__(self) -> None:
        self.started: list[OfflineSystem] = []
        self.free: list[int] = []  # their numbers
        self.shared_number: int | None = None
        self.lock = threading.Lock()  # so that only one worker starts the shared one

    def shared(self) -> Place:
        """The system that all tests share."""
        with self.lock:
            if self.shared_number is None:
                self.shared_number = self.start()
            return self.place(self.shared_number)

    def borrow(self) -> Place:
        """A system that nobody else uses until it is given back."""
        try:
            return self.place(self.free.pop())
        except IndexError:
            return self.place(self.start())

    def give_back(self, number: int) -> None:
        """Let others borrow a system in which everything is as it was."""
        self.free.append(number)

    def throw_away(self, number: int) -> None:
        """Stop a system in which something went wrong: it must not spoil what follows."""
        self.started[number].stop()

    def start(self) -> int:
        """Start a system, and if that fails another one; return its number.

        Raises:
            WorkshopError: both failed; the message says where their logs are.
        """
        try:
            return self.start_once()
        except WorkshopError:
            return self.start_once()

    def start_once(self) -> int:
        """Start a system and wait until it is ready.

        Raises:
            WorkshopError: it failed; the message says where its logs are.
        """
        system = OfflineSystem()
        try:
            system.wait_until_ready()
        except WorkshopError as error:
            logs = evidence.collect(f"start-{secrets.token_hex(4)}", [system.folder])
            system.stop()
            raise WorkshopError(f"{error} Its logs were kept: {logs}") from error
        self.started.append(system)
        return self.started.index(system)

    def place(self, number: int) -> Place:
        """What the workers must know of a system."""
        system = self.started[number]
        children = dict(zip(("x", "aws", "rekognition"), system.children, strict=True))
        pids = {name: child.process.pid for name, child in children.items()}
        region = system.aws.region
        return Place(number, region, system.ports, system.keys, system.folder, pids)

    def close(self) -> None:
        """Stop all of them."""
        for system in self.started:
            system.stop()


class Server(BaseManager):
    """Serves the pool to the workers, which are other processes."""


Server.register("pool")
Address = tuple[str, int, str]  # host, port, key


def serve(pool: Pool) -> Address:
    """Answer the workers from now on; return where and with which key they find the pool."""
    key = secrets.token_hex(16)

    class Owner(BaseManager):
        """The server's side."""

    Owner.register("pool", callable=lambda: pool)
    server = Owner(("127.0.0.1", 0), key.encode()).get_server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address: Any = server.address
    return (*address, key)


def connect(address: Address) -> Pool:
    """The pool of the process that began the run."""
    host, port, key = address
    manager = Server((host, port), key.encode())
    manager.connect()
    pool: Any = manager
    found: Pool = pool.pool()
    return found


class Systems:
    """The systems as a worker uses them.

    Args:
        pool: has them; it may be in another process.

    Attributes:
        in_use: those that the tests of this worker use at the moment.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.in_use: list[BorrowedSystem] = []

    def shared(self) -> BorrowedSystem:
        """The system that all tests share."""
        system = BorrowedSystem(self.pool.shared())
        self.in_use.append(system)
        return system

    @contextlib.contextmanager
    def alone(self, session: pytest.Session) -> Iterator[BorrowedSystem]:
        """A system that nobody else uses meanwhile; its faults are ended afterwards.

        If a test fails meanwhile, no other one uses the system again.
        """
        system = BorrowedSystem(self.pool.borrow())
        failed = session.testsfailed
        self.in_use.append(system)
        try:
            yield system
        finally:
            self.in_use.remove(system)
            try:
                system.repair()
                good = session.testsfailed == failed and system.is_empty()
            except (OSError, requests.RequestException):
                good = False
            if good:
                self.pool.give_back(system.number)
            else:
                self.pool.throw_away(system.number)
