"""How the lines grow with 1, 10, 100 and 1,000 times the posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench import costs, posts, storing, streaming
from bench.versions import Harness

TIMES = (1, 10, 100, 1_000)
SLOW_TIMES = 100  # beyond it takes minutes: nothing is measured
FILES = 10


def panel(name: str, unit: str, v2: list[float], v1: list[float]) -> dict[str, Any]:
    """One plot: the figures at each of TIMES; v1's may end before."""
    return {"name": name, "unit": unit, "v2": v2, "v1": v1}


def streamer() -> list[dict[str, Any]]:
    """The streamer's plots."""
    seen: dict[str, list[tuple[float, streaming.Firehose]]] = {}
    for name, one in (("v2", streaming.v2), ("v1", streaming.v1)):
        seen[name] = []
        for times in TIMES:
            seen[name].append(streaming.run(one, posts.stream(times)))
    figures: list[tuple[str, str, Callable[[tuple[float, streaming.Firehose]], float]]] = [
        ("Streamer, time", "s", lambda run: run[0]),
        ("Firehose calls", "", lambda run: run[1].calls),
        ("Firehose, billed", "KB", lambda run: run[1].billed / 1000),
    ]
    return [
        panel(name, unit, list(map(read, seen["v2"])), list(map(read, seen["v1"])))
        for name, unit, read in figures
    ]


def photos(v2: Harness, v1: Harness, lines: list[bytes]) -> list[dict[str, Any]]:
    """The functions' plots: how long storing takes, what is called, and what it costs."""
    stored: dict[str, list[float]] = {"v2": [], "v1": []}
    called: dict[str, list[float]] = {"v2": [], "v1": []}
    compared: dict[str, list[float]] = {"v2": [], "v1": []}
    dollars: dict[str, list[float]] = {"v2": [], "v1": []}
    for name, harness in (("v2", v2), ("v1", v1)):
        for times in TIMES:
            few = lines[:times]
            if name == "v2" or times < SLOW_TIMES:
                stored[name].append(storing.seconds(harness, few))
            if times <= SLOW_TIMES:
                # As many photos, but few files: how long a comparison takes is another line.
                used = harness.take(storing.renamed((lines[:FILES] * times)[:times]))
                called[name].append(sum(used.calls.values()))
                compared[name].append(used.calls["CompareFaces"] + used.calls["DetectFaces"])
                dollars[name].append(sum(costs.cost(used).values()))
    return [
        panel("TwitterLambdaFunction, time", "s", stored["v2"], stored["v1"]),
        panel("Rekognition calls", "", compared["v2"], compared["v1"]),
        panel("AWS calls, all services", "", called["v2"], called["v1"]),
        panel("Cost on AWS", "USD", dollars["v2"], dollars["v1"]),
    ]
