"""Runs the streamer on the instance: python -m kit.emulators.instance_process, in its folder.

A file of its own: it runs as long as the streamer, and imports nothing of the workshop's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from kit.processes import exit_with_parent

COMMAND = ("python", "twitter_streaming.py")  # as the Instructions say it


def main() -> int:
    """Run the streamer until it ends, and return its exit code."""
    exit_with_parent()
    # A stop reaches the streamer as well. Wait until it has sent what it holds.
    signal.signal(signal.SIGTERM, lambda *_: None)
    environment = os.environ.copy()
    del environment["PYTHONPATH"]  # it found us, and the instance has none
    return subprocess.run(
        COMMAND, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
