"""A function's code: download what is deployed, and replace it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from kit.jsonl import Json
from kit.running import REPOSITORY

SOLUTION = REPOSITORY / "scripts" / "compareFaces.py"  # of the exercise
DOWNLOAD_SECONDS = 30
POLL_SECONDS = 0.1


def deployed_files(function: Json) -> dict[str, bytes]:
    """Download a function's code: path in the archive → content.

    Args:
        function: what GetFunction says about it.

    Raises:
        requests.RequestException: it cannot be downloaded.
        zipfile.BadZipFile: it is no archive.
    """
    url = function["Code"]["Location"]
    with requests.Session() as session:
        session.trust_env = urlsplit(url).hostname != "127.0.0.1"  # no proxy on this computer
        answer = session.get(url, timeout=DOWNLOAD_SECONDS)
    answer.raise_for_status()
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def deployed_code(function: Json) -> bytes:
    """Download the module that Lambda calls.

    Raises:
        KeyError: there is no such module.
        requests.RequestException, zipfile.BadZipFile: as `deployed_files`.
    """
    return deployed_files(function)[handler_file(function["Configuration"])]


def handler_file(configuration: Json) -> str:
    """The file with a function's handler: index.py for index.lambda_handler."""
    return f"{configuration['Handler'].rpartition('.')[0]}.py"


def replace_code(functions: Any, name: str, files: Mapping[str, str | bytes]) -> None:
    """Deploy other code, as the Lambda console's editor does, and wait until it is in use.

    Args:
        functions: a boto3 client of Lambda.
        name: of the function.
        files: path in the archive → content.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path, content in files.items():
            file.writestr(path, content)
    functions.update_function_code(FunctionName=name, ZipFile=archive.getvalue())
    functions.get_waiter("function_updated_v2").wait(
        FunctionName=name, WaiterConfig={"Delay": POLL_SECONDS, "MaxAttempts": 600}
    )
