"""STS: temporary credentials of a role, for a service or an instance that acts as that role."""

from __future__ import annotations

import secrets

from ministack.core.responses import get_account_id
from ministack.services import sts


def new_session(role_arn: str, name: str) -> dict[str, str]:
    """Temporary credentials of a role, as STS makes them for a service."""
    role = role_arn.rpartition("/")[2]
    credentials = {
        "AccessKeyId": f"ASIA{secrets.token_hex(8).upper()}",
        "SecretAccessKey": secrets.token_hex(20),
        "Token": secrets.token_hex(),
    }
    register_session(role, name, credentials)
    return credentials


def register_session(role: str, name: str, credentials: dict[str, str]) -> None:
    """Let temporary credentials stand for a role."""
    sts.register_session(
        credentials["AccessKeyId"],
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{role}/{name}",
            "UserId": f"{role}:{name}",
            "SecretAccessKey": credentials["SecretAccessKey"],
            "SessionToken": credentials["Token"],
        },
    )
