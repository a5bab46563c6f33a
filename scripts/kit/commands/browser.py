"""Opens the page in the learner's browser."""

from __future__ import annotations

import html
import os
import sys
import webbrowser

from kit import private
from kit.running import FOLDER

FILE = FOLDER / "page.html"


def has_display() -> bool:
    """Whether a browser would have a place to open a window; elsewhere than on Linux it has."""
    return sys.platform != "linux" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def open_page(address: str) -> None:
    """Open an address that nobody else may see.

    Every user of the computer can read the command line of a browser, so what is opened is a file
    that leads to the address, as Jupyter does it. Only its owner can read it.
    """
    url = html.escape(address)
    private.write(
        FILE,
        '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={url}"><title>Serverless Bytes</title>',
    )
    webbrowser.open(FILE.as_uri())
