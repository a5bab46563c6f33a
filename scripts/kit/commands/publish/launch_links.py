"""Launch links: find them in a Markdown text, point them to another bucket, make a table of them.

A launch link opens the CloudFormation console of one region with the template from one bucket:

    https://console.aws.amazon.com/cloudformation/home?region=REGION#/stacks/create/review
        ?stackName=NAME&templateURL=https://s3.REGION.amazonaws.com/BUCKET/RekognitionWorkshopCFN.json

The two regions need not be the same: CloudFormation takes a template from a bucket in any region.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import botocore.session

NAME = "RekognitionWorkshopCFN.json"
STACK_NAME = "celebrityrek"
LINK = re.compile(
    r"https://(?:[a-z0-9-]+\.)?console\.aws\.amazon\.com/cloudformation/home"
    r"\?region=(?P<region>[a-z0-9-]+)"
    r"(?P<page>#/stacks/[a-z/]+\?(?:[^\s()<>\"']*?&(?:amp;)?)?templateURL=)"
    rf"(?P<template>[^\s()<>\"'&]*(?:/|%2F){re.escape(NAME)})"
)
# S3's ways of writing an address; the ones with a dash exist in the older regions only, and the
# ones without a region are us-east-1's.
REGION_PART = r"(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?"
TEMPLATE_URLS = (
    re.compile(rf"https://s3{REGION_PART}\.amazonaws\.com/(?P<bucket>[a-z0-9.-]+)/{NAME}"),
    re.compile(rf"https://(?P<bucket>[a-z0-9.-]+)\.s3{REGION_PART}\.amazonaws\.com/{NAME}"),
)


@dataclass(frozen=True)
class Link:
    """A launch link in a text.

    Attributes:
        region: whose console it opens.
        bucket, bucket_region: where the template comes from.
        main: whether its console is to be in the bucket's region, see `launch_links`.
        start, end: its place in the text.
    """

    url: str
    region: str
    bucket: str
    bucket_region: str
    main: bool
    start: int
    end: int


def launch_links(text: str) -> list[Link]:
    """Find every launch link of the workshop in a Markdown text.

    The main link is the one outside of tables that opens the console in its bucket's own region.
    A link in a table is for the region of its row.
    """
    return [link for link, _ in find(text)]


def find(text: str) -> Iterator[tuple[Link, re.Match[str]]]:
    """Yield every launch link with its match of LINK."""
    for match in LINK.finditer(text):
        found = [pattern.fullmatch(unquote(match["template"])) for pattern in TEMPLATE_URLS]
        for template in filter(None, found):
            region, bucket_region = match["region"], template["region"] or "us-east-1"
            line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            main = region == bucket_region and not line.lstrip().startswith("|")
            place = template["bucket"], bucket_region, main, match.start(), match.end()
            yield Link(match[0], region, *place), match
            break


def rewrite(text: str, bucket: str, region: str) -> str:
    """Point every launch link to the template in a bucket, and the main one to the bucket's region.

    Doing it twice is the same as doing it once.
    """
    parts, done = [], 0
    for link, match in find(text):
        console = region if link.main else link.region
        home = f"https://console.aws.amazon.com/cloudformation/home?region={console}"
        parts += [text[done : link.start], home, match["page"], template_url(bucket, region)]
        done = link.end
    return "".join([*parts, text[done:]])


def template_url(bucket: str, region: str) -> str:
    """The address of the template in a bucket, in the form that every region has."""
    return f"https://s3.{region}.amazonaws.com/{bucket}/{NAME}"


def launch_link(region: str, template: str) -> str:
    """The link that launches the template at an address in a region."""
    home = f"https://console.aws.amazon.com/cloudformation/home?region={region}"
    return f"{home}#/stacks/create/review?stackName={STACK_NAME}&templateURL={template}"


def rekognition_regions(template: dict[str, Any]) -> list[str]:
    """The regions that have Rekognition, which the template's rule lists."""
    (assertion,) = template["Rules"]["RegionHasRekognition"]["Assertions"]
    regions: list[str] = assertion["Assert"]["Fn::Contains"][0]
    return regions


def launch_table(regions: list[str], template: str) -> str:
    """A Markdown table with a launch link for each region; `template` is the template's address."""
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    names = {r: facts["description"] for p in partitions for r, facts in p["regions"].items()}
    rows = [
        f"| {region} | {names[region]} | [Launch in {region}]({launch_link(region, template)}) |"
        for region in regions
    ]
    return "\n".join(["| Region | Name | Launch link |", "| --- | --- | --- |", *rows]) + "\n"
