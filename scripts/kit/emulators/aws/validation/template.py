"""Refuses a template whose parts do not fit together, as CloudFormation does at the call.

ministack deploys a Ref to nothing as its own name, and runs into an unknown condition or a
resource without a type.

AWS: CloudFormation User Guide, "Template sections"; AWS re:Post Knowledge Center, "How do I resolve
template validation or template format errors in CloudFormation?", which lists most messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml
from ministack.services.cloudformation import engine

from kit.emulators.aws.validation import functions
from kit.emulators.aws.validation.errors import TemplateError

Template = dict[str, Any]

VERSION = "2010-09-09"
SECTIONS = frozenset(
    [
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Mappings",
        "Conditions",
        "Rules",
        "Hooks",
        "Transform",
        "Resources",
        "Outputs",
    ]
)
RESOURCE_ATTRIBUTES = frozenset(
    [
        "Type",
        "Properties",
        "DependsOn",
        "Condition",
        "Metadata",
        "CreationPolicy",
        "UpdatePolicy",
        "DeletionPolicy",
        "UpdateReplacePolicy",
    ]
)
PARAMETER_PROPERTIES = frozenset(
    [
        "Type",
        "Default",
        "NoEcho",
        "Description",
        "AllowedPattern",
        "AllowedValues",
        "ConstraintDescription",
        "MinLength",
        "MaxLength",
        "MinValue",
        "MaxValue",
    ]
)
PARAMETER_TYPES = ("String", "Number", "List<Number>", "CommaDelimitedList", "AWS::", "List<AWS::")
PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in [
        "AccountId",
        "NotificationARNs",
        "NoValue",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    ]
)


def parse(body: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: it is no JSON or YAML.
    """
    try:
        template = engine._parse_template(body)
    except json.JSONDecodeError as error:
        place = f"(line {error.lineno}, column {error.colno})"
        raise TemplateError(f"Template format error: JSON not well-formed. {place}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise TemplateError(f"Template format error: YAML not well-formed.{place}") from None
    except (yaml.YAMLError, ValueError):
        raise TemplateError("Template format error: unsupported structure.") from None
    return dict(template)


def check(template: Template) -> None:
    """Check all that a template alone tells.

    Raises:
        TemplateError: AWS refuses it; the message is AWS's.
    """
    if "Transform" in template:
        return  # what a macro makes of it is not known yet
    check_sections(template)
    check_parameters(template.get("Parameters", {}))
    for name, resource in template["Resources"].items():
        check_resource(name, resource)
    for output in template.get("Outputs", {}).values():
        if not isinstance(output, dict) or "Value" not in output:
            raise malformed("Every Outputs member must contain a Value object")
    check_conditions(template)
    for block in ("Resources", "Outputs"):
        check_references(template, block)
    check_circles(template["Resources"])


def malformed(message: str) -> TemplateError:
    """The error of a part that has not the form that it must have."""
    return TemplateError(f"Template format error: {message}")


def check_sections(template: Template) -> None:
    """Check what stands at the top."""
    if unknown := template.keys() - SECTIONS:
        names = ", ".join(sorted(map(str, unknown)))
        raise TemplateError(f"Invalid template property or properties [{names}]")
    version = str(template.get("AWSTemplateFormatVersion", VERSION))
    if version != VERSION:
        raise malformed(f"{version} is not a supported value for AWSTemplateFormatVersion.")
    for section in SECTIONS - {"AWSTemplateFormatVersion", "Description", "Transform", "Hooks"}:
        if not isinstance(template.get(section, {}), dict):
            raise malformed(f"[/{section}] '{section}' must be an object.")
    if not template.get("Resources"):
        raise malformed("At least one Resources member must be defined.")


def check_parameters(parameters: dict[str, Any]) -> None:
    """Check the definitions of the parameters."""
    for name, parameter in parameters.items():
        if not isinstance(parameter, dict) or "Type" not in parameter:
            raise malformed("Every Parameters object must contain a Type member.")
        if not name.isalnum():
            raise malformed(f"Parameter name {name} is non alphanumeric.")
        for unknown in parameter.keys() - PARAMETER_PROPERTIES:
            raise TemplateError(f"Invalid template parameter property '{unknown}'")
        if not str(parameter["Type"]).startswith(PARAMETER_TYPES):
            raise malformed(f"Unrecognized parameter type: {parameter['Type']}")


def check_resource(name: str, resource: Any) -> None:
    """Check the form of a resource."""
    if not isinstance(resource, dict):
        raise malformed("Every Resources object must be an object.")
    if not isinstance(resource.get("Type"), str):
        raise malformed(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    if not name.isalnum():
        raise malformed(f"Resource name {name} is non alphanumeric.")
    for unknown in sorted(resource.keys() - RESOURCE_ATTRIBUTES):
        raise TemplateError(f"Invalid template resource property '{unknown}'")
    if not isinstance(resource.get("Properties", {}), dict):
        raise malformed(
            f"[/Resources/{name}/Properties] 'null' values are not allowed in templates"
        )


def check_conditions(template: Template) -> None:
    """Check that the conditions that are named exist, and name no resources."""
    conditions = template.get("Conditions", {})
    for argument in conditions.values():
        for name, value in functions.calls(argument):
            functions.check(name, value)
            if name == "Ref" and value in template["Resources"]:
                raise malformed(
                    f"Unresolved dependencies [{value}]. Cannot reference resources in the "
                    "Conditions block of the template"
                )
        for value in named_conditions(argument):
            if value not in conditions:
                raise malformed(
                    f"Unresolved condition dependency {value} in the Conditions block of the "
                    "template"
                )
    parameters = template.get("Parameters", {}).keys() | PSEUDO_PARAMETERS
    raise_unresolved(refs(conditions), parameters, "Conditions")
    for block in ("Resources", "Outputs"):
        for part in template.get(block, {}).values():
            condition = part.get("Condition", "")
            if not isinstance(condition, str):
                raise malformed("Every Condition member must be a string.")
            if condition and condition not in conditions:
                raise malformed(
                    f"Unresolved condition dependency {condition} in the {block} block of the "
                    "template"
                )


def named_conditions(node: Any) -> Iterable[str]:
    """The conditions that a condition is made of."""
    if isinstance(node, dict):
        if isinstance(node.get("Condition"), str):
            yield node["Condition"]
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from named_conditions(value)


def refs(node: Any) -> list[str]:
    """What is referred to by Ref."""
    return [value for name, value in functions.calls(node) if name == "Ref"]


def check_references(template: Template, block: str) -> None:
    """Check that what the functions of a block refer to exists."""
    resources = template["Resources"].keys()
    names = resources | template.get("Parameters", {}).keys() | PSEUDO_PARAMETERS
    needed: list[str] = []
    for part in template.get(block, {}).values():
        depends_on = part.get("DependsOn", [])
        raise_unresolved(
            [depends_on] if isinstance(depends_on, str) else depends_on, resources, block
        )
        for name, argument in functions.calls(part):
            functions.check(name, argument)
            if name in CHECKS:
                CHECKS[name](argument, template)
            needed += unresolved_names(name, argument)
    raise_unresolved(needed, names, block)


def check_created(template: Template, conditions: dict[str, bool]) -> None:
    """Check that no resource needs one that its condition leaves out.

    Raises:
        TemplateError: AWS refuses it.
    """
    resources = template.get("Resources", {})
    left_out = {
        name for name, each in resources.items() if not conditions.get(each.get("Condition"), True)
    }
    for block in ("Resources", "Outputs"):
        parts = template.get(block, {})
        for name in parts.keys() - left_out:
            if conditions.get(parts[name].get("Condition"), True):
                chosen = branches(parts[name], conditions)
                needed = [each for each, _ in engine._intrinsic_references(chosen)]
                raise_unresolved(left_out.intersection(needed), set(), block)


def branches(node: Any, conditions: dict[str, bool]) -> Any:
    """A part of a template with the branch that each Fn::If takes."""
    if isinstance(node, list):
        return [branches(each, conditions) for each in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Fn::If"}:
        condition, yes, no = node["Fn::If"]
        return branches(yes if conditions.get(condition) else no, conditions)
    return {key: branches(value, conditions) for key, value in node.items()}


def unresolved_names(function: str, argument: Any) -> list[str]:
    """The names of parameters and resources that a call needs."""
    if function == "Ref":
        return [argument]
    if function == "Fn::Sub":
        return [name for name in functions.variables(argument) if "." not in name]
    return []


def raise_unresolved(needed: Iterable[str], names: Iterable[str], block: str) -> None:
    """Raise an error if one of the needed names does not exist."""
    known = set(names)
    if unknown := list(dict.fromkeys(name for name in needed if name not in known)):
        raise malformed(
            f"Unresolved resource dependencies [{', '.join(unknown)}] in the {block} block of the "
            "template"
        )


def check_attribute(argument: Any, template: Template) -> None:
    """Check that the resource of a Fn::GetAtt exists."""
    resource, _ = functions.attribute(argument)
    if resource not in template["Resources"]:
        raise TemplateError(
            f"Template error: instance of Fn::GetAtt references undefined resource {resource}"
        )


def check_sub(argument: Any, template: Template) -> None:
    """Check that the resources of whose attributes a Fn::Sub is made exist."""
    for name in functions.variables(argument):
        if "." in name and name.partition(".")[0] not in template["Resources"]:
            raise TemplateError(
                f"Template error: instance of Fn::Sub references invalid resource attribute {name}"
            )


def check_if(argument: Any, template: Template) -> None:
    """Check that the condition of a Fn::If exists."""
    if argument[0] not in template.get("Conditions", {}):
        raise TemplateError(
            f"Template error: unresolved condition dependency {argument[0]} in Fn::If"
        )


CHECKS: dict[str, Callable[[Any, Template], None]] = {
    "Fn::GetAtt": check_attribute,
    "Fn::Sub": check_sub,
    "Fn::If": check_if,
}


def check_circles(resources: dict[str, Any]) -> None:
    """Check that no resource depends on itself, be it over others."""
    names = set(resources)
    needs = {name: engine._extract_deps(resources[name], names) for name in resources}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = ", ".join(dict.fromkeys(error.args[1]))
        raise TemplateError(f"Circular dependency between resources: [{circle}]") from None
