"""The base of all pollers: it reports errors in words, and knows which names were seen."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import Any, ClassVar

import requests
from botocore.exceptions import BotoCoreError, ClientError

from kit.page.formatting import Content
from kit.page.services import Services
from kit.page.state import State, Status

MAX_NAMES = 50_000  # of objects counted already


class Poller:
    """Asks one service for its news, and writes them into the state.

    Attributes:
        stage: where errors are shown.
        service: as messages name it.
        pause: seconds between two polls.
        current_error: of the last poll, which may also set it itself.
    """

    stage: ClassVar[str]
    service: ClassVar[str]
    pause: ClassVar[float] = 0.0

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state
        self.current_error = ""
        self.polled_at = -math.inf

    def poll(self) -> None:
        """Read the news."""
        raise NotImplementedError

    def poll_safely(self) -> None:
        """Poll, if it is time to; an error becomes the stage's, and the other pollers go on."""
        if time.monotonic() - self.polled_at < self.pause:
            return
        self.polled_at = time.monotonic()
        self.current_error = ""
        try:
            self.poll()
        except ClientError as error:
            message = error.response["Error"].get("Message") or str(error)
            self.current_error = f"{self.service} answers: {message}"
        except (BotoCoreError, requests.RequestException, OSError):
            self.current_error = f"{self.service} does not answer."
        except Exception as error:  # the page must go on, whatever it was told
            self.current_error = f"{self.service} gave an answer that is not understood: {error!r}"

    def client(self, service: str) -> Any:
        """A boto3 client of the learner's account."""
        return self.services.client(service)

    @property
    def status(self) -> Status:
        """The status of the stage, which the page shows."""
        return self.state.stages[self.stage]


class ContentPoller(Poller):
    """A poller of a stage that can also be opened."""

    def content(self) -> Content:
        """The content of the stage."""
        raise NotImplementedError

    @property
    def physical_id(self) -> str:
        """The id of the resource that the stage is."""
        return self.state.ids[self.stage]


class SeenNames:
    """Names that were seen already; the oldest are dropped when there are very many."""

    def __init__(self) -> None:
        self.names: OrderedDict[Any, None] = OrderedDict()

    def add(self, name: Any) -> bool:
        """Add a name; return whether it is new."""
        if name in self.names:
            return False
        self.names[name] = None
        if len(self.names) > MAX_NAMES:
            self.names.popitem(last=False)
        return True
