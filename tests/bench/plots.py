"""The plots of media/growth.png: what `make bench` measured with more and more posts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from support import REPOSITORY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE = REPOSITORY / "media" / "growth.png"
VERSIONS = {"v2": ("v2", "#0b6e4f", "o", "-"), "v1": ("v1 (2018)", "#b3541e", "s", "--")}
COLUMNS, WIDTH, HEIGHT = 2, 12.8, 2.6  # inches; a row of plots has HEIGHT


def rounded(value: float, unit: str) -> str:
    """A figure with two significant digits, or a whole number."""
    if value >= 100:
        text = f"{value:,.0f}"
    else:
        digits = max(0, 1 - math.floor(math.log10(value)))
        text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return f"{text} {unit}".strip()


def figure(growth: dict[str, Any]) -> Figure:
    """Both versions in one plot a panel; both axes are logarithmic."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second, and few need it

    rows = math.ceil(len(growth["panels"]) / COLUMNS)
    drawing = Figure(figsize=(WIDTH, HEIGHT * rows + 0.6), dpi=100, layout="constrained")
    for number, panel in enumerate(growth["panels"], 1):
        axes = drawing.add_subplot(rows, COLUMNS, number)
        for version, (_, color, marker, line) in VERSIONS.items():
            times = growth["times"][: len(panel[version])]
            axes.loglog(times, panel[version], color=color, marker=marker, linestyle=line)
        unit = f", {panel['unit']}" if panel["unit"] else ""
        axes.set_title(f"{panel['name']}{unit}", loc="left", fontsize=11)
        axes.set_xticks(growth["times"], labels=[f"{count:,}" for count in growth["times"]])
        axes.set_xlabel("posts", fontsize=9)
        axes.yaxis.set_major_formatter(lambda value, _: rounded(value, ""))
        axes.minorticks_off()
        axes.grid(color="#d5d5d5")
    drawing.legend(
        handles=drawing.axes[0].lines,
        labels=[label for label, *_ in VERSIONS.values()],
        loc="outside upper left",
        ncols=2,
        title="Measured by make bench; both axes are logarithmic",
        alignment="left",
        frameon=False,
    )
    return drawing


def alt_text(growth: dict[str, Any]) -> str:
    """What the plots show, in words."""
    said = ["How it grows with 1, 10, 100 and 1,000 posts, v2 beside v1’s design."]
    for panel in growth["panels"]:
        v2, v1 = (
            f"{rounded(panel[version][-1], panel['unit'])} with "
            f"{growth['times'][len(panel[version]) - 1]:,}"
            for version in ("v2", "v1")
        )
        said.append(f"{panel['name']}: {v2} posts, v1’s {v1}.")
    return " ".join(said)


def draw(growth: dict[str, Any]) -> None:
    """Write media/growth.png."""
    figure(growth).savefig(PICTURE, metadata={"Software": None})
