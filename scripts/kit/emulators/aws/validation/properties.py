"""Checks the properties of a resource against the schema of its type.

The schemas are CloudFormation's own, as the package cfn-lint carries them; it is only read, because
importing it takes half a second. CloudFormation is lenient about types: "128" is a number, too.

AWS: CloudFormation CLI User Guide, "Resource type definition schema"; the words for a violation are
those of https://github.com/aws-cloudformation/cloudformation-resource-schema, which CloudFormation
validates with, and those of people's questions.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ministack.core.responses import get_region

Schema = dict[str, Any]
Place = tuple[str | int, ...]  # from a resource's properties

UNKNOWN = object()  # stands for a value that is known only when other resources are there
DEFAULT_REGION = "us-east-1"  # has all types
# S3 itself checks a bucket's name; the pattern in the schema is cfn-lint's.
UNCHECKED = {("AWS::S3::Bucket", "BucketName")}
JAVA_NAMES = {
    "string": "String",
    "integer": "Integer",
    "number": "Number",
    "boolean": "Boolean",
    "object": "JSONObject",
    "array": "JSONArray",
}


class Violation(NamedTuple):
    """What is wrong with a property.

    Attributes:
        path: where.
        message: as the handler of a resource has it.
        early: as the validation before a deployment has it, if otherwise.
    """

    path: Place
    message: str
    early: str = ""

    @property
    def pointer(self) -> str:
        """Where, as CloudFormation writes it: #/Code/ZipFile."""
        return "/".join(["#", *map(str, self.path)])


@functools.cache
def data_folder() -> Path:
    """Where the package cfn-lint keeps its schemas."""
    spec = find_spec("cfnlint")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / "data"


@functools.cache
def types_of(region: str) -> dict[str, str]:
    """The types of a region, with the names of their schemas' files."""
    file = data_folder() / "schemas" / "providers" / f"{region}.json"
    if not file.exists():
        return types_of(DEFAULT_REGION)
    types: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return types


@functools.cache
def schema_of(resource_type: str, region: str) -> Schema | None:
    """The schema of a resource type, or None if it has none."""
    name = types_of(region).get(resource_type) or types_of(DEFAULT_REGION).get(resource_type)
    if not name:
        return None
    file = data_folder() / "schemas" / "resources" / f"{name}.json"
    schema: Schema = json.loads(file.read_text(encoding="utf-8"))
    for read_only in schema.get("readOnlyProperties", []):
        schema["properties"].pop(read_only.removeprefix("/properties/"), None)
    return schema


def violations(resource_type: str, properties: dict[str, Any]) -> list[Violation]:
    """What is wrong with the properties of a resource, in the order of their paths.

    Args:
        resource_type: such as AWS::S3::Bucket; of a custom one nothing is known.
        properties: without functions; with UNKNOWN for what is not known yet.
    """
    schema = schema_of(resource_type, get_region())
    if schema is None or resource_type.startswith(("Custom::", "AWS::CloudFormation::")):
        return []
    found = Checker(schema).check(schema, properties, ())
    wanted = [each for each in found if (resource_type, *each.path[:1]) not in UNCHECKED]
    return sorted(wanted, key=lambda each: [str(part) for part in each.path])


def has_unknown(value: Any) -> bool:
    """Whether a part of a value is not known yet."""
    if isinstance(value, dict):
        value = list(value.values())
    return value is UNKNOWN or (isinstance(value, list) and any(map(has_unknown, value)))


def is_type(value: Any, name: str) -> bool:
    """Whether CloudFormation takes a value for one of a type."""
    if name in ("integer", "number"):
        pattern = r"[+-]?\d+" if name == "integer" else r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
        return not isinstance(value, bool) and bool(re.fullmatch(pattern, text_of(value)))
    if name == "boolean":
        return text_of(value) in ("true", "false")
    classes = {"string": (str, int, float), "object": (dict,), "array": (list,)}
    return isinstance(value, classes.get(name, (object,)))


def text_of(value: Any) -> str:
    """A value as CloudFormation writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def java_name(value: Any) -> str:
    """What the validator of CloudFormation, a Java program, calls the type of a value."""
    names = {
        bool: "Boolean",
        int: "Integer",
        float: "Double",
        dict: "JSONObject",
        list: "JSONArray",
    }
    return names.get(type(value), "String")


class Checker:
    """Checks values against parts of a schema.

    Args:
        root: the whole schema, with the definitions.
    """

    def __init__(self, root: Schema) -> None:
        self.root = root

    def check(self, schema: Any, value: Any, path: Place) -> Iterator[Violation]:
        """Yield what is wrong with a value."""
        if value is UNKNOWN or not isinstance(schema, dict):
            return
        types = schema.get("type", [])
        names = [types] if isinstance(types, str) else types
        if names and not any(is_type(value, name) for name in names):
            yield Violation(
                path, f"expected type: {JAVA_NAMES[names[0]]}, found: {java_name(value)}"
            )
            return
        if "$ref" in schema:
            yield from self.check(self.definition(schema["$ref"]), value, path)
        if isinstance(value, dict):
            yield from self.check_object(schema, value, path)
        elif isinstance(value, list):
            yield from self.check_list(schema, value, path)
        else:
            yield from check_scalar(schema, value, path)
        yield from self.check_several(schema, value, path)

    def definition(self, reference: str) -> Any:
        """The part of the schema that a reference such as #/definitions/Tag names."""
        part: Any = self.root
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        return part

    def check_object(self, schema: Schema, value: Schema, path: Place) -> Iterator[Violation]:
        """Check which properties an object has, and each of them."""
        for name in schema.get("required", []):
            if name not in value:
                yield Violation(path, f"required key [{name}] not found")
        properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        others = schema.get("additionalProperties", True)
        for name, member in value.items():
            known = [properties[name]] if name in properties else []
            known += [part for pattern, part in patterns.items() if matches(pattern, name)]
            if not known and others is False:
                yield Violation(
                    path,
                    f"extraneous key [{name}] is not permitted",
                    f"Unsupported property [{name}]",
                )
            for part in known or [others]:
                yield from self.check(part, member, (*path, name))

    def check_list(self, schema: Schema, value: list[Any], path: Place) -> Iterator[Violation]:
        """Check how many elements a list has, and each of them."""
        count = len(value)
        if count < schema.get("minItems", 0):
            yield Violation(
                path, f"expected minimum item count: {schema['minItems']}, found: {count}"
            )
        if count > schema.get("maxItems", count):
            yield Violation(
                path, f"expected maximum item count: {schema['maxItems']}, found: {count}"
            )
        different = {json.dumps(each, sort_keys=True, default=id) for each in value}
        if schema.get("uniqueItems") and len(different) < count and not has_unknown(value):
            yield Violation(path, "array items are not unique")
        for index, element in enumerate(value):
            yield from self.check(schema.get("items"), element, (*path, index))

    def check_several(self, schema: Schema, value: Any, path: Place) -> Iterator[Violation]:
        """Check against several schemas: all, any, or one of them."""
        for part in schema.get("allOf", []):
            yield from self.check(part, value, path)
        for keyword in sorted({"anyOf", "oneOf"} & schema.keys()):
            parts = schema[keyword]
            fitting = sum(not list(self.check(part, value, path)) for part in parts)
            if keyword == "anyOf" and not fitting:
                yield Violation(
                    path, f"no subschema matched out of the total {len(parts)} subschemas"
                )
            if keyword == "oneOf" and (not fitting or (fitting > 1 and not has_unknown(value))):
                yield Violation(path, f"{fitting} subschemas matched instead of one")


def check_scalar(schema: Schema, value: Any, path: Place) -> Iterator[Violation]:
    """Check a value that is neither an object nor a list."""
    text = text_of(value)
    allowed = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if allowed and text not in map(text_of, allowed):
        values = ", ".join(map(text_of, allowed))
        yield Violation(
            path,
            "failed validation constraint for keyword [enum]",
            f"{text} is not a valid enum value. Supported values: [{values}]",
        )
    if is_type(value, "number"):
        if float(text) < schema.get("minimum", float("-inf")):
            yield Violation(path, f"{text} is not greater or equal to {schema['minimum']}")
        if float(text) > schema.get("maximum", float("inf")):
            yield Violation(path, f"{text} is not less or equal to {schema['maximum']}")
    if len(text) < schema.get("minLength", 0):
        yield Violation(path, f"expected minLength: {schema['minLength']}, actual: {len(text)}")
    if len(text) > schema.get("maxLength", len(text)):
        yield Violation(path, f"expected maxLength: {schema['maxLength']}, actual: {len(text)}")
    if "pattern" in schema and not matches(schema["pattern"], text):
        yield Violation(path, "failed validation constraint for keyword [pattern]")


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is in a text; Java knows some that Python does not, and they pass."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True
