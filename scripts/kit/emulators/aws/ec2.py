"""EC2: the instance of a stack, how updates change it, and its metadata service.

ministack's CloudFormation has no AWS::EC2::Instance. Its metadata service, which came with
https://github.com/ministackorg/ministack/issues/434, has one role for all instances; here every
instance has a service of its own, so that several stacks fit into one account. What runs on the
instance is in emulators/instance.py; that its boot succeeds is signaled here at once.

AWS: CloudFormation Template Reference Guide, "AWS::EC2::Instance"; EC2 User Guide, "Retrieve
security credentials from instance metadata". Which property's change replaces an instance is also
in its schema of CloudFormation's registry, as createOnlyProperties. The root volume of the
workshop's AMI is in EBS: so what "some interruptions" stands for is a stop and a start, after which
the user data does not run again ("Run commands when you launch an EC2 instance with user data
input").
"""

from __future__ import annotations

import base64
import re
from typing import Any

from ministack.core.responses import get_region
from ministack.services import ec2, iam
from ministack.services.cloudformation import provisioners, wait_conditions
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from kit.emulators.aws import store
from kit.emulators.aws.auth import new_session, register_session, session_arn, workshop_token
from kit.emulators.aws.validation.errors import ResourceError
from kit.keys import metadata_key, same

CREDENTIALS_SECONDS = 86_400
CREDENTIALS_PATH = "meta-data/iam/security-credentials/"
# A change of these replaces the instance.
REPLACING = (
    "AvailabilityZone",
    "BlockDeviceMappings",
    "CpuOptions",
    "ElasticGpuSpecifications",
    "ElasticInferenceAccelerators",
    "EnclaveOptions",
    "HibernationOptions",
    "HostResourceGroupArn",
    "ImageId",
    "Ipv6AddressCount",
    "Ipv6Addresses",
    "KeyName",
    "LaunchTemplate",
    "LicenseSpecifications",
    "NetworkInterfaces",
    "PlacementGroupName",
    "PrivateIpAddress",
    "SecurityGroups",
    "SubnetId",
)
# A change of these stops the instance and starts it again.
INTERRUPTING = (
    "AdditionalInfo",
    "Affinity",
    "EbsOptimized",
    "HostId",
    "InstanceType",
    "KernelId",
    "RamdiskId",
    "Tenancy",
    "UserData",
)

OFFERED = ("t3.micro", "t3.small")  # types of instances that the region has

credentials_of: dict[str, dict[str, str]] = {}  # instance ID → its role's credentials


def create_instance(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, Any]:
    """Create an instance, with its role's credentials for the metadata service."""
    check_references(properties)
    profile, role = profile_of(properties)
    instance_id = run_instance(properties, profile)
    give_credentials(instance_id, role)
    signal_success(instance_id, properties.get("UserData", ""))
    return instance_id, attributes_of(instance_id)


def check_references(properties: dict[str, Any]) -> None:
    """The key pair and the subnet exist, if the properties name any.

    EC2 API Reference, "Error codes": InvalidKeyPair.NotFound and InvalidSubnetID.NotFound.

    Raises:
        ResourceError: one does not.
    """
    wanted = (
        ("key pair", properties.get("KeyName"), ec2._key_pairs),
        ("subnet ID", properties.get("SubnetId"), ec2._subnets),
    )
    for kind, name, known in wanted:
        if name and name not in known:
            raise ResourceError(f"The {kind} '{name}' does not exist", "Ec2", code="NotFound")


def signal_success(instance_id: str, user_data: str) -> None:
    """Send what cfn-signal would at the end of the boot to each wait condition's handle there."""
    script = base64.b64decode(user_data).decode("utf-8", "replace")
    for token in re.findall(rf"{wait_conditions.SIGNAL_PATH}([\w-]+)", script):
        signal = {"Status": "SUCCESS", "UniqueId": instance_id}
        wait_conditions.deliver_signal(token, signal)


def profile_of(properties: dict[str, Any]) -> tuple[str, str]:
    """The names of an instance's profile and of its role.

    Raises:
        ValueError: there is no such profile.
    """
    # ministack refers to a profile by its ARN, where AWS does so by its name.
    profile = properties.get("IamInstanceProfile", "").rpartition("/")[2]
    if profile not in iam._instance_profiles:
        raise ValueError(f"There is no instance profile {profile!r}")
    role = iam._instance_profiles[profile]["Roles"][0]
    return profile, role["RoleName"] if isinstance(role, dict) else role


def give_credentials(instance_id: str, role: str) -> None:
    """Let the metadata service of an instance give out a role's credentials."""
    credentials_of[instance_id] = new_session(role, instance_id) | {
        "Role": role,
        "Code": "Success",
        "Type": "AWS-HMAC",
    }
    store.append(instance=instance_id, credentials=credentials_of[instance_id])


def attributes_of(instance_id: str) -> dict[str, str]:
    """What Fn::GetAtt gives for an instance."""
    instance = ec2._instances[instance_id]
    return {
        "InstanceId": instance_id,
        "PrivateIp": instance.get("PrivateIpAddress", ""),
        "PublicIp": instance.get("PublicIpAddress", ""),
        "AvailabilityZone": f"{get_region()}a",
    }


def run_instance(properties: dict[str, Any], profile: str) -> str:
    """Call RunInstances, and return the new instance's ID."""
    names = ("ImageId", "InstanceType", "KeyName", "UserData")
    request = {name: properties.get(name, "") for name in names}
    request["IamInstanceProfile.Name"] = profile
    for number, group in enumerate(properties.get("SecurityGroupIds", []), start=1):
        request[f"SecurityGroupId.{number}"] = group
    _, _, answer = ec2._run_instances({name: [value] for name, value in request.items()})
    if not (found := re.search(rb"<instanceId>(.+?)</instanceId>", answer)):
        raise ValueError(f"RunInstances failed: {answer!r}")
    return found[1].decode()


def update_instance(
    instance_id: str, before: dict[str, Any], properties: dict[str, Any], stack: str
) -> tuple[str, Any]:
    """Change what can be changed without a new instance; stop and start it where AWS does."""
    instance = ec2._instances[instance_id]
    changed = {
        name
        for name in before.keys() | properties.keys()
        if before.get(name) != properties.get(name)
    }
    if changed & set(INTERRUPTING):
        ec2._stop_instances({"InstanceId.1": [instance_id]})
        instance["InstanceType"] = properties.get("InstanceType", instance["InstanceType"])
        instance["UserData"] = properties.get("UserData", "")
        ec2._start_instances({"InstanceId.1": [instance_id]})
        # Both are of the last start.
        instance["LaunchTime"], instance["PublicIpAddress"] = iam._future(0), ec2._random_ip("54.")
    if "SecurityGroupIds" in changed:
        groups = properties.get("SecurityGroupIds", [])
        instance["SecurityGroups"] = [
            {"GroupId": group, "GroupName": ec2._security_groups[group]["GroupName"]}
            for group in groups
        ]
    if "IamInstanceProfile" in changed:
        give_credentials(instance_id, profile_of(properties)[1])
    return instance_id, attributes_of(instance_id)


def delete_instance(instance_id: str, properties: dict[str, Any]) -> None:
    """Terminate the instance."""
    ec2._terminate_instances({"InstanceId.1": [instance_id]})
    credentials_of.pop(instance_id, None)


def describe_offerings(parameters: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """DescribeInstanceTypeOfferings, of the region: EC2 API Reference. ministack has none."""
    asked = ec2._parse_filters(parameters).get("instance-type", OFFERED)
    items = "".join(
        f"<item><instanceType>{name}</instanceType><locationType>region</locationType>"
        f"<location>{get_region()}</location></item>"
        for name in OFFERED
        if name in asked
    )
    answer: tuple[int, dict[str, str], bytes] = ec2._xml(
        200,
        "DescribeInstanceTypeOfferingsResponse",
        f"<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>",
    )
    return answer


async def metadata(request: Request) -> Response:
    """Answer as an instance's metadata service does, version 2: only with a token.

    The instance's ID in front of latest/ tells whose service it is; the key behind it lets in who
    is on the instance. That key is also the service's token.
    """
    instance_id, key, path = (request.path_params[n] for n in ("instance_id", "key", "path"))
    expected = metadata_key(workshop_token, instance_id)
    if instance_id not in credentials_of or not same(key, expected):
        return Response(status_code=404)
    if (request.method, path) == ("PUT", "api/token"):
        return PlainTextResponse(key)
    if not same(request.headers.get("x-aws-ec2-metadata-token", ""), key):
        return Response(status_code=401)  # version 1 is switched off in the template
    credentials = credentials_of[instance_id]
    texts = {"meta-data/instance-id": instance_id, CREDENTIALS_PATH: credentials["Role"]}
    if path in texts:
        return PlainTextResponse(texts[path])
    if path == f"{CREDENTIALS_PATH}{credentials['Role']}":
        expiration = iam._future(CREDENTIALS_SECONDS)
        return JSONResponse(credentials | {"LastUpdated": iam._future(0), "Expiration": expiration})
    return Response(status_code=404)


def install() -> None:
    """Load the instances of earlier runs, and let CloudFormation create new ones."""
    for entry in store.load("instance"):  # terminated ones do no harm
        instance_id, credentials = entry["instance"], entry["credentials"]
        credentials_of[instance_id] = credentials
        role = credentials["Role"]
        register_session(session_arn(role, instance_id), f"{role}:{instance_id}", credentials)
    provisioners._RESOURCE_HANDLERS["AWS::EC2::Instance"] = {
        "create": create_instance,
        "update": update_instance,
        "delete": delete_instance,
    }
    provisioners._REPLACING_PROPERTIES["AWS::EC2::Instance"] = REPLACING
    ec2._ACTION_MAP["DescribeInstanceTypeOfferings"] = describe_offerings
