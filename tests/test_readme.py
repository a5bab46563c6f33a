"""README.md says what is there, and the picture of the architecture shows it."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TEMPLATE: dict[str, Any] = json.loads((REPOSITORY / "RekognitionWorkshopCFN.json").read_text())
PICTURE = REPOSITORY / "media" / "architecture.png"
LAUNCH_LINK = (
    "https://console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/create/review"
    "?stackName=celebrityrek&templateURL="
    "https://s3-eu-west-1.amazonaws.com/serverlessbytes/RekognitionWorkshopCFN.json"
)
LINKS = re.findall(r"\]\(([^)\s]+)\)", README)
FILES = [link for link in LINKS if "://" not in link and not link.startswith("#")]
COMMANDS = [
    line for block in re.findall(r"(?ms)^```shell\n(.*?)^```", README) for line in block.split("\n")
]


@pytest.fixture(scope="module")
def drawing() -> dict[str, Any]:
    """What draw_architecture.py defines."""
    return runpy.run_path(str(REPOSITORY / "media" / "draw_architecture.py"))


@pytest.mark.parametrize("link", FILES)
def test_link_leads_to_a_file(link: str) -> None:
    assert (REPOSITORY / link).is_file()


@pytest.mark.parametrize("folder", ["scripts", "scripts/offline"])
def test_every_script_is_in_the_map(folder: str) -> None:
    names = [f"{folder}/{path.name}" for path in (REPOSITORY / folder).iterdir() if path.is_file()]
    assert sorted(names) == sorted(link for link in FILES if link.rpartition("/")[0] == folder)


def test_map_names_the_file_that_it_links_to() -> None:
    rows = re.findall(r"(?m)^\| \[(.+?)\]\((.+?)\) \| .+ \|$", README)
    assert rows
    assert all(text.replace("\\", "") == link for text, link in rows)


def test_launch_link_is_the_agreed_one() -> None:
    assert [link for link in LINKS if "#/stacks/create" in link] == [LAUNCH_LINK]


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


def test_picture_is_what_the_script_draws(drawing: dict[str, Any], tmp_path: Path) -> None:
    again = tmp_path / "again.png"
    drawing["draw"]().save(again, optimize=True)
    assert again.stat().st_size < 150_000
    with Image.open(PICTURE) as committed, Image.open(again) as drawn:
        # The pixels, not the files: each build of zlib compresses in its own way.
        assert committed.size == drawn.size
        assert committed.convert("RGBA").tobytes() == drawn.convert("RGBA").tobytes()


def test_script_writes_the_same_file_each_time(drawing: dict[str, Any], tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in (one, two):
        drawing["draw"]().save(path, optimize=True)
    assert one.read_bytes() == two.read_bytes()


def test_boxes_are_resources_of_the_template(drawing: dict[str, Any]) -> None:
    names = [box.name for box in drawing["BOXES"] if re.fullmatch(r"([A-Z][a-z]+){2,}", box.name)]
    assert len(names) == 9
    assert set(names) <= set(TEMPLATE["Resources"])


def test_alt_text_names_every_box(drawing: dict[str, Any]) -> None:
    alt = re.search(r"!\[([^\]]*)\]\(media/architecture.png\)", README)
    assert alt is not None
    assert [box.name for box in drawing["BOXES"] if box.name not in alt[1]] == []


def test_text_fits_into_its_box(drawing: dict[str, Any]) -> None:
    font, scale = drawing["font"], drawing["SCALE"]
    for box in drawing["BOXES"]:
        for text, size in (box.name, drawing["NAME_SIZE"]), (box.text, drawing["TEXT_SIZE"]):
            assert font(size).getlength(text) / scale < drawing["BOX_WIDTH"] - 20, text
