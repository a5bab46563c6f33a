"""The pictures: drawn again, they say what they say in the repository, and what the template says.

Text and alt text are in the PNG files, so that they can be compared on every computer. Pixels
cannot: each build of Chromium draws letters a little differently.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from click.testing import CliRunner
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

import draw
import record_run
from kit.stack.stack import Stack
from kit.stack.template import code_of, load_template
from support import REPOSITORY, skips
from support.systems import BorrowedSystem

NAMES = [
    *("aws", "architecture", "launch", "twitch"),
    *("TwitterApps", "LoginTwitter", "CreateTwitterApp"),
    *("AppDetails", "AppDetails2", "AppDetails3", "AppDetails4"),
    *("AWSKeyPair", "SaveKP", "CreateKP", "cf1", "cf2", "cf3"),
    *("tweet01", "s3twitter01", "s3twitter02", "s3twitter03", "s301", "s3images", "s302"),
    *("cloud901", "cloud902", "cloud903", "cloud904", "c9lambda01", "c9lambda02"),
]
TEMPLATE: dict[str, Any] = load_template()
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
INTERFACE: dict[str, Any] = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
SMALLEST_TEXT = 18  # CSS pixels
LARGEST_FILE = 150_000  # bytes

# Everything of which more is written than there is room for, or which is written in small letters.
FLAWS = """smallest => {
  const flaws = [], card = document.querySelector("#picture").getBoundingClientRect();
  for (const element of document.querySelectorAll("#picture, #picture *")) {
    if (element.closest("svg") || !element.textContent) continue;
    const name = `${element.tagName} ${element.className}: ${element.textContent.slice(0, 40)}`;
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
    if (clientWidth && (scrollWidth > clientWidth || scrollHeight > clientHeight + 1))
      flaws.push(`too long: ${name}`);
    if (parseFloat(getComputedStyle(element).fontSize) < smallest) flaws.push(`small: ${name}`);
  }
  const words = document.createTreeWalker(document.querySelector("#picture"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (words.nextNode()) {
    range.selectNodeContents(words.currentNode);
    for (const { left, right } of range.getClientRects())
      if (left < card.left || right > card.right) flaws.push(`out: ${words.currentNode.data}`);
  }
  const parts = [...document.querySelectorAll(".part")].map(part => part.getBoundingClientRect());
  for (const word of document.querySelectorAll(".map > span")) {
    const { left, right, top, bottom } = word.getBoundingClientRect();
    if (parts.some(b => left < b.right && b.left < right && top < b.bottom && b.top < bottom))
      flaws.push(`on a box: ${word.textContent}`);
  }
  return flaws;
}"""


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: it connects a streamer."""
    return own_system


@dataclass
class Drawn:
    """A picture that was drawn again, and what is wrong with it."""

    picture: draw.Picture
    flaws: list[str]
    contrast: list[Any]


@pytest.fixture(scope="module")
def studio() -> Iterator[draw.Studio]:
    try:
        opened = draw.Studio().__enter__()
    except draw.DrawingError as error:
        skips.skip(skips.NEEDS["browser"], str(error))
    yield opened
    opened.__exit__(None, None, None)


@pytest.fixture(scope="module")
def drawn(studio: draw.Studio) -> dict[str, Drawn]:
    """All pictures, drawn again."""
    axe, pictures = Axe(), {}
    for name in draw.names():
        try:
            picture = studio.draw(name)
        except draw.DrawingError as error:
            skips.skip(skips.NEEDS["browser"], str(error))
        flaws = studio.page.evaluate(FLAWS, SMALLEST_TEXT)
        result = axe.run(studio.page, options={"runOnly": ["color-contrast"]})
        pictures[name] = Drawn(picture, flaws, result.response["violations"])
    return pictures


def committed(name: str) -> PngImageFile:
    """The picture in the repository."""
    image = Image.open(draw.MEDIA / f"{name}.png")
    assert isinstance(image, PngImageFile)
    return image


def words(name: str) -> str:
    """The text in the picture in the repository, in one line."""
    return " ".join(str(committed(name).text["Text"]).split())


@pytest.mark.unit
def test_pictures_are_those_of_the_video_the_badge_and_the_bench_s() -> None:
    found = sorted(path.stem for path in draw.MEDIA.glob("*.png"))
    assert found == sorted([*NAMES, "growth", "page"])
    assert draw.names() == sorted(NAMES)


@pytest.mark.unit
@pytest.mark.parametrize("name", NAMES)
def test_file_is_small_and_has_its_alt_text(name: str) -> None:
    assert (draw.MEDIA / f"{name}.png").stat().st_size < LARGEST_FILE
    alt = draw.alt_text(draw.templates(), name)
    assert committed(name).text["Description"] == alt
    assert alt
    assert not re.search(r"[\[\]<>*`|]", alt)  # it stands in Markdown


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_picture_says_what_it_says_when_drawn_again(drawn: dict[str, Drawn], name: str) -> None:
    picture = drawn[name].picture
    assert committed(name).text["Text"] == picture.text, "draw it again: make media"
    assert committed(name).text["Description"] == picture.alt
    assert committed(name).size == picture.image.size


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_text_fits_and_can_be_read(drawn: dict[str, Drawn], name: str) -> None:
    assert drawn[name].flaws == []
    assert drawn[name].contrast == []


@pytest.mark.unit
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"launch"}))
def test_picture_says_that_it_is_a_drawing(name: str) -> None:
    assert "Drawing: " in words(name)


@pytest.mark.unit
@pytest.mark.parametrize("name", NAMES)
def test_picture_stands_on_white_and_on_black(name: str) -> None:
    image = committed(name).convert("RGBA")
    corner, middle = image.getpixel((0, 0)), image.getpixel((image.width // 2, 24))
    assert isinstance(corner, tuple)
    assert isinstance(middle, tuple)
    assert corner[3] == 0
    assert middle[3] == 255


@pytest.mark.unit
def test_form_names_each_parameter_and_its_default() -> None:
    form = words("cf2") + " " + words("cf3")
    places = []
    for group in INTERFACE["ParameterGroups"]:
        places.append(form.index(group["Label"]["default"]))
        for name in group["Parameters"]:
            label = INTERFACE["ParameterLabels"][name]["default"]
            default = str(PARAMETERS[name].get("Default", ""))
            shown = "•" * 12 if PARAMETERS[name].get("NoEcho") else default or "empty"
            if name == "EmailAddress":  # it has no default, and must be filled in
                shown = "you@example.com"
            places.append(form.index(f" {label} {shown} "))
    assert len(places) == len(PARAMETERS) + len(INTERFACE["ParameterGroups"])
    assert places == sorted(places)


@pytest.mark.unit
def test_alt_text_of_the_form_says_the_same() -> None:
    alt = "".join(str(committed(name).text["Description"]) for name in ("cf2", "cf3"))
    for name, parameter in PARAMETERS.items():
        assert f"{INTERFACE['ParameterLabels'][name]['default']}, " in alt
        assert str(parameter.get("Default", "")) in alt


@pytest.mark.browser
def test_renamed_parameter_changes_the_form(
    studio: draw.Studio,
    drawn: dict[str, Drawn],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = json.dumps(TEMPLATE).replace('"PhotoUrlPrefix"', '"PhotoHost"')
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts" / "compareFaces.py", tmp_path / "scripts")
    (tmp_path / "RekognitionWorkshopCFN.json").write_text(
        template.replace('"Photo host"', '"Where photos are"')
    )
    monkeypatch.setattr(draw, "REPOSITORY", tmp_path)
    monkeypatch.setattr(studio, "environment", draw.templates())
    again = studio.draw("cf2")
    assert again.text != drawn["cf2"].picture.text
    assert again.alt != drawn["cf2"].picture.alt


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "code", "start"),
    [
        ("c9lambda01", code_of("RekognitionLambdaFunction"), "def lambda_handler("),
        ("c9lambda02", (REPOSITORY / "scripts" / "compareFaces.py").read_text(), "def compare("),
    ],
)
def test_code_is_that_of_the_function(name: str, code: str, start: str) -> None:
    lines = code[code.index(start) :].partition("\n\n\n")[0].strip().splitlines()
    assert len(lines) > 8
    shown = str(committed(name).text["Text"]).splitlines()
    first = next(number for number, line in enumerate(shown) if line.startswith(start))
    assert shown[first : first + len(lines)] == [" ".join(line.split()) for line in lines]


@pytest.mark.unit
def test_architecture_names_nine_resources_of_the_template() -> None:
    shown = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", words("architecture")))
    assert len(shown & set(TEMPLATE["Resources"])) == 9
    assert shown - set(TEMPLATE["Resources"]) == {"CompareFaces"}
    assert shown <= set(re.findall(r"\w+", draw.alt_text(draw.templates(), "architecture")))


def bucket_name(logical_id: str, region: str, account: str = "000000000000") -> str:
    """The name that the template gives a bucket of the stack celebrityrek."""
    name: str = TEMPLATE["Resources"][logical_id]["Properties"]["BucketName"]["Fn::Sub"]
    for variable, value in ("StackName", "celebrityrek"), ("AccountId", account):
        name = name.replace(f"${{AWS::{variable}}}", value)
    return name.replace("${AWS::Region}", region)


@pytest.mark.unit
def test_buckets_are_named_as_the_template_names_them() -> None:
    twitter = bucket_name("TwitterBucket", "eu-west-1")
    rekognition = bucket_name("RekognitionBucket", "eu-west-1")
    for name in "s3twitter01", "s301":
        assert twitter in words(name)
        assert rekognition in words(name)
    assert twitter in words("s3twitter02")
    assert rekognition in words("s3images")
    assert f"s3://{rekognition}" in words("s302")
    assert PARAMETERS["PersonPhotoFilename"]["Default"] in words("s302")


def shape(found: Any) -> Any:
    """What stays the same from run to run: names and numbers of things, digits as 0."""
    if isinstance(found, dict):
        return {name: shape(value) for name, value in found.items()}
    if isinstance(found, list):
        return [shape(value) for value in found]
    if isinstance(found, str):
        # The stack's name; then the random parts of names.
        found = re.sub(r"celebrityrek(-[0-9a-f]{6}(?=-))?", "STACK", found)
        found = re.sub(r"(Function|DeliveryStream)-[0-9A-F]{8,}", r"\1-ID", found)
        found = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", found)
        found = re.sub(r"media/[\w-]+\.jpg", "media/PHOTO.jpg", found)
        return re.sub(r"\d+", "0", found)
    return type(found)


def test_listings_are_those_of_an_offline_run(system: BorrowedSystem, stack: Stack) -> None:
    recorded = json.loads(record_run.RUN.read_text())
    again = record_run.record(system, stack)
    assert shape(recorded) == shape(again), "record again: media/record_run.py"
    assert json.loads(recorded["line"])["text"] == recorded["text"]


@pytest.mark.unit
def test_listings_show_what_was_recorded() -> None:
    run = json.loads(record_run.RUN.read_text())
    (delivered,) = run["buckets"]["TwitterBucket"]["objects"]
    folders, _, name = delivered["key"].rpartition("/")
    assert f"{folders}/ " in words("s3twitter02")
    assert f"{name} {delivered['bytes']} B" in words("s3twitter02")
    assert run["line"] in words("s3twitter03")
    assert run["text"] in words("tweet01")
    (photo,) = run["buckets"]["RekognitionBucket"]["objects"]
    assert photo["key"].removeprefix("images/") in words("s3images")
    for name in "cloud903", "cloud904":
        assert run["function"] in words(name)


@pytest.mark.unit
@pytest.mark.parametrize("page", ["README.md", "Instructions.md"])
def test_pages_carry_the_alt_texts(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    embedded = re.findall(r"!\[([^\]]*)\]\(media/([^)]+)\.png\)", text)
    environment = draw.templates()
    drawn = [(alt, name) for alt, name in embedded if name != "page"]
    assert drawn
    for alt, name in drawn:
        assert name in NAMES
        assert alt == draw.alt_text(environment, name)


PAGE = (REPOSITORY / "Instructions.md").read_text(encoding="utf-8")
PAGE = re.sub(r"!\[[^\]]*\]", "", PAGE)  # without the alt texts, which are the pictures' own


# What the text tells the learner to type or to expect, and the pictures that show it.
@pytest.mark.unit
@pytest.mark.parametrize(
    ("told", "pictures"),
    [
        (r"give it a name, such as `([\w-]+)`", "CreateTwitterApp TwitterApps AppDetails"),
        (r"and choose \*\*(Create key pair)\*\*", "AWSKeyPair CreateKP"),
        (r"Name it `([\w-]+)`, take ED25519", "AWSKeyPair CreateKP"),
        (r"Your browser saves `([\w.-]+)`", "SaveKP"),
        (r"for you alone: `([^`]+)`", "SaveKP"),
        (r"\[RekognitionWorkshopCFN\.json\]\((.+?)\)", "cf1"),
        (r"create-stack --stack-name (\S+)", "cf1"),
        (r"stackName=([\w-]+)", "cf1"),
        (r'from your account, with the text "([^"]+)"', "tweet01 s3twitter03"),
        (r"(celebrityrek-twitter-0[\w-]+)", "s3twitter01 s3twitter02 s301"),
        (r"(celebrityrek-rekognition-0[\w-]+)", "s3twitter01 s301 s3images s302"),
        (r"… (firehose)/…/celebrityrek-DeliveryStream-…", "s3twitter02"),
        (r"… firehose/…/(celebrityrek-DeliveryStream)-…", "s3twitter02"),
        (r"upload your photo as `([\w.]+)`", "s302"),
        (r"extract (RekognitionLambdaFunction) exercise", "cloud903 cloud904"),
        (r"exercise/(index\.py)", "c9lambda01 c9lambda02 cloud903 cloud904"),
        (r"and \*\*(Deploy)\*\* puts", "cloud904"),
        (r"Name it `([\w-]+)`\. Choose the smallest", "cloud902"),
        (r"(30 minutes) until it stops", "cloud902"),
    ],
)
def test_text_and_pictures_give_the_same_names(told: str, pictures: str) -> None:
    (name,) = set(re.findall(told, PAGE))
    for picture in pictures.split():
        assert re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)", words(picture)), picture


@pytest.mark.unit
@pytest.mark.parametrize("name", NAMES)
def test_text_has_the_names_that_a_picture_shows(name: str) -> None:
    shown = re.findall(r"[\w-]*celebrityrek[\w.-]*|[\w-]+\.(?:pem|jpg|py|json)\b", words(name))
    for found in shown:
        # As the text writes it: the random parts are left out.
        begin = re.sub(r"-[0-9A-F]{13}\b.*", "-", found)
        begin = re.sub(r"^3_\d{10,}(?=\.jpg$)", "3_…", begin)
        begin = re.sub(r"^[\w-]{15}\.jpg$", ".jpg", begin)  # the name that X gave it
        begin = begin.replace("celebrityrek-RekognitionLambda", "RekognitionLambda").rstrip("-")
        assert begin in PAGE, found


@pytest.mark.unit
def test_text_and_picture_show_the_same_fields() -> None:
    fields = list(json.loads(json.loads(record_run.RUN.read_text())["line"]))
    (line,) = re.findall(r'(?m)^\{"media_key".*$', PAGE)
    assert list(json.loads(line)) == fields


@pytest.mark.unit
def test_list_prints_markdown_without_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = CliRunner().invoke(draw.main, ["--list"])
    assert result.exit_code == 0
    assert re.findall(r"(?m)^!\[.+\]\(media/(\w+)\.png\)$", result.output) == sorted(NAMES)


@pytest.mark.unit
def test_without_a_browser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = CliRunner().invoke(draw.main, ["cf1"])
    assert result.exit_code == 2
    assert "apt-get install chromium" in result.output
