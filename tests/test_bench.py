"""The bench: counts and shapes, no seconds. The figures are those of `make bench`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench import calls, costs, growth, plots, posts, queues, storing, streaming, table, travelling
from bench.v1 import streamer as v1_streamer
from bench.versions import V1, V2, Harness, Used, Version
from support import REPOSITORY
from support.systems import BorrowedSystem
from twitter_streaming import extract_photos

Harnesses = dict[str, Harness]


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: all calls of AWS are counted."""
    return own_system


@pytest.fixture(scope="module")
def harnesses(system: BorrowedSystem, pictures: dict[str, Path]) -> Harnesses:
    """Both versions on stacks of their own."""
    return {one.name: Harness(system, one, pictures["obama.jpg"]) for one in (V2, V1)}


@pytest.fixture(scope="module")
def lines(system: BorrowedSystem, pictures: dict[str, Path]) -> list[bytes]:
    """Six posts, of which every other one matches."""
    return storing.upload(system, [pictures["obama2.jpg"], pictures["biden.jpg"]], 6)


# --- v1, as it is rebuilt ----------------------------------------------------------------------


@pytest.mark.unit
def test_both_streamers_say_the_same_of_a_photo() -> None:
    line = posts.line(7, "https://pbs.twimg.com/media/7.jpg")
    (record,) = v1_streamer.records(line)
    (photo,) = extract_photos(json.loads(line))
    assert record.count(b"\n    ") == 6  # indented
    assert sorted(map(str, json.loads(record).values())) == sorted(photo.values())


@pytest.mark.unit
@pytest.mark.parametrize("count", [1, 60, 1_000])
def test_firehose_is_called_for_each_photo_or_for_a_batch(count: int) -> None:
    firehoses = []
    for streamer in streaming.v2, streaming.v1:
        firehoses.append(streaming.Firehose(seconds=0))
        streamer(posts.stream(count), firehoses[-1])
    v2, v1 = firehoses
    assert (v2.photos, v1.photos, v1.calls) == (count, count, count)
    assert v2.calls <= math.ceil(count / 500) + 1
    assert v1.billed == 5_000 * count
    assert v2.billed <= max(5_000, v1.billed / 4)


def test_it_is_deployed_as_well(system: BorrowedSystem, pictures: dict[str, Path]) -> None:
    with travelling.deployed(system, V1, pictures["obama.jpg"]) as stack:
        item = {"media_key": "1", "text": "hello", "name": "learner", "id_str": "17"}
        table = stack.resource("PostsTable")
        stack.aws.client("dynamodb").put_item(
            TableName=table, Item={name: {"S": value} for name, value in item.items()}
        )
        photos = stack.resource("RekognitionBucket")
        stack.aws.client("s3").upload_file(str(pictures["obama2.jpg"]), photos, "images/1.jpg")
        travelling.mailed(stack, "post 17")


# --- Calls, checked against the emulator's own log ---------------------------------------------


def test_calls_of_a_new_photo_and_of_one_that_was_seen(
    harnesses: Harnesses, lines: list[bytes]
) -> None:
    v2, v1 = harnesses[V2.name], harnesses[V1.name]
    new, again = v2.take(lines), v2.take(lines)
    assert new.calls == {
        **{"PutRecordBatch": 1, "PutItem": 6, "PutObject": 6, "GetItem": 6, "CompareFaces": 6},
        # One for each outcome, and one that reserves the mail of each match.
        **{"UpdateItem": 6 + 3, "Publish": 3, "GetObject": new.objects + 12},
    }
    assert (new.mails, new.invocations["RekognitionLambdaFunction"]) == (3, 6)
    assert again.calls["CompareFaces"] == again.calls["PutObject"] == again.mails == 0
    for used in v1.take(lines), v1.take(lines):
        assert used.calls == {
            **{"PutRecord": 6, "PutItem": 6, "PutObject": 6, "DetectFaces": 12},
            **{"CompareFaces": 6, "GetItem": 3, "UpdateItem": 3, "Publish": 3},
            "GetObject": used.objects + 24,
        }
        assert used.mails == 3
        assert costs.cost(used)["Rekognition"] == pytest.approx(3 * costs.cost(new)["Rekognition"])
        assert sum(costs.cost(new).values()) < 0.35 * sum(costs.cost(used).values())


@pytest.mark.parametrize("order", [lambda found: found, lambda found: found[::-1]])
def test_a_repost_storm_is_one_comparison(
    harnesses: Harnesses, lines: list[bytes], order: Callable[[list[bytes]], list[bytes]]
) -> None:
    one, other = storing.renamed(lines[:2])
    storm = harnesses[V2.name].take(order([one] * 60 + [other]))
    assert storm.calls["CompareFaces"] == 2
    assert storm.mails == 1


def test_a_call_that_is_not_in_the_log_stops_the_bench(harnesses: Harnesses) -> None:
    counted = harnesses[V2.name].calls
    with pytest.raises(calls.CountError, match="PutItem"), counted.counted():
        counted.here["PutItem"] += 1


@pytest.mark.unit
def test_costs_are_those_of_the_counted_calls() -> None:
    used = Used(objects=2, billed=10**9, mails=5)
    used.calls.update(CompareFaces=1_000, PutObject=994, GetItem=1_000_000)
    used.invocations["TwitterLambdaFunction"] = 1_000_000
    used.seconds["TwitterLambdaFunction"] = 2_000
    assert costs.cost(used) == pytest.approx(
        {
            **{"Rekognition": 1.0, "S3": 0.005, "DynamoDB": 0.142, "Firehose": 0.031},
            **{"SNS": 0.0001, "Lambda": 0.20 + 2_000 * 0.5 * 0.0000166667},
        }
    )


@pytest.mark.parametrize("version", [V2, V1], ids=lambda version: version.name)
def test_memory_is_that_of_the_function_alone(
    harnesses: Harnesses, lines: list[bytes], version: Version
) -> None:
    assert 30 < storing.memory(harnesses[version.name], lines) < 256


# --- The quotas of AWS -------------------------------------------------------------------------


@pytest.mark.unit
@pytest.mark.parametrize("name", queues.SCENARIOS)
def test_nothing_is_lost_at_scale(name: str) -> None:
    outcome = queues.Simulation(queues.SCENARIOS[name], 5_000).run()
    assert outcome.compared + outcome.failed == outcome.photos == 5_000
    assert outcome.lost == 0
    assert 0 < outcome.waiting < 5_000
    assert outcome.mailed == pytest.approx(outcome.compared / 10, abs=1)


@pytest.mark.unit
def test_the_bottleneck() -> None:
    bottlenecks = {name: quotas.bottleneck() for name, quotas in queues.SCENARIOS.items()}
    assert bottlenecks["new account, eu-west-1"] == "Lambda, concurrency"
    assert bottlenecks["usual account, elsewhere"] == "Rekognition, CompareFaces"
    few = queues.Simulation(queues.SCENARIOS["new account, elsewhere"], 2_000).run()
    assert few.failed == 0  # Lambda slows down to what Rekognition takes
    many = queues.Simulation(queues.SCENARIOS["usual account, elsewhere"], 5_000).run()
    assert many.failed > 0


@pytest.mark.unit
def test_below_the_quotas_nothing_waits() -> None:
    quotas = queues.Quotas(concurrency=1_000, compare_faces=100)
    outcome = queues.Simulation(quotas, 500, per_second=50, matches=1).run()
    assert (outcome.failed, outcome.waiting, outcome.compared) == (0, 1, 500)
    assert outcome.longest * 60 < 2
    assert outcome.mail_minutes * 60 == pytest.approx(50, abs=2)  # ten mails a second


@pytest.mark.unit
def test_what_waits_for_six_hours_is_in_the_failure_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "EVENT_SECONDS", 10.0)
    quotas = queues.Quotas(concurrency=10, compare_faces=100)
    outcome = queues.Simulation(quotas, 1_000).run()
    assert outcome.failed > 0
    assert outcome.lost == 0


# --- What the last run found -------------------------------------------------------------------


@pytest.mark.unit
def test_readme_has_the_results() -> None:
    text = table.README.read_text(encoding="utf-8")
    assert table.written(text, table.load()) == text, "python -m bench --readme writes it again"


@pytest.mark.unit
def test_every_line_that_misses_its_goal_says_why() -> None:
    lines = table.lines_of(table.load())
    assert len(lines) >= 14
    assert all(line.why for line in lines if not line.met)


@pytest.mark.unit
def test_results_do_not_name_the_computer() -> None:
    text = table.RESULTS.read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert str(REPOSITORY) not in text


@pytest.mark.unit
def test_plots_show_the_results() -> None:
    found = table.load()["growth"]
    assert found["times"] == list(growth.TIMES)
    drawing = plots.figure(found)
    for panel, axes in zip(found["panels"], drawing.axes, strict=True):
        assert axes.get_title(loc="left").startswith(panel["name"])
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert [np.asarray(line.get_ydata()).tolist() for line in axes.lines] == [
            panel["v2"],
            panel["v1"],
        ]
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == ["v2", "v1 (2018)"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0234, "0.023 s"), (5.31, "5.3 s"), (10, "10 s"), (99.5, "100 s"), (1301, "1,301 s")],
)
def test_figures_are_rounded(value: float, said: str) -> None:
    assert plots.rounded(value, "s") == said
