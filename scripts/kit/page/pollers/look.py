"""What all looks at a party have in common: they fail in words, and remember what they saw."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import Any, ClassVar

import requests
from botocore.exceptions import BotoCoreError, ClientError

from kit.page.documents import Content
from kit.page.hop import Hop
from kit.page.known import Known
from kit.page.parties import Parties

KEPT_NAMES = 50_000  # of objects counted already


class Look:
    """Reads at one party what is new there, and writes it down in what is known.

    Attributes:
        hop: where trouble is shown.
        party: who it is that does not answer.
        pause: seconds between two looks.
        trouble: what is wrong now; a look may say so itself, too.
    """

    hop: ClassVar[str]
    party: ClassVar[str]
    pause: ClassVar[float] = 0.0

    def __init__(self, parties: Parties, known: Known) -> None:
        self.parties = parties
        self.known = known
        self.trouble = ""
        self.looked = -math.inf

    def look(self) -> None:
        """Read what is new."""
        raise NotImplementedError

    def client(self, service: str) -> Any:
        """A boto3 client of the learner's account."""
        return self.parties.client(service)

    @property
    def box(self) -> Hop:
        """What is shown of the hop."""
        return self.known.hops[self.hop]

    def attempt(self) -> None:
        """Look, if it is time to; what goes wrong is trouble of the hop, and the others go on."""
        if time.monotonic() - self.looked < self.pause:
            return
        self.looked = time.monotonic()
        self.trouble = ""
        try:
            self.look()
        except ClientError as error:
            text = error.response["Error"].get("Message") or str(error)
            self.trouble = f"{self.party} answers: {text}"
        except (BotoCoreError, requests.RequestException, OSError):
            self.trouble = f"{self.party} does not answer."
        except Exception as error:  # the page must go on, whatever it was told
            self.trouble = f"{self.party} gave an answer that is not understood: {error!r}"


class LookInside(Look):
    """A look at a hop that can also be opened."""

    def content(self) -> Content:
        """What really is in it."""
        raise NotImplementedError

    @property
    def physical_id(self) -> str:
        """The id of the resource that the hop is."""
        return self.known.ids[self.hop]


class Names:
    """Names that were seen already; the oldest are forgotten when there are very many."""

    def __init__(self) -> None:
        self.names: OrderedDict[Any, None] = OrderedDict()

    def new(self, name: Any) -> bool:
        """Note a name; say whether it is new."""
        if name in self.names:
            return False
        self.names[name] = None
        if len(self.names) > KEPT_NAMES:
            self.names.popitem(last=False)
        return True
