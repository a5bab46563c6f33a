"""The code that is checked: where it comes from, and whether Lambda can load it at all."""

from __future__ import annotations

import ast
import contextlib
import io
import sys
import tokenize
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kit.commands.check.harness import FUNCTION
from kit.emulators.aws.lambda_processes import PROVIDED
from kit.errors import InputError
from kit.running import Running
from kit.stack.code import deployed_code
from kit.stack.find import workshop_stacks

MAX_BYTES = 1_000_000  # of code; compareFaces.py has 5,000


def read_code(path: Path) -> bytes:
    """The code in a file.

    Raises:
        InputError: the file does not hold a program.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file: name one with the function's code.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(
            f"{path} has {path.stat().st_size / 1e6:,.0f} MB, too much for a function's code: name "
            "another file."
        )
    code = path.read_bytes()
    if not code.strip():
        raise InputError(f"{path} is empty: save your function in it first.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(code).readline)
        text = code.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        text = "\0"
    if "\0" in text:
        raise InputError(
            f"{path} is not text in UTF-8: name the file with the function's code, or save it as "
            "UTF-8."
        )
    return code


def code_of_workshop(workshop: Running) -> tuple[bytes, str]:
    """The code of the running workshop's function, and a name for it.

    Raises:
        InputError: there is no such function, or no workshop answers.
    """
    aws = workshop.aws()
    once = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
    cloudformation = aws.client("cloudformation", once)
    try:
        for stack in workshop_stacks(cloudformation, FUNCTION):
            with contextlib.suppress(ClientError):  # one without the function, such as a failed one
                resource = cloudformation.describe_stack_resource(
                    StackName=stack["StackName"], LogicalResourceId=FUNCTION
                )
                name = resource["StackResourceDetail"].get("PhysicalResourceId")
                if not name:  # it is yet to be created
                    continue
                function = aws.client("lambda", once).get_function(FunctionName=name)
                return deployed_code(function), f"{FUNCTION} of the stack {stack['StackName']}"
    except (BotoCoreError, ClientError, requests.RequestException):
        raise InputError(
            "The offline workshop does not answer: start it with “workshop.py start”, or name a "
            "file: “workshop.py check FILE”."
        ) from None
    except KeyError as missing:
        raise InputError(
            f"The deployed code of {FUNCTION} has no {missing.args[0]}, which its handler names."
        ) from None
    except zipfile.BadZipFile as error:
        raise InputError(f"The deployed code of {FUNCTION} cannot be read: {error}") from error
    raise InputError(
        f"The running workshop has no {FUNCTION} yet: launch the stack (step 3), or name a file: "
        "“workshop.py check FILE”."
    )


def load_error(code: bytes) -> str:
    """Why Lambda cannot load the code; empty if it can."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor} cannot read it"
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(code)
            compile(tree, "index.py", "exec")
    except SyntaxError as error:
        return f"{python}: line {error.lineno or 1}: {error.msg}."
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{python}: {error}."
    for line, package in imports(tree):
        if package not in sys.stdlib_module_names | PROVIDED:
            return (
                f"Line {line} imports {package}, which Lambda does not have: only boto3 and "
                "Python's standard library are there."
            )
    return handler_error(tree)


def handler_error(tree: ast.Module) -> str:
    """What is wrong with lambda_handler; empty if nothing is."""
    defined: dict[str, ast.AST] = {}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                defined[name] = node
            case ast.alias(name=name, asname=other):
                defined[other or name] = node
            case ast.Name(id=name, ctx=ast.Store()):
                defined[name] = node
    handler = defined.get("lambda_handler")
    if handler is None:
        return "It has no lambda_handler(event, context), which is the function that Lambda calls."
    if isinstance(handler, ast.AsyncFunctionDef):
        return "Lambda calls lambda_handler and does not await it: remove “async”."
    return ""


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and package of each import outside of a try."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Try():
                continue
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name.partition(".")[0]) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module.partition(".")[0]
        yield from imports(node)
