"""Draw the pictures of README.md and Instructions.md.

    python media/draw.py              draws all of them
    python media/draw.py cf1 cf2      draws these
    python media/draw.py --list       prints the Markdown line of each, with its alt text

Each picture is a file in media/drawings, such as cf1.html for cf1.png: a Jinja template that says
what is drawn and its alt text. Files whose names begin with _ are what they share. What they show
comes from the template, the code and a recorded run, as far as it can be had there; see `facts`.
The Chromium of the system draws them. It contacts nothing.
"""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, sync_playwright
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from kit.stack.template import code_lines, rekognition_regions

MEDIA = Path(__file__).resolve().parent
DRAWINGS = MEDIA / "drawings"
REPOSITORY = MEDIA.parent
SCALE = 2  # pixels of the picture for each CSS pixel
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",  # so that lines break in the same places on every screen
]


class DrawingError(Exception):
    """Something that is needed for drawing is missing; the text says what to install."""


@dataclass
class Picture:
    """A drawn picture: its alt text, the text in it, its pixels."""

    alt: str
    text: str
    image: Image.Image

    def save(self, path: Path) -> None:
        """Write the PNG file. Both texts are in it, so that tests can compare them."""
        info = PngInfo()
        info.add_itxt("Description", self.alt)
        info.add_itxt("Text", self.text)
        self.image.save(path, optimize=True, pnginfo=info)


def names() -> list[str]:
    """The names of all pictures."""
    return sorted(path.stem for path in DRAWINGS.glob("[!_]*.html"))


def facts() -> dict[str, Any]:
    """What the pictures show of the repository.

    Returns:
        groups: the parameters' groups, each with `label` and `fields`; a field has `name`,
            `label`, `default`, whether it is `secret`, and whether it has `choices`.
        labels, defaults: those of each parameter.
        regions: where the template may be launched.
        run: what record_run.py recorded.
        starter, solution: the code of RekognitionLambdaFunction, as launched and as solved.
    """
    template = json.loads((REPOSITORY / "RekognitionWorkshopCFN.json").read_text())
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    labels = {name: label["default"] for name, label in interface["ParameterLabels"].items()}
    parameters = template["Parameters"]
    defaults = {name: str(parameter.get("Default", "")) for name, parameter in parameters.items()}
    groups = [
        {
            "label": group["Label"]["default"],
            "fields": [
                {
                    "name": name,
                    "label": labels[name],
                    "default": defaults[name],
                    "secret": parameters[name].get("NoEcho", False),
                    "choices": "AllowedValues" in parameters[name],
                }
                for name in group["Parameters"]
            ],
        }
        for group in interface["ParameterGroups"]
    ]
    return {
        "groups": groups,
        "labels": labels,
        "defaults": defaults,
        "regions": rekognition_regions(template),
        "run": json.loads((DRAWINGS / "run.json").read_text()),
        "starter": "\n".join(code_lines(template, "RekognitionLambdaFunction")),
        "solution": (REPOSITORY / "scripts" / "compareFaces.py").read_text(),
    }


def function(source: str, name: str) -> str:
    """Return the lines of a function, the comments at its end included."""
    starts = re.split(r"(?m)^(?=def |@|class )", source)
    return next(part for part in starts if part.startswith(f"def {name}(")).rstrip()


def head(code: str, count: int) -> str:
    """Return the first lines of code."""
    return "\n".join(code.splitlines()[:count])


def colored(code: str, language: str) -> list[tuple[int, Markup]]:
    """Return each line of code, in color, and the number of blanks that it was indented by."""
    lines = code.splitlines()
    formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
    html = highlight(code, get_lexer_by_name(language), formatter).splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines]
    bare = [re.sub(r"^((?:<[^>]+>)*)\s+", r"\1", line) for line in html]
    bare = [line.replace(").", ").<wbr>") for line in bare]  # a good place to break a long line
    return [(indent, Markup(line)) for indent, line in zip(indents, bare, strict=True)]


def templates() -> Environment:
    """The templates, with what they can use."""
    environment = Environment(
        loader=FileSystemLoader(DRAWINGS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= facts()
    environment.globals |= {"function": function, "head": head, "colored": colored}
    environment.globals["draw"] = environment.get_template("_blocks.html").module
    return environment


def alt_text(environment: Environment, name: str) -> str:
    """The alt text of a picture, in one line."""
    template = environment.get_template(f"{name}.html")
    block = "".join(template.blocks["alt"](template.new_context()))
    return " ".join(html.unescape(block).split())


def with_palette(picture: Image.Image) -> Image.Image:
    """Reduce the colors to 255 and one for what is transparent, which makes the file small."""
    small = picture.convert("RGB").quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = small.getpalette() or []
    small.putpalette([*palette[: 3 * 255], *[0] * (3 * 256 - len(palette[: 3 * 255]))])
    small.paste(255, mask=picture.getchannel("A").point(lambda alpha: 255 * (alpha < 128)))
    small.info["transparency"] = 255
    return small


def find_browser() -> str:
    """The path of Chromium, or of Chrome."""
    for browser in BROWSERS:
        if path := shutil.which(browser):
            return path
    raise DrawingError(
        "The pictures are drawn by Chromium, and there is none on this computer. Install it, such "
        "as by apt-get install chromium fonts-liberation, and try again."
    )


class Studio:
    """A browser page on which one picture after the other is drawn.

    Attributes:
        page: the page; after `draw` it shows the picture.
    """

    def __init__(self) -> None:
        self.environment = templates()

    def __enter__(self) -> Studio:
        browser = find_browser()
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        context = self._browser.new_context(
            device_scale_factor=SCALE,
            offline=True,
            viewport={"width": 800, "height": 400},
        )
        self.page: Page = context.new_page()
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()

    def draw(self, name: str) -> Picture:
        """Draw a picture.

        Raises:
            DrawingError: the font is missing, so that lines would break elsewhere.
        """
        html = self.environment.get_template(f"{name}.html").render(name=name)
        self.page.set_content(html)
        if not self.page.evaluate(HAS_FONT):
            raise DrawingError(
                "The pictures are written in Liberation Sans or Arial, and neither is on this "
                "computer. Install it, such as by apt-get install fonts-liberation."
            )
        card = self.page.locator("#picture")
        png = card.screenshot(omit_background=True)
        lines = (" ".join(line.split()) for line in card.inner_text().splitlines())
        return Picture(
            alt=alt_text(self.environment, name),
            text="\n".join(line for line in lines if line),
            image=with_palette(Image.open(io.BytesIO(png)).convert("RGBA")),
        )


# The width of a word tells whether the browser has the font; document.fonts only knows web fonts.
HAS_FONT = """() => {
  const pen = document.createElement("canvas").getContext("2d");
  const width = font => { pen.font = `100px ${font}`; return pen.measureText("Firehose").width; };
  return Math.abs(width(getComputedStyle(document.body).fontFamily) - 389.06) < 1;
}"""


@click.command(help=__doc__)
@click.argument("picture", nargs=-1, type=click.Choice(names()))
@click.option("--list", "list_only", is_flag=True, help="Print the Markdown lines; draw nothing.")
def main(picture: Iterable[str], list_only: bool) -> None:
    """Draw pictures, or list them."""
    chosen = picture or names()
    if list_only:
        environment = templates()
        for name in chosen:
            print(f"![{alt_text(environment, name)}](media/{name}.png)")
        return
    try:
        with Studio() as studio:
            for name in chosen:
                studio.draw(name).save(MEDIA / f"{name}.png")
                print(f"media/{name}.png")
    except DrawingError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
