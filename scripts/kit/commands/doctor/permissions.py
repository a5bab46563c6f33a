"""What a role's policies allow, compared with what the template gave it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from kit.commands.doctor.finding import Finding, quoted, wrong
from kit.commands.doctor.stack_context import Json, Patient


def listed(value: Any) -> list[Any]:
    """IAM lets you write one thing without the list around it."""
    return value if isinstance(value, list) else [value]


def covers(statement: Json, action: str, resource: str) -> bool:
    """Say whether a statement is about an action on a resource."""
    actions = [pattern.lower() for pattern in listed(statement.get("Action", []))]
    return any(fnmatchcase(action.lower(), pattern) for pattern in actions) and any(
        fnmatchcase(resource, pattern) for pattern in listed(statement.get("Resource", []))
    )


def is_held(wanted: Json, held: list[Json]) -> bool:
    """Say whether what a statement allows is still allowed, and not denied."""
    return all(
        {s["Effect"] for s in held if covers(s, action, resource)} == {"Allow"}
        for action in listed(wanted["Action"])
        for resource in listed(wanted["Resource"])
    )


def lost_permissions(patient: Patient, role: str) -> Finding | None:
    """Say what a role no longer allows of all that the template gave it."""
    (policy,) = patient.wanted(role, "Policies")
    held = {}  # policy name → statements
    for name in patient.pages(role, "list_role_policies", "PolicyNames"):
        document = patient.ask(role, "get_role_policy", PolicyName=name)["PolicyDocument"]
        held[name] = listed(document["Statement"])
    everything = [statement for statements in held.values() for statement in statements]
    lost = [s for s in policy["PolicyDocument"]["Statement"] if not is_held(s, everything)]
    if not lost:
        return None
    named = [f"{s['Sid']} ({', '.join(listed(s['Action']))})" for s in lost]
    return wrong(
        f"{role} lacks {', '.join(named)}",
        "The template gave it, and somebody took it away.",
        give_back(patient.ids[role], policy["PolicyName"], lost, held),
    )


def give_back(role: str, policy: str, lost: list[Json], held: dict[str, list[Json]]) -> str:
    """The commands that give a role its lost statements, and keep what else it has."""
    sids = {statement["Sid"] for statement in lost}
    kept = [s for s in held.get(policy, []) if s["Effect"] == "Allow" and s.get("Sid") not in sids]
    document = {"Version": "2012-10-17", "Statement": [*kept, *lost]}
    denying = [
        f" && aws iam delete-role-policy --role-name {role} --policy-name {other}"
        for other, statements in held.items()
        if other != policy and "Deny" in {s["Effect"] for s in statements}
    ]
    return (
        f"aws iam put-role-policy --role-name {role} --policy-name {policy} "
        f"--policy-document {quoted(document)}{''.join(denying)}"
    )
