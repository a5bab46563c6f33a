"""Runs the emulated AWS until its parent ends: python -m kit.emulators.aws.

ministack brings a server of its own, Hypercorn; but the kit's takes less time for each request.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

from ministack import app as ministack

from kit.emulators.aws import app, store
from kit.http import serve
from kit.processes import UNSAVED, exit_with_parent


def main() -> None:
    """Serve at the address that the environment says: see process."""
    exit_with_parent()
    app.install()
    with contextlib.suppress(ValueError, OSError):  # on macOS it may be 256 connections at once
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # ministack gives each answer its Date, and saves its state before it ends.
    serve(ministack.app, int(os.environ["GATEWAY_PORT"]), on_stop=lambda: None, with_date=False)
    if store.saver.problem:
        sys.exit(UNSAVED)


if __name__ == "__main__":
    main()
