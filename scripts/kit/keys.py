"""The keys of an offline workshop: made at random, once for each home, and never well-known.

They are a dictionary, by the names that they have in an environment. Child processes get those that
they need in their environment, which only their owner can read; never on a command line.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping

ACCOUNT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")  # of the emulated AWS account
X_KEYS = (  # they stand for the learner's own
    "TWITTER_CONSUMER_KEY",
    "TWITTER_CONSUMER_SECRET",
    "TWITTER_TOKEN",
    "TWITTER_TOKEN_SECRET",
)
TOKEN = "WORKSHOP_TOKEN"  # opens what is below /_workshop/ of the emulators
PAGE_TOKEN = "WORKSHOP_PAGE_TOKEN"  # opens the page


def new_keys() -> dict[str, str]:
    """Make all keys of a workshop.

    An access key ID looks as AWS's does: AKIA and 16 characters, which are no secret there (IAM
    User Guide, "IAM identifiers"); a secret access key has 40.
    """
    keys = {name: secrets.token_urlsafe(24) for name in (*X_KEYS, TOKEN, PAGE_TOKEN)}
    access_key_id = "AKIA" + base64.b32encode(secrets.token_bytes(10)).decode()
    return dict(zip(ACCOUNT, (access_key_id, secrets.token_urlsafe(30)), strict=True)) | keys


def select(keys: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Some of the keys, such as those that one process needs."""
    return {name: keys[name] for name in names}


def metadata_key(token: str, instance_id: str) -> str:
    """What stands in the address of an instance's metadata service, so that others cannot ask it.

    On EC2 only the instance itself reaches the service. Both ends compute this from the token.
    """
    return hmac.new(token.encode(), instance_id.encode(), hashlib.sha256).hexdigest()


def take_token() -> str:
    """The workshop's token, out of this process's environment, which its children may inherit.

    Without one nobody gets in: it is a random one.
    """
    return os.environ.pop(TOKEN, "") or secrets.token_urlsafe()


def take_account() -> dict[str, str]:
    """The keys of the emulated account, out of this process's environment; empty without any."""
    return {name: os.environ.pop(name, "") for name in ACCOUNT}


def same(one: str, other: str) -> bool:
    """Compare secrets; the time that it takes does not tell how much was right."""
    return secrets.compare_digest(one.encode(), other.encode())
