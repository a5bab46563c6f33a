"""The template: where it is, how it is sent in a request, and the code that it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from kit.jsonl import Json
from kit.running import REPOSITORY

TEMPLATE = REPOSITORY / "RekognitionWorkshopCFN.json"
# What a shell sends: the same as `compact_body`, with nothing of ours, also in CloudShell.
BODY_IN_SHELL = f'"$(python3 -m json.tool --compact {TEMPLATE.name})"'


def compact_body(text: str) -> str:
    """Return a template without its white space, as it is sent in a request.

    It is what `python3 -m json.tool --compact` prints.
    """
    return json.dumps(json.loads(text), separators=(",", ":"))


def load_template() -> Json:
    """Return the template of the repository."""
    template: Json = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    return template


def code_of(name: str) -> str:
    """Return the code of the function or of the instance's file called `name`.

    Raises:
        KeyError: the template has no code of that name.
    """
    return "\n".join(code_lines(load_template(), name))


def code_lines(template: Json, name: str) -> list[str]:
    """Return the lines of the function or of the instance's file called `name`.

    The list is the template's own: changing it changes the template.

    Raises:
        KeyError: the template has no code of that name.
    """
    resources = template["Resources"]
    if name in resources:
        code = resources[name]["Properties"]["Code"]["ZipFile"]
    else:
        init = resources["StreamingInstance"]["Metadata"]["AWS::CloudFormation::Init"]["config"]
        files = {PurePosixPath(path).name: file for path, file in init["files"].items()}
        code = files[name]["content"]
    lines: list[str] = code["Fn::Join"][1]
    return lines


def rekognition_regions(template: Json) -> list[str]:
    """The regions that have Rekognition, as the template's rule lists them."""
    (assertion,) = template["Rules"]["RegionHasRekognition"]["Assertions"]
    regions: list[str] = assertion["Assert"]["Fn::Contains"][0]
    return regions


def offline_parameters(x_url: str, keys: Mapping[str, str], email: str) -> dict[str, str]:
    """The parameters with which a stack finds the emulated X: name → value.

    Args:
        x_url: the address of the emulated X.
        keys: of the workshop; see `kit.keys`.
        email: the learner's.
    """
    return {
        "EmailAddress": email,
        "PhotoUrlPrefix": f"{x_url}/media/",
        "SampleUrlPrefix": f"{x_url}/samples/",
        "TwitterConsumerKey": keys["TWITTER_CONSUMER_KEY"],
        "TwitterConsumerSecret": keys["TWITTER_CONSUMER_SECRET"],
        "TwitterToken": keys["TWITTER_TOKEN"],
        "TwitterTokenSecret": keys["TWITTER_TOKEN_SECRET"],
    }


def parameter_default(name: str) -> str:
    """What a parameter is if the learner leaves it as it is."""
    return str(load_template()["Parameters"][name]["Default"])
