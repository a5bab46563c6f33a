"""Draw architecture.png: the way of a photo from X to your inbox.

python media/draw_architecture.py

The tables BOXES and ARROWS say what is in the picture; everything below them says how it looks.
The picture is drawn at twice its size and scaled down, which makes its edges smooth.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

PICTURE = Path(__file__).with_name("architecture.png")

OUTSIDE, COMPUTE, STORAGE, MESSAGES = "#ffffff", "#fdeed8", "#e1f1e3", "#e4eaf9"


class Box(NamedTuple):
    """A part of the application: its name, what it is, where it stands, its color."""

    name: str
    text: str
    column: int
    row: int
    color: str


# A name in one word, such as TwitterBucket, is the resource's name in the template.
BOXES = [
    Box("X (Twitter)", "posts with photos", 0, 0, OUTSIDE),
    Box("StreamingInstance", "EC2: twitter_streaming.py", 1, 0, COMPUTE),
    Box("DeliveryStream", "Amazon Data Firehose", 2, 0, MESSAGES),
    Box("You", "upload celebrity.jpg", 0, 1, OUTSIDE),
    Box("TwitterLambdaFunction", "downloads the photos", 1, 1, COMPUTE),
    Box("TwitterBucket", "S3: metadata of posts", 2, 1, STORAGE),
    Box("RekognitionBucket", "S3: images/, celebrity.jpg", 0, 2, STORAGE),
    Box("PostsTable", "DynamoDB: metadata", 1, 2, STORAGE),
    Box("FailureQueue", "SQS: failed events", 2, 2, MESSAGES),
    Box("Amazon Rekognition", "CompareFaces", 0, 3, OUTSIDE),
    Box("RekognitionLambdaFunction", "compares faces: your exercise", 1, 3, COMPUTE),
    Box("MatchTopic", "Amazon SNS", 2, 3, MESSAGES),
    Box("Your inbox", "possible match", 2, 4, OUTSIDE),
]


class Arrow(NamedTuple):
    """An arrow between two boxes, from and to a side of each, off the side's middle by a shift."""

    start: str
    start_side: str
    start_shift: int
    end: str
    end_side: str
    end_shift: int
    text: str
    dashed: bool = False


ARROWS = [
    Arrow("X (Twitter)", "right", 0, "StreamingInstance", "left", 0, "stream"),
    Arrow("StreamingInstance", "right", 0, "DeliveryStream", "left", 0, "lines"),
    Arrow("DeliveryStream", "bottom", 0, "TwitterBucket", "top", 0, "objects"),
    Arrow("TwitterBucket", "left", 0, "TwitterLambdaFunction", "right", 0, "event"),
    Arrow("You", "bottom", -100, "RekognitionBucket", "top", -100, "celebrity.jpg"),
    Arrow("TwitterLambdaFunction", "bottom", -160, "RekognitionBucket", "top", 120, "photos"),
    Arrow("TwitterLambdaFunction", "bottom", 0, "PostsTable", "top", 0, "metadata"),
    Arrow("TwitterLambdaFunction", "bottom", 160, "FailureQueue", "top", 0, "failures", True),
    Arrow("RekognitionBucket", "bottom", 0, "RekognitionLambdaFunction", "top", -160, "event"),
    Arrow("RekognitionLambdaFunction", "left", -24, "Amazon Rekognition", "right", -24, "photos"),
    Arrow("Amazon Rekognition", "right", 36, "RekognitionLambdaFunction", "left", 36, "99 %"),
    Arrow("PostsTable", "bottom", 0, "RekognitionLambdaFunction", "top", 0, "lookup"),
    Arrow("RekognitionLambdaFunction", "top", 160, "FailureQueue", "bottom", 0, "failures", True),
    Arrow("RekognitionLambdaFunction", "right", 0, "MatchTopic", "left", 0, "match"),
    Arrow("MatchTopic", "bottom", 0, "Your inbox", "top", 0, "e-mail"),
]

CAPTION = [
    "Solid arrows: the way of a photo.",
    "Dashed arrows: what failed three times.",
    "The same on AWS and, offline, on 127.0.0.1.",
]

SCALE = 2
THICKNESS = 4  # of a line
BOX_WIDTH, BOX_HEIGHT = 436, 124
GAP_X, GAP_Y = 116, 108
MARGIN = 30
COLUMNS, ROWS = 3, 5
WIDTH = 2 * MARGIN + COLUMNS * BOX_WIDTH + (COLUMNS - 1) * GAP_X
HEIGHT = 2 * MARGIN + ROWS * BOX_HEIGHT + (ROWS - 1) * GAP_Y
NAME_SIZE, TEXT_SIZE, LABEL_SIZE = 30, 28, 26
PAPER, INK, FAINT, ARROW, FAILURE = "#f7f8fa", "#1f2937", "#4b5563", "#334e74", "#b4462f"

Point = tuple[float, float]


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with Pillow, so that every computer draws the same picture."""
    loaded = ImageFont.load_default(size * SCALE)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


def corner(box: Box) -> Point:
    """The upper left corner of a box."""
    return MARGIN + box.column * (BOX_WIDTH + GAP_X), MARGIN + box.row * (BOX_HEIGHT + GAP_Y)


def port(name: str, side: str, shift: float) -> Point:
    """The point on a side of a box where an arrow starts or ends."""
    x, y = corner(next(box for box in BOXES if box.name == name))
    return {
        "left": (x, y + BOX_HEIGHT / 2 + shift),
        "right": (x + BOX_WIDTH, y + BOX_HEIGHT / 2 + shift),
        "top": (x + BOX_WIDTH / 2 + shift, y),
        "bottom": (x + BOX_WIDTH / 2 + shift, y + BOX_HEIGHT),
    }[side]


def route(arrow: Arrow) -> list[Point]:
    """The corners of an arrow: straight, or with a bend in the middle between two rows."""
    start = port(arrow.start, arrow.start_side, arrow.start_shift)
    end = port(arrow.end, arrow.end_side, arrow.end_shift)
    if start[0] == end[0] or start[1] == end[1]:
        return [start, end]
    middle = (start[1] + end[1]) / 2
    return [start, (start[0], middle), (end[0], middle), end]


class Drawing:
    """A picture whose lengths are given in pixels of the finished picture."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def rectangle(self, start: Point, end: Point, color: str) -> None:
        """Draw a rectangle with round corners and a border."""
        corners = (*scaled(start), *scaled(end))
        self.draw.rounded_rectangle(corners, 14 * SCALE, color, INK, 2 * SCALE)

    def text(self, middle: Point, text: str, size: int, color: str, bold: bool = False) -> None:
        """Write a line of text around a point."""
        stroke = 1 if bold else 0
        self.draw.text(scaled(middle), text, color, font(size), "mm", stroke_width=stroke)

    def line(self, start: Point, end: Point, color: str, dashed: bool) -> None:
        """Draw a line that is level or upright."""
        length = abs(end[0] - start[0]) + abs(end[1] - start[1])
        along = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        dash, step = (11.0, 20.0) if dashed else (length, length)
        done = 0.0
        while done < length:
            stop = min(done + dash, length)
            ends = [(start[0] + along[0] * at, start[1] + along[1] * at) for at in (done, stop)]
            self.draw.line([scaled(point) for point in ends], color, THICKNESS * SCALE)
            done += step

    def dot(self, middle: Point, color: str) -> None:
        """Fill the gap that two lines leave where they meet."""
        self.draw.circle(scaled(middle), THICKNESS * SCALE / 2, color)

    def head(self, before: Point, tip: Point, color: str) -> None:
        """Draw the head of an arrow that comes from `before` and ends at `tip`."""
        length = abs(tip[0] - before[0]) + abs(tip[1] - before[1])
        x, y = (tip[0] - before[0]) / length, (tip[1] - before[1]) / length
        back = tip[0] - 18 * x, tip[1] - 18 * y
        triangle = [tip, (back[0] - 10 * y, back[1] + 10 * x), (back[0] + 10 * y, back[1] - 10 * x)]
        self.draw.polygon([scaled(point) for point in triangle], color)


def scaled(point: Point) -> tuple[int, int]:
    """A point in the large picture."""
    return round(point[0] * SCALE), round(point[1] * SCALE)


def draw_box(drawing: Drawing, box: Box) -> None:
    """Draw a box with its two lines of text."""
    x, y = corner(box)
    drawing.rectangle((x, y), (x + BOX_WIDTH, y + BOX_HEIGHT), box.color)
    drawing.text((x + BOX_WIDTH / 2, y + 42), box.name, NAME_SIZE, INK, bold=True)
    drawing.text((x + BOX_WIDTH / 2, y + 86), box.text, TEXT_SIZE, FAINT)


def draw_arrow(drawing: Drawing, arrow: Arrow) -> None:
    """Draw an arrow with its label: above a level line, at the right of an upright one."""
    color = FAILURE if arrow.dashed else ARROW
    points = route(arrow)
    # The line stops below the head, so that the tip stays sharp.
    (x, y), (before_x, before_y) = points[-1], points[-2]
    length = abs(x - before_x) + abs(y - before_y)
    short = x - 14 * (x - before_x) / length, y - 14 * (y - before_y) / length
    ends = [*points[:-1], short]
    for start, end in pairwise(ends):
        drawing.line(start, end, color, arrow.dashed)
    for bend in points[1:-1]:
        drawing.dot(bend, color)
    drawing.head(points[-2], points[-1], color)
    middle = len(ends) // 2
    (x, y), (end_x, end_y) = ends[middle - 1], ends[middle]
    if y == end_y:
        drawing.text(((x + end_x) / 2, y - 23), arrow.text, LABEL_SIZE, color)
    else:
        width = font(LABEL_SIZE).getlength(arrow.text) / SCALE
        drawing.text((x + 14 + width / 2, (y + end_y) / 2), arrow.text, LABEL_SIZE, color)


def with_palette(picture: Image.Image) -> Image.Image:
    """Reduce the colors to 255, which makes the file small, and cut off the corners."""
    small = picture.quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.putpalette([*(small.getpalette() or [])[: 3 * 255], 0, 0, 0])
    corners = Image.new("1", small.size, 1)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, WIDTH - 1, HEIGHT - 1), 28, fill=0)
    small.paste(255, mask=corners)
    small.info["transparency"] = 255
    return small


def draw() -> Image.Image:
    """Draw the whole picture."""
    drawing = Drawing()
    for arrow in ARROWS:
        draw_arrow(drawing, arrow)
    for box in BOXES:
        draw_box(drawing, box)
    _, bottom = corner(BOXES[-1])
    for number, line in enumerate(CAPTION):
        y = bottom + BOX_HEIGHT / 2 + (number - (len(CAPTION) - 1) / 2) * 40
        drawing.text((MARGIN + BOX_WIDTH + GAP_X / 2, y), line, TEXT_SIZE, FAINT)
    return with_palette(drawing.image.reduce(SCALE))


if __name__ == "__main__":
    draw().save(PICTURE, optimize=True)
