"""Runs the emulated AWS until its parent ends: python -m kit.emulators.aws."""

from __future__ import annotations

import sys

from ministack import app as ministack

from kit.emulators.aws import app, store
from kit.emulators.aws.process import UNSAVED
from kit.processes import exit_with_parent


def main() -> None:
    """Serve at the address that the environment says: see process."""
    exit_with_parent()
    app.install()
    ministack.main()
    if store.saver.problem:
        sys.exit(UNSAVED)


if __name__ == "__main__":
    main()
