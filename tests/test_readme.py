"""README.md, and what holds for every Markdown file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import workshop
from kit.commands.publish.launch_links import launch_link, launch_links, template_url
from kit.stack.template import load_template
from support import REPOSITORY, instructions, repository_files

pytestmark = pytest.mark.unit

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TEMPLATE: dict[str, Any] = load_template()
LAUNCH_LINK = (
    "https://console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/create/review"
    "?stackName=celebrityrek&templateURL="
    "https://s3-eu-west-1.amazonaws.com/serverlessbytes/RekognitionWorkshopCFN.json"
)
LINKS = re.findall(r"\]\(([^)\s]+)\)", README)
CODESPACES = "../../codespaces"  # on GitHub: those of this repository, wherever it lies
PAGES = [page.relative_to(REPOSITORY) for page in repository_files() if page.suffix == ".md"]


def commands(text: str) -> list[str]:
    """The lines of a page's shell blocks."""
    blocks = re.findall(r"(?ms)^```shell[^\n]*\n(.*?)^```", text)
    return [line for block in blocks for line in block.splitlines()]


def read(page: Path) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def test_readme_is_one_page() -> None:
    lines = README.splitlines()
    assert len(lines) <= 170
    assert lines.index("make demo") < 15


def test_first_command_is_the_offline_demo() -> None:
    assert commands(README)[:2] == ["make demo", "make test"]


def test_launch_link_is_the_agreed_one() -> None:
    (link,) = launch_links(README)
    assert link.main
    # A fork that publishes the template elsewhere has another link, of the same form.
    published = launch_link(link.bucket_region, template_url(link.bucket, link.bucket_region))
    assert link.url == (LAUNCH_LINK if link.bucket == "serverlessbytes" else published)
    assert [url for url in LINKS if "#/stacks/" in url] == [link.url]


def test_the_badge_leads_to_the_codespaces() -> None:
    assert LINKS.count(CODESPACES) == 1


def test_version_is_that_of_the_template_and_of_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert TEMPLATE["Outputs"]["TemplateVersion"]["Value"] == project["version"]
    assert f"this is {project['version']}." in README


def test_map_names_what_it_links_to() -> None:
    rows = re.findall(r"(?m)^\| \[([^\]]+)\]\(([^)]+)\)", README.partition("## The repository")[2])
    assert len(rows) == 10
    assert all(link.removesuffix("README.md") == name for name, link in rows)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if "://" in link or link == CODESPACES:
            continue
        name, _, fragment = link.partition("#")
        target = REPOSITORY / page.parent / name if name else REPOSITORY / page
        assert target.exists(), link
        if fragment:
            headings = re.findall(r"(?m)^#+ (.+)$", target.read_text(encoding="utf-8"))
            assert fragment in [instructions.anchor(heading) for heading in headings], link


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z][\w-]*):", (REPOSITORY / "Makefile").read_text()))
    assert set(re.findall(r"(?m)(?:`|^)make ([\w-]+)", read(page))) <= targets


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_scripts_and_their_commands_exist(page: Path) -> None:
    for script, command in re.findall(r"python (scripts/\w+\.py)(?: ([a-z]+))?", read(page)):
        assert (REPOSITORY / script).is_file(), script
        if script == "scripts/workshop.py" and command:
            assert command in workshop.COMMANDS
