"""Runs the emulated AWS until its parent ends: python -m kit.emulators.aws."""

from __future__ import annotations

from ministack import app as ministack

from kit.emulators.aws import app
from kit.processes import exit_with_parent


def main() -> None:
    """Serve at the address that the environment says: see process."""
    exit_with_parent()
    app.install()
    ministack.main()


if __name__ == "__main__":
    main()
