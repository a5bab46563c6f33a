"""What is in use cannot be deleted: a role with policies of others, a group with instances.

ministack's CloudFormation deletes it all the same.

AWS: IAM API Reference, "DeleteRole"; EC2 API Reference, "DeleteSecurityGroup".
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2, iam

from kit.emulators.aws.cloudformation import Operation, wrap
from kit.emulators.aws.validation.errors import ResourceError

GONE = ("terminated", "shutting-down")


def delete_role(original: Operation, name: str, properties: dict[str, Any]) -> None:
    """Delete a stack's role, if it has only what the stack gave it."""
    role = iam._roles.get(name, {})
    own = {policy.get("PolicyName") for policy in properties.get("Policies", [])}
    attached = set(role.get("AttachedPolicies", [])) - set(properties.get("ManagedPolicyArns", []))
    profiles = [each for each in iam._instance_profiles.values() if name in roles_of(each)]
    for wrong, message in (
        (profiles, "must remove roles from instance profile first."),
        (attached, "must detach all policies first."),
        (role.get("InlinePolicies", {}).keys() - own, "must delete policies first."),
    ):
        if wrong:
            raise ResourceError(f"Cannot delete entity, {message}", "Iam", 409, "ResourceConflict")
    original(name, properties)


def roles_of(profile: dict[str, Any]) -> list[str]:
    """The roles of an instance profile."""
    return [role["RoleName"] if isinstance(role, dict) else role for role in profile["Roles"]]


def delete_group(original: Operation, group_id: str, *arguments: Any) -> None:
    """Delete a stack's security group, if no instance has it."""
    for instance in ec2._instances.values():
        groups = [group["GroupId"] for group in instance.get("SecurityGroups", [])]
        if group_id in groups and instance["State"]["Name"] not in GONE:
            message = f"resource {group_id} has a dependent object"
            raise ResourceError(message, "Ec2", code="InvalidRequest")
    original(group_id, *arguments)


def install() -> None:
    """Let CloudFormation delete like this."""
    wrap("AWS::IAM::Role", "delete", delete_role)
    wrap("AWS::EC2::SecurityGroup", "delete", delete_group)
