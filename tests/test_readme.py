"""README.md says what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from kit.commands.publish.launch_links import launch_link, launch_links, template_url

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TEMPLATE: dict[str, Any] = json.loads((REPOSITORY / "RekognitionWorkshopCFN.json").read_text())
LAUNCH_LINK = (
    "https://console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/create/review"
    "?stackName=celebrityrek&templateURL="
    "https://s3-eu-west-1.amazonaws.com/serverlessbytes/RekognitionWorkshopCFN.json"
)
LINKS = re.findall(r"\]\(([^)\s]+)\)", README)
FILES = [link for link in LINKS if "://" not in link and "#" not in link]
SCRIPTS = [
    path.relative_to(REPOSITORY)
    for path in (REPOSITORY / "scripts").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
]
COMMANDS = [
    line for block in re.findall(r"(?ms)^```shell\n(.*?)^```", README) for line in block.split("\n")
]


def test_every_script_or_its_folder_is_in_the_map() -> None:
    for script in SCRIPTS:
        assert {str(script), *(f"{folder}/" for folder in script.parents)} & set(FILES), script


def test_map_names_the_file_that_it_links_to() -> None:
    rows = re.findall(r"(?m)^\| \[(.+?)\]\((.+?)\) \| .+ \|$", README)
    assert rows
    assert all(text.replace("\\", "") == link for text, link in rows)


def test_launch_link_is_the_agreed_one() -> None:
    (link,) = launch_links(README)
    assert link.main
    # Whoever has published the template elsewhere has another one, of the same form.
    published = launch_link(link.bucket_region, template_url(link.bucket, link.bucket_region))
    assert link.url == (LAUNCH_LINK if link.bucket == "serverlessbytes" else published)
    assert [url for url in LINKS if "#/stacks/" in url] == [link.url]


def test_version_is_that_of_the_template() -> None:
    assert f"this is {TEMPLATE['Outputs']['TemplateVersion']['Value']}." in README


def test_first_command_is_the_offline_demo() -> None:
    assert COMMANDS[0] == "make demo"


def test_make_targets_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"(?m)^([a-z][\w-]*):", makefile))
    named = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    assert {"demo", "test"} <= named
    assert named | set(re.findall(r"`make ([\w-]+)", README)) <= targets


def test_scripts_of_the_commands_exist() -> None:
    scripts = [command.split()[1] for command in COMMANDS if command.startswith(".venv/bin/python")]
    assert scripts
    assert all((REPOSITORY / script).is_file() for script in scripts)
