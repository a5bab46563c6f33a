"""The protocols of the services, which say what type an answer has, such as text/xml.

ministack looks them up in botocore's models, of which each takes 30 ms to find and to read; so
those of the workshop's services are here.

AWS: Smithy specification, "AWS protocols". The values are those of botocore's models, under the
names that ministack has for the services.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ministack.core import responses

JSON_1_0 = {"protocol": "json", "jsonVersion": "1.0"}
JSON_1_1 = {"protocol": "json", "jsonVersion": "1.1"}
QUERY = {"protocol": "query"}

PROTOCOLS = {
    "cloudformation": QUERY,
    "cloudtrail": JSON_1_1,
    "dynamodb": JSON_1_0,
    "ec2": {"protocol": "ec2"},
    "firehose": JSON_1_1,
    "iam": QUERY,
    "kms": JSON_1_1,
    "lambda": {"protocol": "rest-json"},
    "logs": JSON_1_1,
    "s3": {"protocol": "rest-xml"},
    "secretsmanager": JSON_1_1,
    "sns": QUERY,
    "sqs": JSON_1_0,
    "sts": QUERY,
}


def model(original: Callable[[str], Any], service: str) -> Any:
    """As much of a service's model as tells its protocol; None if there is no such service."""
    known = PROTOCOLS.get(service)
    return SimpleNamespace(metadata=known) if known else original(service)


def install() -> None:
    """Let ministack ask here."""
    responses._service_model = functools.partial(model, responses._service_model)
