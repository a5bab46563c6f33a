"""A function's code: can it be loaded, is it still the template's, and how to change it."""

from __future__ import annotations

import ast
import io
import sys
import zipfile
from functools import cache

import requests

from kit.commands.doctor.finding import TWITTER, Finding, wrong
from kit.commands.doctor.stack_context import Patient


@cache
def source(patient: Patient, function: str) -> dict[str, str]:
    """A function's code: file name → text."""
    url = patient.function(function)["Code"]["Location"]
    with requests.Session() as session:
        session.trust_env = not patient.endpoint
        answer = session.get(url, timeout=30)
    answer.raise_for_status()
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        return {
            name: files.read(name).decode("utf-8", "replace")
            for name in files.namelist()
            if name.endswith(".py") and "/" not in name
        }


def is_templates(patient: Patient, function: str) -> bool:
    """Say whether the code is still what the template brought."""
    separator, lines = patient.declared(function)["Properties"]["Code"]["ZipFile"]["Fn::Join"]
    code = source(patient, function).get("index.py", "")
    return bool(code.strip() == separator.join(lines).strip())


def names(tree: ast.Module) -> set[str]:
    """What a module defines or imports, wherever it does so."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
    return found


def problem_of(files: dict[str, str], handler: str) -> str:
    """Say why Lambda cannot load the code, if that shows without running it."""
    module, _, name = handler.rpartition(".")
    text = files.get(f"{module}.py")
    if text is None:
        there = f", only {', '.join(sorted(files))}" if files else ""
        return f"there is no {module}.py, which the handler {handler} needs{there}"
    try:
        found = names(ast.parse(text))
    except SyntaxError as error:
        return f"{module}.py, line {error.lineno}: {error.msg}"
    except ValueError as error:  # such as bytes that are no text
        return f"{module}.py: {error}"
    return "" if found & {name, "*"} else f"{module}.py has no function {name}"


def broken_code(patient: Patient, function: str) -> Finding | None:
    """Lambda cannot load the function's code, which shows before it runs."""
    # An older Python here may not know all that Lambda's knows; then the log has to tell.
    if not patient.endpoint and sys.version_info < (3, 13):
        return None
    handler = patient.configuration(function)["Handler"]
    if not (problem := problem_of(source(patient, function), handler)):
        return None
    mend = how_to_change(patient, function)
    if handler != (wanted := patient.wanted(function, "Handler")):
        mend = configure(patient, function, f"--handler {wanted}")
    return wrong("its code cannot be loaded", problem, mend)


def how_to_change(patient: Patient, function: str) -> str:
    """How the learner puts other code into a function."""
    editor = patient.outputs.get("RekognitionLambdaFunctionEditor")
    take = f"python scripts/inline_code.py extract {function} index.py && "
    text = "Correct it in index.py, then: "
    if function == TWITTER:
        if is_templates(patient, function):
            return "Its code is the template's: post again, and look into its log if it stays so"
        text = "Put the template's code back: " + take
    elif not patient.endpoint and editor:
        return f"Correct it in the editor (step 10), Deploy, and post again: {editor}"
    return (
        f"{text}zip index.zip index.py && aws lambda update-function-code "
        f"--function-name {patient.ids[function]} --zip-file fileb://index.zip, and post again"
    )


def configure(patient: Patient, function: str, options: str) -> str:
    """The command that changes a function's configuration."""
    name = patient.ids[function]
    return f"aws lambda update-function-configuration --function-name {name} {options}"
