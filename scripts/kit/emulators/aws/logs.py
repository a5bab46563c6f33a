"""Lambda: a function's log. It is complete, and is written only if the function's role may.

Three things complete it: time for the last lines, which come late on a busy computer; a line when
the code cannot be loaded or takes too long; and the handler of the root logger, through which
`logging` reaches the log.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, lambda_svc

from kit.emulators.aws.auth import role_may

LOG_SECONDS = {"first_line_wait": 0.25, "idle_confirm": 0.05, "hard_cap": 3.0}
# Runs first in a function's process. As on Lambda, there is a handler and the level is WARNING.
LOGGING = """
import logging, sys
logging.basicConfig(
    stream=sys.stderr, format="[%(levelname)s]\\t%(asctime)s.%(msecs)03dZ\\t%(message)s"
)
"""


def write_log(original: Callable[..., None], function: Any, *arguments: Any, **more: Any) -> None:
    """Write a function's log if its role may; ministack would also create the group for it."""
    config = function.get("config") or function
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    group = group or f"/aws/lambda/{config['FunctionName']}"
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
    needed = ("logs:CreateLogStream", "logs:PutLogEvents")
    if group in cloudwatch_logs._log_groups and all(
        role_may(config["Role"], action, arn) for action in needed
    ):
        original(function, *arguments, **more)


def run_warm(original: Callable[..., Any], *arguments: Any, **more: Any) -> dict[str, Any]:
    """Log what ends a function from outside: code that cannot be loaded, or its timeout."""
    result: dict[str, Any] = original(*arguments, **more)
    body = result.get("body")
    message = body.get("errorMessage", "") if isinstance(body, dict) else ""
    message = message.replace("Worker init failed", "the code cannot be loaded")
    log = result.get("log") or ""
    if result.get("error") and "Traceback" not in log:  # else the function itself raised an error
        result["log"] = f"{log.removesuffix(message)}\n[ERROR] {message}".lstrip()
    return result


def install() -> None:
    """Let Lambda write its logs like this."""
    lambda_svc._execute_function_warm = functools.partial(
        run_warm, lambda_svc._execute_function_warm
    )
    lambda_svc._emit_lambda_logs = functools.partial(write_log, lambda_svc._emit_lambda_logs)
    lambda_runtime._PYTHON_WORKER_SCRIPT = LOGGING + lambda_runtime._PYTHON_WORKER_SCRIPT
    lambda_runtime.Worker._drain_stderr_bounded = functools.partialmethod(
        lambda_runtime.Worker._drain_stderr_bounded, **LOG_SECONDS
    )
