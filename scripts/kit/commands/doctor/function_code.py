"""The code of a function: whether Lambda can load it, and how to correct it."""

from __future__ import annotations

import ast
import sys
from functools import cache

from kit.commands.doctor import fixes
from kit.commands.doctor.finding import TWITTER, Finding, wrong
from kit.commands.doctor.stack_context import StackContext
from kit.stack.code import deployed_files
from kit.stack.template import code_of


@cache
def source(context: StackContext, function: str) -> dict[str, str]:
    """A function's code: file name → text."""
    return {
        name: content.decode("utf-8", "replace")
        for name, content in deployed_files(context.function(function)).items()
        if name.endswith(".py") and "/" not in name
    }


def is_starter(context: StackContext, function: str) -> bool:
    """Whether the code is still the template's."""
    code = source(context, function).get("index.py", "")
    return code.strip() == code_of(function).strip()


def names(tree: ast.Module) -> set[str]:
    """What a module defines or imports, wherever it does so."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
    return found


def load_error(files: dict[str, str], handler: str) -> str:
    """Why Lambda cannot load the code, as far as that shows without running it; or empty."""
    module, _, name = handler.rpartition(".")
    text = files.get(f"{module}.py")
    if text is None:
        there = f", only {', '.join(sorted(files))}" if files else ""
        return f"there is no {module}.py, which the handler {handler} needs{there}"
    try:
        found = names(ast.parse(text))
    except SyntaxError as error:
        return f"{module}.py, line {error.lineno}: {error.msg}"
    except ValueError as error:  # such as a null byte
        return f"{module}.py: {error}"
    return "" if found & {name, "*"} else f"{module}.py has no function {name}"


def broken_code(context: StackContext, function: str) -> Finding | None:
    """Lambda cannot load the function's code, which shows before it runs."""
    # An older Python here may not know all that Lambda's knows; then the log has to tell.
    if not context.endpoint and sys.version_info < (3, 13):
        return None
    handler = context.configuration(function)["Handler"]
    if not (cause := load_error(source(context, function), handler)):
        return None
    fix = how_to_correct(context, function)
    if handler != (expected := context.expected(function, "Handler")):
        fix = fixes.configure_function(context.ids[function], handler=expected)
    return wrong("Lambda cannot load its code", cause, fix)


def how_to_correct(context: StackContext, function: str) -> str:
    """How the learner corrects a function's code: in the editor on AWS, else with the CLI."""
    editor = context.outputs.get("RekognitionLambdaFunctionEditor")
    update = f"{fixes.update_code(context.ids[function])}, and post again"
    if function == TWITTER:
        if is_starter(context, function):
            return "The code is the template's. Post again; if that fails too, read its log"
        return f"Put the template's code back: {fixes.extract_code(function)} && {update}"
    if not context.endpoint and editor:
        return f"Correct the code in the editor (step 10), deploy it, and post again: {editor}"
    return f"Correct the code in index.py, then: {update}"
