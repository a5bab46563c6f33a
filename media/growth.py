"""The plots of growth.png: what `make bench` measured with more and more posts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "tests" / "bench" / "results.json"
WIDTH, HEIGHT, MARGIN = 320, 130, 10  # of a plot, in CSS pixels


@dataclass(frozen=True)
class Curve:
    """One edition's figures in a plot.

    Attributes:
        edition: ours or first.
        points: x and y, in CSS pixels, of each figure.
        said: the last figure, with its unit.
        times: with how many posts that was.
    """

    edition: str
    points: list[tuple[int, int]]
    said: str
    times: str


@dataclass(frozen=True)
class Plot:
    """A plot; both of its scales are logarithmic."""

    name: str
    curves: list[Curve]


def rounded(value: float, unit: str) -> str:
    """A figure with two digits that count, or a whole number."""
    if value >= 100:
        text = f"{value:,.0f}"
    else:
        digits = max(0, 1 - math.floor(math.log10(value)))
        text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return f"{text} {unit}".strip()


def plots() -> list[Plot]:
    """All plots of the last run."""
    growth: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))["growth"]
    times, found = growth["times"], []
    step = (WIDTH - 2 * MARGIN) / (len(times) - 1)
    for panel in growth["panels"]:
        values = panel["ours"] + panel["first"]
        low, high = math.log10(min(values)), math.log10(max(values))
        room = (HEIGHT - 2 * MARGIN) / ((high - low) or 1)
        found.append(
            Plot(
                panel["name"],
                [
                    Curve(
                        edition,
                        [
                            (
                                round(MARGIN + at * step),
                                round(HEIGHT - MARGIN - room * (math.log10(value) - low)),
                            )
                            for at, value in enumerate(panel[edition])
                        ],
                        rounded(panel[edition][-1], panel["unit"]),
                        f"{times[len(panel[edition]) - 1]:,}",
                    )
                    for edition in ("ours", "first")
                ],
            )
        )
    return found
