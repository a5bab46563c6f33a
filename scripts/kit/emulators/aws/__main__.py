"""Runs ministack with the plug-ins: python -m kit.emulators.aws."""

from __future__ import annotations

from ministack import app as gateway

from kit.emulators.aws import (
    buffer,
    calls,
    events,
    failing_requests,
    held_events,
    instance,
    logs,
    outbox,
    pages,
    permissions,
    secret,
    state,
    subscriptions,
    tls,
)
from kit.http import Guard
from kit.processes import exit_with_parent

MAX_BODY = 64 << 20  # bytes of a request; the largest of the workshop are photos of 20 MB
# Who comes later stands before who came earlier: events are held before they are queued, and a
# request meets the pages first, then TLS, then the faults.
PLUGINS = (
    instance,
    secret,
    buffer,
    events,
    held_events,
    logs,
    outbox,
    subscriptions,
    permissions,
    calls,
    state,
    failing_requests,
    tls,
    pages,
)


def main() -> None:
    """Put the plug-ins in, and serve until the parent ends."""
    exit_with_parent()
    for plugin in PLUGINS:
        plugin.install()
    gateway.app = Guard(gateway.app, MAX_BODY)
    gateway.main()


if __name__ == "__main__":
    main()
