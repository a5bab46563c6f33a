"""The logs of a demo that has failed: they are in a folder that stays."""

from __future__ import annotations

import contextlib
from pathlib import Path

from kit import private
from kit.running import FOLDER
from kit.stack.stack import Stack

LOGS = FOLDER / "logs"


def save_function_logs(stack: Stack | None) -> Path:
    """Copy what a stack's functions have printed to the folder, and return that."""
    private.make_folder(FOLDER)
    private.make_folder(LOGS)
    for name in ("TwitterLambdaLogs", "RekognitionLambdaLogs"):
        with contextlib.suppress(Exception):  # they may not exist, or AWS may be what failed
            if stack:
                private.write(LOGS / f"{name}.log", "\n".join(stack.log_lines(name)))
    return LOGS
