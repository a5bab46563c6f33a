"""How the lines grow with 1, 10, 100 and 1,000 times the posts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench import costs, posts, storing, streaming
from bench.editions import Bench

TIMES = (1, 10, 100, 1_000)
SLOW_TIMES = 100  # beyond it takes minutes: nothing is measured
FILES = 10


def panel(name: str, unit: str, ours: list[float], first: list[float]) -> dict[str, Any]:
    """One plot: the figures at each of TIMES; the first edition's may end before."""
    return {"name": name, "unit": unit, "ours": ours, "first": first}


def streamer() -> list[dict[str, Any]]:
    """The streamer's plots."""
    seen: dict[str, list[tuple[float, streaming.Firehose]]] = {}
    for name, one in (("ours", streaming.ours), ("first", streaming.first)):
        seen[name] = []
        for times in TIMES:
            seen[name].append(streaming.run(one, posts.stream(times)))
    figures: list[tuple[str, str, Callable[[tuple[float, streaming.Firehose]], float]]] = [
        ("Streamer, time", "s", lambda run: run[0]),
        ("Firehose calls", "", lambda run: run[1].calls),
        ("Firehose, billed", "KB", lambda run: run[1].billed / 1000),
    ]
    return [
        panel(name, unit, list(map(read, seen["ours"])), list(map(read, seen["first"])))
        for name, unit, read in figures
    ]


def photos(ours: Bench, first: Bench, lines: list[bytes]) -> list[dict[str, Any]]:
    """The functions' plots: how long storing takes, what is called, and what it costs."""
    stored: dict[str, list[float]] = {"ours": [], "first": []}
    called: dict[str, list[float]] = {"ours": [], "first": []}
    compared: dict[str, list[float]] = {"ours": [], "first": []}
    dollars: dict[str, list[float]] = {"ours": [], "first": []}
    for name, bench in (("ours", ours), ("first", first)):
        for times in TIMES:
            few = lines[:times]
            if name == "ours" or times < SLOW_TIMES:
                stored[name].append(storing.seconds(bench, few))
            if times <= SLOW_TIMES:
                # As many photos, but few files: how long a comparison takes is another line.
                used = bench.take(storing.renamed((lines[:FILES] * times)[:times]))
                called[name].append(sum(used.calls.values()))
                compared[name].append(used.calls["CompareFaces"] + used.calls["DetectFaces"])
                dollars[name].append(sum(costs.cost(used).values()))
    return [
        panel("TwitterLambdaFunction, time", "s", stored["ours"], stored["first"]),
        panel("Rekognition calls", "", compared["ours"], compared["first"]),
        panel("AWS calls, all services", "", called["ours"], called["first"]),
        panel("Cost on AWS", "USD", dollars["ours"], dollars["first"]),
    ]
