"""Refuses parameters that do not fit the template, as CloudFormation does at the call.

ministack takes parameters that the template does not have, and has words of its own for the rest.

AWS: CloudFormation User Guide, "CloudFormation template Parameters syntax"; the messages are those
of people's questions, such as https://github.com/aws/aws-cli/issues/4887.
"""

from __future__ import annotations

from typing import Any

from kit.emulators.aws.validation.errors import TemplateError


def check(
    definitions: dict[str, Any], given: list[dict[str, Any]], previous: dict[str, Any]
) -> None:
    """Check the parameters of a call.

    Args:
        definitions: of the template.
        given: Key, Value and UsePreviousValue of each.
        previous: those that the stack has, by name.

    Raises:
        TemplateError: AWS refuses them.
    """
    if unknown := [each["Key"] for each in given if each["Key"] not in definitions]:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    by_name = {each["Key"]: each for each in given}
    for name, each in by_name.items():
        if each["UsePreviousValue"] and name not in previous:
            raise TemplateError(
                f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true "
                "for a parameter key not in the previous template"
            )
    needed = [name for name, definition in definitions.items() if "Default" not in definition]
    if missing := [name for name in needed if name not in by_name]:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, definition in definitions.items():
        each = by_name.get(name, {"Value": definition.get("Default"), "UsePreviousValue": False})
        if not each["UsePreviousValue"]:
            check_value(name, definition, str(each["Value"]))


def check_value(name: str, definition: dict[str, Any], value: str) -> None:
    """Check a value against the list of a parameter, and whether it is a number."""
    allowed = [str(each) for each in definition.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise constraint_error(name, definition, "must be one of AllowedValues")
    if definition["Type"] == "Number":
        try:
            float(value)
        except ValueError:
            raise TemplateError(f"Parameter '{name}' must be a number.") from None


def constraint_error(name: str, definition: dict[str, Any], reason: str) -> TemplateError:
    """The error of a value that violates a constraint; the template may say what it must be."""
    if description := definition.get("ConstraintDescription"):
        return TemplateError(f"Parameter {name} failed to satisfy constraint: {description}")
    return TemplateError(f"Parameter '{name}' {reason}")
