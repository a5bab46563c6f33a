"""The calls of functions in a template, and whether their arguments are what they take.

AWS: CloudFormation Template Reference Guide, "Intrinsic function reference". It does not list the
messages; they are those of people's questions, such as https://repost.aws/knowledge-center and
https://github.com/awslabs/aws-cfn-template-flip/pull/40.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kit.emulators.aws.validation.errors import TemplateError

SUPPORTED = (
    "Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, "
    "Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, "
    "Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, "
    "Fn::Cidr"
)
NAMES = frozenset(SUPPORTED.split(", "))
VARIABLE = re.compile(r"\$\{([^!}][^}]*|)\}")  # of Fn::Sub; ${!Literal} is none
VARIABLE_NAME = re.compile(r"[\w.:]+")
SUB_ARGUMENTS = (
    "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as "
    "first argument, and an optional second argument to specify a mapping of values to replace in "
    "the string"
)
SUB_NAMES = (
    "variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, "
    "periods, and colons"
)
# How many arguments a function takes, and what AWS says if there are others.
ARGUMENTS = {
    "Fn::Join": (
        {2},
        "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
        "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to "
        "be joined.",
    ),
    "Fn::Split": (
        {2},
        "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
        "to be split or a function that returns a string to be split.",
    ),
    "Fn::Select": (
        {2},
        "Fn::Select requires a list argument with two elements: an integer index and a list",
    ),
    "Fn::If": ({3}, "Fn::If requires a list argument with three elements"),
    "Fn::Equals": ({2}, "Fn::Equals requires a list argument with two elements"),
    "Fn::FindInMap": (
        {3, 4},
        "every Fn::FindInMap object requires three parameters, the map name, map key and the "
        "attribute for return value",
    ),
}


def calls(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the calls in a part of a template, the outer before the inner: name, argument."""
    if isinstance(node, dict):
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref" or name.lower().startswith("fn::"):
                yield name, argument
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from calls(value)


def check(name: str, argument: Any) -> None:
    """Check a call's name and the number of its arguments.

    Raises:
        TemplateError: AWS refuses it.
    """
    if name not in NAMES:
        raise TemplateError(
            f"Template error: Encountered unsupported function: {name} Supported functions are: "
            f"[{SUPPORTED}]"
        )
    if name == "Ref" and not (isinstance(argument, str) and argument):
        raise TemplateError("Template error: every Ref object must have a single String value.")
    if name in ARGUMENTS:
        counts, message = ARGUMENTS[name]
        if not isinstance(argument, list) or len(argument) not in counts:
            raise TemplateError(f"Template error: {message}")
    if name == "Fn::If" and not isinstance(argument[0], str):
        message = "Fn::If requires a list argument with the first element being a condition"
        raise TemplateError(f"Template error: {message}")


def attribute(argument: Any) -> tuple[str, str]:
    """The resource and the attribute that a Fn::GetAtt names.

    Raises:
        TemplateError: it does not name both.
    """
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    # The attribute alone may be a Ref.
    if not (isinstance(parts, list) and len(parts) == 2 and all(parts)) or not isinstance(
        parts[0], str
    ):
        raise TemplateError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the "
            "resource name and the resource attribute"
        )
    return parts[0], str(parts[1])


def variables(argument: Any) -> list[str]:
    """The names that a Fn::Sub takes from the template.

    Raises:
        TemplateError: its arguments are no such, or a name cannot be one.
    """
    text, values = (argument, {}) if isinstance(argument, str) else (None, {})
    if isinstance(argument, list) and len(argument) == 2:
        text, values = argument
    if not isinstance(text, str) or not isinstance(values, dict):
        raise TemplateError(f"Template error: {SUB_ARGUMENTS}")
    names = [name.strip() for name in VARIABLE.findall(text)]
    if not all(VARIABLE_NAME.fullmatch(name) for name in names):
        raise TemplateError(f"Template error: {SUB_NAMES}")
    return [name for name in names if name not in values]
