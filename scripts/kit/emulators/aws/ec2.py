"""EC2: the instance of the stack, which ministack's CloudFormation cannot create."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_region
from ministack.services import ec2, iam
from ministack.services.cloudformation import provisioners

from kit.emulators.aws.kept import remember, remembered
from kit.emulators.aws.sessions import new_session, register_session

instances: dict[str, dict[str, str]] = {}  # instance ID → its role's credentials


def create_instance(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, Any]:
    """Record an instance, with its role's credentials for the metadata service."""
    # ministack refers to a profile by its ARN, where AWS does so by its name.
    profile = properties.get("IamInstanceProfile", "").rpartition("/")[2]
    if profile not in iam._instance_profiles:
        raise ValueError(f"There is no instance profile {profile!r}")
    role = iam._instance_profiles[profile]["Roles"][0]
    role = role["RoleName"] if isinstance(role, dict) else role
    request = {
        "ImageId": properties.get("ImageId", ""),
        "InstanceType": properties.get("InstanceType", ""),
        "KeyName": properties.get("KeyName", ""),
        "UserData": properties.get("UserData", ""),
        "IamInstanceProfile.Name": profile,
    }
    for number, group in enumerate(properties.get("SecurityGroupIds", []), start=1):
        request[f"SecurityGroupId.{number}"] = group
    before = set(ec2._instances)
    status, _, body = ec2._run_instances({name: [value] for name, value in request.items()})
    if status != 200:
        raise ValueError(f"RunInstances failed: {body!r}")
    instance_id = next(name for name in ec2._instances if name not in before)
    instance = ec2._instances[instance_id]
    instances[instance_id] = new_session(role, instance_id) | {
        "Role": role,
        "Code": "Success",
        "Type": "AWS-HMAC",
    }
    remember(instance=instance_id, credentials=instances[instance_id])
    return instance_id, {
        "InstanceId": instance_id,
        "PrivateIp": instance.get("PrivateIpAddress", ""),
        "PublicIp": instance.get("PublicIpAddress", ""),
        "AvailabilityZone": f"{get_region()}a",
    }


def delete_instance(instance_id: str, properties: dict[str, Any]) -> None:
    """Terminate the instance."""
    ec2._terminate_instances({"InstanceId.1": [instance_id]})
    instances.pop(instance_id, None)


def install() -> None:
    """Know the instances of earlier runs, and let CloudFormation create new ones."""
    for change in remembered("instance"):  # terminated ones do no harm
        instance_id, credentials = change["instance"], change["credentials"]
        instances[instance_id] = credentials
        register_session(credentials["Role"], instance_id, credentials)
    provisioners._RESOURCE_HANDLERS["AWS::EC2::Instance"] = {
        "create": create_instance,
        "delete": delete_instance,
    }
