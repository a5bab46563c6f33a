"""A GitHub codespace: the address at which its owner's browser finds a port of it.

GitHub: "Default environment variables for your codespace", which has the names below, and
"Forwarding ports in your codespace": a port is private to the codespace's owner unless they share
it. What the proxy in front of it does is known from those who run servers behind it: Host is the
public name or localhost, and an Origin that is the public address becomes that of localhost
(https://github.com/symfony/demo/pull/1542, https://github.com/mastodon/mastodon/pull/26400).
"""

from __future__ import annotations

import os

NAMES = ("CODESPACES", "CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")


def environment() -> dict[str, str]:
    """What a child process must know to be in the codespace, too; empty outside of one."""
    return {name: os.environ[name] for name in NAMES if name in os.environ}


def public_host(port: int) -> str:
    """The name of a port of this codespace in its owner's browser; empty outside of one."""
    known, name, domain = (os.environ.get(one, "") for one in NAMES)
    return f"{name}-{port}.{domain}" if known == "true" and name and domain else ""
