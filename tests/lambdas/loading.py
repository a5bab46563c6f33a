"""The functions' code, loaded into this process as Lambda loads it."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import boto3

from kit.events_without_photo import OF_OTHER_SERVICES, WITHOUT_RECORDS
from kit.stack.template import code_of
from support import REPOSITORY

SOLUTION = (REPOSITORY / "scripts" / "compareFaces.py").read_text()
NO_PHOTO = "No photo in this event (the button Test sends such a one): post a photo to try it"
WITHOUT_PHOTO = [*WITHOUT_RECORDS, *OF_OTHER_SERVICES, {"Records": []}]
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "PHOTO_URL_PREFIX": "https://pbs.twimg.com/media/",
    "SAMPLE_URL_PREFIX": "https://samples.example/",
    "REFERENCE_PHOTO": "celebrity.jpg",
    "REKOGNITION_BUCKET": "bucket",
    "SIMILARITY_THRESHOLD": "80",
    "TABLE_NAME": "table",
    "TOPIC_ARN": "topic",
}


def load_code(code: str, name: str, **environment: str) -> dict[str, Any]:
    """Run a function's code as Lambda does when it starts, and return the names that it defines."""
    names: dict[str, Any] = {"__name__": name}
    new_session = mock.patch.object(boto3, "DEFAULT_SESSION", None)  # else it has another's keys
    with mock.patch.dict(os.environ, VARIABLES | environment), new_session:
        exec(compile(code, f"{name}.py", "exec"), names)
    return names


def load_inline(logical_id: str, **environment: str) -> dict[str, Any]:
    """The same for a function of the template."""
    return load_code(code_of(logical_id), logical_id, **environment)
