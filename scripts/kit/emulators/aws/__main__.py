"""Runs ministack with the plug-ins: python -m kit.emulators.aws."""

from __future__ import annotations

from ministack import app as gateway

from kit.emulators.aws import (
    admin,
    auth,
    cloudformation,
    cloudtrail,
    ec2,
    failing_requests,
    firehose,
    held_events,
    lambda_,
    logs,
    outbox,
    sns,
    store,
    tls,
)
from kit.http import Guard
from kit.processes import exit_with_parent

MAX_BODY = 64 << 20  # bytes of a request; the largest of the workshop are photos of 20 MB
# Who comes later stands before who came earlier: events are held before they are queued, and a
# request meets the pages first, then TLS, then the faults.
PLUGINS = (
    ec2,
    cloudformation,
    firehose,
    lambda_,
    held_events,
    logs,
    outbox,
    sns,
    auth,
    cloudtrail,
    store,
    failing_requests,
    tls,
    admin,
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
