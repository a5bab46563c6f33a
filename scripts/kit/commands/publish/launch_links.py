"""Launch links: find them in a Markdown text, point them to another bucket, make a table of them.

A launch link opens the CloudFormation console of one region with the template from one bucket:

    https://console.aws.amazon.com/cloudformation/home?region=REGION#/stacks/create/review
        ?stackName=NAME&templateURL=https://s3.REGION.amazonaws.com/BUCKET/RekognitionWorkshopCFN.json

The two regions need not be the same: CloudFormation takes a template from a bucket in any region.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

import botocore.session

from kit.stack.stack import STACK_NAME
from kit.stack.template import TEMPLATE

NAME = TEMPLATE.name
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
        url: the whole link.
        region: whose console it opens.
        page: the console's page, up to the template's address.
        bucket, bucket_region: where the template comes from.
        main: whether its console is to be in the bucket's region, see `launch_links`.
        start, end: its place in the text.
    """

    url: str
    region: str
    page: str
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
    links = []
    for match in LINK.finditer(text):
        address = unquote(match["template"])
        found = [pattern.fullmatch(address) for pattern in TEMPLATE_URLS]
        for template in filter(None, found):
            links.append(link_of(text, match, template))
            break
    return links


def link_of(text: str, match: re.Match[str], template: re.Match[str]) -> Link:
    """The link that LINK has matched in a text, whose template's address is matched as well."""
    region, bucket_region = match["region"], template["region"] or "us-east-1"
    line_before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    return Link(
        url=match[0],
        region=region,
        page=match["page"],
        bucket=template["bucket"],
        bucket_region=bucket_region,
        main=region == bucket_region and not line_before.lstrip().startswith("|"),
        start=match.start(),
        end=match.end(),
    )


def rewrite(text: str, bucket: str, region: str) -> str:
    """Point every launch link to the template in a bucket, and the main one to the bucket's region.

    Doing it twice is the same as doing it once.
    """
    parts, done = [], 0
    for link in launch_links(text):
        home = console_home(region if link.main else link.region)
        parts += [text[done : link.start], home, link.page, template_url(bucket, region)]
        done = link.end
    return "".join([*parts, text[done:]])


def console_home(region: str) -> str:
    """The address of CloudFormation's console in a region."""
    return f"https://console.aws.amazon.com/cloudformation/home?region={region}"


def template_url(bucket: str, region: str) -> str:
    """The address of the template in a bucket, in the form that every region has."""
    return f"https://s3.{region}.amazonaws.com/{bucket}/{NAME}"


def launch_link(region: str, template: str) -> str:
    """The link that launches the template at an address in a region."""
    page = f"#/stacks/create/review?stackName={STACK_NAME}&templateURL="
    return console_home(region) + page + template


def launch_table(regions: list[str], template: str) -> str:
    """A Markdown table with a launch link for each region; `template` is the template's address."""
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    names = {r: facts["description"] for p in partitions for r, facts in p["regions"].items()}
    rows = [
        f"| {region} | {names[region]} | [Launch in {region}]({launch_link(region, template)}) |"
        for region in regions
    ]
    return "\n".join(["| Region | Name | Launch link |", "| --- | --- | --- |", *rows]) + "\n"
