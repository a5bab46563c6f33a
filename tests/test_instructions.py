"""Instructions.md names what there is: links, pictures, parameters, resources, regions, costs."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from kit import prices
from kit.commands.publish.launch_links import launch_links, launch_table
from kit.stack.template import load_template, rekognition_regions
from support import REPOSITORY, instructions
from support.instructions import HEADINGS, TEXT, table

pytestmark = pytest.mark.unit

TEMPLATE: dict[str, Any] = load_template()
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PROSE = re.sub(r"(?ms)^ *```.*?^ *```$", "", TEXT)  # without the blocks of code
VIDEO = "https://www.youtube.com/watch?v=ohXgbcbYH7U"
# The headings of the page that goes with the video: its anchors are linked from elsewhere.
SECTIONS = [
    "Overview",
    "Application architecture",
    "Learning objectives of the workshop",
    "1. Set up Twitter application",
    "2. Create a new EC2 key pair",
    "3. Launch the stack",
    "4. Confirm your email address for SNS subscription",
    "5. Start the application to receive Twitter streaming data",
    "6. Tweet and review incoming Twitter metadata",
    "7. Review images extracted from Tweets",
    "8. Upload reference image for favorite celebrity",
    "9. Setup Cloud9 IDE",
    "10. Code to compare incoming images with the reference image (Exercise)",
    "11. Validate face comparison",
    "Clean up",
    "For instructors",
]
STEPS = [name for name in SECTIONS if re.match(r"\d|Clean", name)]
PICTURES = [path.stem for path in (REPOSITORY / "media").glob("*.png")]
# Names that are not the template's: those of the services' APIs, of services and of products.
OTHERS = {
    "CloudFormation",
    "CloudShell",
    "CloudWatch",
    "CompareFaces",
    "ConditionExpression",
    "DynamoDB",
    "FaceMatches",
    "GitHub",
    "InvalidImageFormatException",
    "InvalidParameterException",
    "InvalidS3ObjectException",
    "OAuth",
    "SimilarityThreshold",
    "SubscriptionRequiredException",
    "PendingVerification",
    "VcpuLimitExceeded",
    "WaitCondition",
}
# Files of the learner's, and what offline mode writes.
THEIR_FILES = {
    "celebrityrek.pem",
    "celebrity.jpg",
    "celebrity.jpeg",
    "celebrity.jpg.jpg",
    "Celebrity.JPG",
    "exercise/index.py",
    ".workshop/parameters.json",
}
NO_REKOGNITION = ["eu-west-3", "eu-north-1"]


def section(name: str) -> str:
    """The text below a heading of the second level."""
    return TEXT.split(f"\n## {name}\n")[1].split("\n## ")[0]


def test_the_anchors_of_the_video_s_page_still_work() -> None:
    assert [title for level, title in HEADINGS if level == "##"] == SECTIONS


def test_the_banner_leads_to_the_video() -> None:
    assert re.findall(r"(?m)^\[!\[[^\]]+\]\(media/twitch\.png\)\]\((.+)\)$", TEXT) == [VIDEO]


def test_what_differs_from_the_video_is_told_step_by_step() -> None:
    steps = [name.partition(".")[0] for name in STEPS]
    rows = table("Step | In the video")
    assert all(len(row) == 3 and all(row) for row in rows)
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), key=steps.index)


def test_the_first_thing_to_do_stands_early() -> None:
    assert TEXT.index("make workshop\n") < TEXT.index("\n## ")


def test_every_service_has_its_link() -> None:
    for service, _ in table("Service | What"):
        assert re.match(r"\[.+\]\(https://(aws\.amazon|docs\.x)\.com/[^)]+\)", service), service


def test_what_opens_with_a_click_is_closed_again() -> None:
    parts = re.findall(r"(?ms)^<details>\n<summary>[^\n]+</summary>\n\n(.+?)\n\n</details>$", TEXT)
    assert len(parts) == TEXT.count("<details>") == TEXT.count("</details>")
    assert not any("<details>" in part for part in parts)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_says_what_to_do_what_to_see_and_what_if_not(name: str) -> None:
    text = section(name)
    assert text.index("**On AWS**") < text.index("**Offline**")
    assert re.search("[Yy]ou should (see|have|get)", text)
    assert "*If you don't see it*:" in text


def test_readme_has_the_table_of_contents() -> None:
    links = re.findall(r"(?m)^- \[([^\]]+)\]\(Instructions\.md#([^)]+)\)$", README)
    assert [text for text, _ in links] == SECTIONS
    assert all(fragment == instructions.anchor(text) for text, fragment in links)


def test_every_picture_is_shown_once() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(media/(\w+)\.png\)", TEXT)
    others = {"growth", "page"}  # of the bench and of README
    assert sorted(name for _, name in shown) == sorted(set(PICTURES) - others)


def test_the_table_of_parameters_is_the_template_s() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    expected = []
    for name in (name for group in groups for name in group["Parameters"]):
        parameter = TEMPLATE["Parameters"][name]
        default = parameter.get("Default")
        said = "none" if default is None else "empty" if default == "" else f"`{default}`"
        expected.append([name, said, parameter["Description"]])
    rows = table("Name | Default")
    assert [row[:3] for row in rows] == expected
    assert all(row[3] for row in rows)


def test_the_keys_have_the_parameters_of_the_template() -> None:
    keys = [row[1] for row in table("Developer Console")]
    assert keys == [name for name, facts in TEMPLATE["Parameters"].items() if facts.get("NoEcho")]


def test_every_name_is_one_of_the_template_s() -> None:
    named = set(re.findall(r"(?<![\w./#-])(?:[A-Z][a-z0-9]+){2,}(?![\w.-]*\.\w)", PROSE))
    known = {*TEMPLATE["Parameters"], *TEMPLATE["Resources"], *TEMPLATE["Outputs"], *OTHERS}
    assert named - known == set()


def test_every_resource_of_a_command_exists() -> None:
    named = set(re.findall(r"\$\(resource (\w+)\)", TEXT))
    assert named
    assert named <= set(TEMPLATE["Resources"])


def test_the_outputs_are_all_used() -> None:
    unused = {"TemplateVersion"}
    assert {name for name in TEMPLATE["Outputs"] if name not in PROSE} == unused


def test_buckets_begin_as_the_template_names_them() -> None:
    named = set(re.findall(r"celebrityrek-([a-z]+)-[…0]", TEXT))
    buckets = ("TwitterBucket", "RekognitionBucket")
    names = [TEMPLATE["Resources"][b]["Properties"]["BucketName"]["Fn::Sub"] for b in buckets]
    assert named == {name.split("-")[1] for name in names}


def test_every_file_that_is_named_exists() -> None:
    for name in re.findall(r"`([\w./-]+\.(?:py|json|md|jpg|jpeg|JPG|pem|png|toml))`", PROSE):
        exists = [REPOSITORY / name, REPOSITORY / "scripts" / name]
        assert name in THEIR_FILES or any(path.is_file() for path in exists), name


def test_scripts_of_the_commands_exist() -> None:
    code = "\n".join(block.text for block in instructions.blocks() if block.language == "shell")
    scripts = set(re.findall(r"python (scripts/\w+\.py)", code + PROSE))
    assert scripts == {"scripts/workshop.py", "scripts/inline_code.py"}
    assert all((REPOSITORY / script).is_file() for script in scripts)


def test_every_region_has_rekognition_or_is_said_to_have_none() -> None:
    named = set(re.findall(r"\b[a-z]{2}-[a-z]+-\d\b", TEXT))
    assert named == {*rekognition_regions(TEMPLATE), *NO_REKOGNITION}


def test_the_links_launch_in_every_region() -> None:
    links = launch_links(TEXT)
    (main,) = (link for link in links if link.main)
    template = main.url.partition("templateURL=")[2]
    assert launch_table(rekognition_regions(TEMPLATE), template) in TEXT
    assert launch_links(README)[0].url == main.url


def test_costs_follow_from_the_prices() -> None:
    hours = 730  # of a month
    hour = prices.stack_hour()
    photos = {service: 1000 * usd for service, usd in prices.photo().items()}
    posts = 1000 * prices.price("X post read")
    photo = sum(photos.values(), Decimal()) / 1000
    expected = [hour, hours * hour, *photos.values(), photo * 1000, posts]
    expected.append(2 * hour + 20 * photo + 20 * posts / 1000)
    said = [Decimal(usd) for _, _, usd in table("Cost of")]
    assert said == [value.quantize(usd) for value, usd in zip(expected, said, strict=True)]


def test_the_arithmetic_is_right() -> None:
    for what, arithmetic, usd in table("Cost of"):
        units = r"(?<=\d) (?:GB|PUT|GET|h|KB)\b"
        term = re.sub(units, "", arithmetic.replace("×", "*").replace("÷", "/").replace(",", ""))
        assert re.fullmatch(r"[\d. ()+*/]+", term), arithmetic
        assert round(eval(term), len(usd.partition(".")[2])) == float(usd), what


def test_the_first_lines_say_what_the_tables_say() -> None:
    usd = {what: Decimal(usd) for what, _, usd in table("Cost of")}
    photo = (usd["AWS, 1,000 photos"] + usd["X, 1,000 posts"]) / 1000
    workshop = usd["A workshop of two hours with 20 posts"]
    month = round(usd["The stack, forgotten for a month of 730 h"])
    hour = usd["The stack, per hour"]
    assert f"about ${workshop} for two hours and 20 posts" in TEXT
    assert f"about ${hour} an hour, and ${photo:.3f} for each post with a photo" in TEXT
    assert f"costs ${month} a month" in TEXT
    on_aws, offline = (minutes.partition(" ")[0] for minutes in table("Step | On AWS")[-1][1:])
    assert f"{offline} minutes offline, {on_aws} minutes on AWS" in TEXT


def test_the_volume_that_is_billed_is_the_template_s() -> None:
    (device,) = TEMPLATE["Resources"]["StreamingInstance"]["Properties"]["BlockDeviceMappings"]
    assert device["Ebs"]["VolumeSize"] == 8
    memory = [
        TEMPLATE["Resources"][f"{name}LambdaFunction"]["Properties"]["MemorySize"] / 1024
        for name in ("Twitter", "Rekognition")
    ]
    assert "({} GB + {} GB)".format(*memory) in TEXT


def test_the_times_add_up() -> None:
    rows = table("Step | On AWS")
    for column in (1, 2):
        minutes = [re.match(r"(\d+) min", row[column]) for row in rows]
        *steps, total = (int(found[1]) if found else 0 for found in minutes)
        assert sum(steps) == total
