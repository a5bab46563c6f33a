"""The stack on the page: launched with a form of its template, watched, updated and deleted."""

from __future__ import annotations

import re
import threading
from typing import Any

from starlette.exceptions import HTTPException

from kit.jsonl import Json
from kit.page.formatting import iso
from kit.page.services import Services
from kit.page.state import State
from kit.stack.events import Events
from kit.stack.find import described, first_failure
from kit.stack.inventory import left_over
from kit.stack.stack import EMAIL, STACK_NAME
from kit.stack.template import TEMPLATE, compact_body, load_template, offline_parameters

INTERFACE = "AWS::CloudFormation::Interface"
# Part of the names of buckets, which have at most 63 characters, in lower case.
NAME_PATTERN = "[a-z][a-z0-9-]{0,22}"
CAPABILITY = "CAPABILITY_IAM"
# Where the page has what an output's link shows in the console.
PLACES = {
    "ConnectToInstance": "#/streamer",
    "InstanceName": "#/streamer",
    "InstanceId": "#/streamer",
    "InstanceAddress": "#/streamer",
    "TwitterBucketConsole": "#/data/TwitterBucket",
    "RekognitionBucketConsole": "#/data/RekognitionBucket",
    "RekognitionLambdaFunctionEditor": "#/code",
    "PostsTableName": "#/data/PostsTable",
    "MatchTopicConsole": "#/data/MatchTopic",
}


class Launch:
    """Does what the CloudFormation console does.

    The keys of X never reach the browser: an empty hidden field stands for the offline X's.

    Raises:
        HTTPException: from the methods that change something, when the form is not right.
        ClientError: when CloudFormation refuses it, in its words.
    """

    def __init__(self, services: Services, state: State) -> None:
        self.services = services
        self.state = state
        self.events: Events | None = None  # of the stack that was read last
        self.history: list[Json] = []  # its events so far, oldest first
        self.lock = threading.Lock()  # one reader at a time

    @property
    def cloudformation(self) -> Any:
        """The client."""
        return self.services.client("cloudformation")

    # --- Reading ------------------------------------------------------------------------------

    def form(self) -> Json:
        """The form, group by group, as the console takes it from the template."""
        template = load_template()
        interface, known = template["Metadata"][INTERFACE], self.offline_values()
        current = self.parameters()
        groups = []
        for group in interface["ParameterGroups"]:
            fields = []
            for name in group["Parameters"]:
                parameter = template["Parameters"][name]
                hidden = hidden_one(template["Parameters"], name)
                label = interface["ParameterLabels"].get(name, {}).get("default", name)
                default = current.get(name, known.get(name, parameter.get("Default", "")))
                fields.append(
                    {
                        "name": name,
                        "label": label,
                        "description": parameter.get("Description", ""),
                        "value": "" if hidden else str(default),
                        "hidden": hidden,
                        "number": parameter["Type"] == "Number",
                        "least": parameter.get("MinValue"),
                        "most": parameter.get("MaxValue"),
                        "choices": parameter.get("AllowedValues", []),
                        "pattern": parameter.get("AllowedPattern", ""),
                        "rule": parameter.get("ConstraintDescription", ""),
                    }
                )
            groups.append({"label": group["Label"]["default"], "fields": fields})
        return {"name": STACK_NAME, "pattern": NAME_PATTERN, "groups": groups}

    def offline_values(self) -> dict[str, str]:
        """The parameters with which the stack finds the offline X."""
        return offline_parameters(self.services.urls["x"], self.services.keys, EMAIL)

    def parameters(self) -> dict[str, str]:
        """Those of the stack, without the hidden ones; none without a stack."""
        stack = self.stack()
        found = stack.get("Parameters", []) if stack else []
        return {
            one["ParameterKey"]: one["ParameterValue"]
            for one in found
            if set(one["ParameterValue"]) != {"*"}
        }

    def stack(self) -> Json | None:
        """What CloudFormation says about the stack."""
        if not self.state.stack:
            return None
        found = described(self.cloudformation, self.state.stack["id"])
        return found[0] if found else None

    def progress(self) -> Json:
        """The stack's resources with their last events, its first failure, and its outputs."""
        stack = self.stack()
        if stack is None:
            return {"resources": [], "failure": "", "outputs": [], "parameters": {}}
        events = self.events_of(stack["StackId"])
        newest: dict[str, Json] = {}
        for event in events:
            newest.setdefault(event["LogicalResourceId"], event)
        failed = "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]
        return {
            "resources": [resource(event) for event in newest.values()],
            "failure": first_failure(events) if failed else "",
            "outputs": [
                {
                    "name": output["OutputKey"],
                    "value": output["OutputValue"],
                    "place": PLACES.get(output["OutputKey"], ""),
                }
                for output in stack.get("Outputs", [])
            ],
        }

    def events_of(self, stack_id: str) -> list[Json]:
        """All events of a stack, newest first; only the new ones are asked for."""
        with self.lock:
            if self.events is None or self.events.stack_id != stack_id:
                self.events, self.history = Events(self.cloudformation, stack_id), []
            self.history += self.events.new()
            return self.history[::-1]

    def left(self) -> Json:
        """What is left of a stack that was deleted, in listings of all that the account holds."""
        name = self.state.last_stack or STACK_NAME
        return {"name": name, "left": left_over(self.services.aws, name)}

    def contents(self) -> Json:
        """How many objects a deletion would delete."""
        counts = {}
        for name in ("TwitterBucket", "RekognitionBucket"):
            if bucket := self.state.ids.get(name):
                pages = self.services.client("s3").get_paginator("list_objects_v2")
                counts[bucket] = sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket))
        return counts

    # --- Changing -----------------------------------------------------------------------------

    def create(self, body: Json) -> None:
        """Launch a stack: {"name": …, "parameters": {…}, "iam": whether the box is ticked}."""
        name = body.get("name")
        if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name):
            raise HTTPException(
                400,
                "The stack's name is part of the buckets' names: lower-case letters, digits and "
                "hyphens, at most 23, and a letter first.",
            )
        known = self.offline_values()
        values = self.values(body)
        hidden = {key: known[key] for key in known.keys() - values.keys()}
        self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=compact_body(TEMPLATE.read_text(encoding="utf-8")),
            Parameters=[parameter(key, value) for key, value in (values | hidden).items()],
            Capabilities=capabilities(body),
        )

    def update(self, body: Json) -> None:
        """Change parameters of the stack: {"parameters": {…}, "iam": …}; the others stay."""
        values = self.values(body)
        names = load_template()["Parameters"]
        self.cloudformation.update_stack(
            StackName=self.name,
            TemplateBody=compact_body(TEMPLATE.read_text(encoding="utf-8")),
            Parameters=[
                parameter(key, values[key])
                if key in values
                else {"ParameterKey": key, "UsePreviousValue": True}
                for key in names
            ],
            Capabilities=capabilities(body),
        )

    def delete(self) -> None:
        """Delete the stack."""
        self.cloudformation.delete_stack(StackName=self.name)

    @property
    def name(self) -> str:
        """The stack's name."""
        if self.state.stack:
            return str(self.state.stack["name"])
        raise HTTPException(409, "There is no stack.")

    def values(self, body: Json) -> dict[str, str]:
        """The parameters of a form; a hidden one that was left empty is not among them."""
        given, definitions = body.get("parameters"), load_template()["Parameters"]
        if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
            raise HTTPException(400, "The request is not understood.")
        return {
            name: value
            for name, value in given.items()
            if value or not hidden_one(definitions, name)
        }


def hidden_one(definitions: Json, name: str) -> bool:
    """Whether a parameter's value is hidden; of the template's definitions, it may be in none."""
    return bool(definitions.get(name, {}).get("NoEcho"))


def parameter(name: str, value: str) -> Json:
    """As CloudFormation takes it."""
    return {"ParameterKey": name, "ParameterValue": value}


def capabilities(body: Json) -> list[str]:
    """What the learner allows; without the tick CloudFormation refuses the template."""
    return [CAPABILITY] if body.get("iam") is True else []


def resource(event: Json) -> Json:
    """A resource, by its newest event."""
    return {
        "id": event["LogicalResourceId"],
        "type": event["ResourceType"],
        "status": event["ResourceStatus"],
        "reason": event.get("ResourceStatusReason", ""),
        "at": iso(event["Timestamp"]),
    }
