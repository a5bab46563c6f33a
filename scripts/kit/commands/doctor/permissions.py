"""What the policies of a role allow, compared with what the template gave it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from kit.commands.doctor import fixes
from kit.commands.doctor.finding import Finding, wrong
from kit.commands.doctor.stack_context import StackContext
from kit.jsonl import Json


def as_list(value: Any) -> list[Any]:
    """IAM accepts a single item without the list around it."""
    return value if isinstance(value, list) else [value]


def covers(statement: Json, action: str, resource: str) -> bool:
    """Whether a statement is about an action on a resource."""
    actions = [pattern.lower() for pattern in as_list(statement.get("Action", []))]
    return any(fnmatchcase(action.lower(), pattern) for pattern in actions) and any(
        fnmatchcase(resource, pattern) for pattern in as_list(statement.get("Resource", []))
    )


def is_granted(expected: Json, statements: list[Json]) -> bool:
    """Whether all that a statement allows is allowed by the others, and not denied."""
    return all(
        {s["Effect"] for s in statements if covers(s, action, resource)} == {"Allow"}
        for action in as_list(expected["Action"])
        for resource in as_list(expected["Resource"])
    )


def lost_permissions(context: StackContext, role: str) -> Finding | None:
    """What a role no longer allows of all that the template gave it."""
    (policy,) = context.expected(role, "Policies")
    found = {}  # policy name → statements
    for name in context.paginate(role, "list_role_policies", "PolicyNames"):
        document = context.call(role, "get_role_policy", PolicyName=name)["PolicyDocument"]
        found[name] = as_list(document["Statement"])
    everything = [statement for statements in found.values() for statement in statements]
    lost = [s for s in policy["PolicyDocument"]["Statement"] if not is_granted(s, everything)]
    if not lost:
        return None
    names = [f"{s['Sid']} ({', '.join(as_list(s['Action']))})" for s in lost]
    return wrong(
        f"{role} lacks {', '.join(names)}",
        "The template allows the role to do this; somebody removed it.",
        restore(context.ids[role], policy["PolicyName"], lost, found),
    )


def restore(role: str, policy: str, lost: list[Json], found: dict[str, list[Json]]) -> str:
    """The commands that give a role its lost statements, and keep its other ones."""
    sids = {statement["Sid"] for statement in lost}
    others = [
        s for s in found.get(policy, []) if s["Effect"] == "Allow" and s.get("Sid") not in sids
    ]
    commands = [fixes.put_role_policy(role, policy, [*others, *lost])]
    commands += [
        fixes.delete_role_policy(role, name)
        for name, statements in found.items()
        if name != policy and "Deny" in {s["Effect"] for s in statements}
    ]
    return " && ".join(commands)
