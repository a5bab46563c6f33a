"""Files that only their owner can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all, whatever was there before.

    Nobody else can open it at any moment: it has this mode from the start, under a name that
    nobody knows, and gets its own name when it is complete and on the disk.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def make_folder(path: Path) -> None:
    """Make a folder of mode 0700; or give that to one that exists."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
