"""The stack and the streamer by the page's own routes: what is refused, and in whose words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kit.page.state import STAGES
from kit.page.streamer import COUNT, COUNTS
from kit.stack.template import load_template
from page.harness import PageWorkshop, type_command
from support import wait_until


def post(workshop: PageWorkshop, path: str, **body: Any) -> tuple[int, str]:
    answer = workshop.session.post(workshop.url + path, json=body, timeout=60)
    return answer.status_code, answer.json().get("error", "")


def test_the_form_has_all_parameters_and_no_key(workshop: PageWorkshop) -> None:
    answer = workshop.session.get(f"{workshop.url}/stack/form", timeout=60)
    fields = [field for group in answer.json()["groups"] for field in group["fields"]]
    assert {field["name"] for field in fields} == set(load_template()["Parameters"])
    assert {field["name"]: field["value"] for field in fields if field["hidden"]} == dict.fromkeys(
        ("TwitterConsumerKey", "TwitterConsumerSecret", "TwitterToken", "TwitterTokenSecret"), ""
    )
    values = {field["name"]: field["value"] for field in fields}
    offline = workshop.system.parameters(values["EmailAddress"])
    places = [name for name in offline if name.endswith("Prefix")]  # nothing leaves the computer
    assert [values[name] for name in places] == [offline[name] for name in places]
    for key in workshop.system.keys.values():
        assert key not in answer.text
    progress = workshop.session.get(f"{workshop.url}/stack", timeout=60)
    assert len(progress.json()["resources"]) > 20
    for key in workshop.system.keys.values():
        assert key not in progress.text


def test_a_stack_that_cannot_be_launched_is_refused(workshop: PageWorkshop) -> None:
    for name in ("Upper", "a" * 24, "", "1a", None):
        status, error = post(workshop, "/stack/create", name=name, parameters={}, iam=True)
        assert (status, "lower-case letters" in error) == (400, True), name
    wrong: tuple[Any, ...] = (None, [], {"EmailAddress": 3})
    for parameters in wrong:
        assert post(workshop, "/stack/create", name="a", parameters=parameters)[0] == 400
    taken = workshop.stack.name
    values = {"EmailAddress": "learner@example.com"}
    status, error = post(workshop, "/stack/create", name=taken, parameters=values, iam=True)
    assert (status, error.startswith("AWS refused it:")) == (502, True)
    values = {"SimilarityThreshold": "101"}
    status, error = post(workshop, "/stack/update", parameters=values, iam=True)
    assert (status, "SimilarityThreshold" in error) == (502, True)


def test_the_outputs_lead_to_their_places_here(workshop: PageWorkshop) -> None:
    progress = workshop.session.get(f"{workshop.url}/stack", timeout=60).json()
    places = {output["name"]: output["place"] for output in progress["outputs"]}
    assert places == {
        "ConnectToInstance": "#/streamer",
        "InstanceName": "#/streamer",
        "InstanceId": "#/streamer",
        "TwitterBucketConsole": "#/data/TwitterBucket",
        "RekognitionBucketConsole": "#/data/RekognitionBucket",
        "RekognitionLambdaFunctionEditor": "#/code",
        "PostsTableName": "#/data/PostsTable",
        "MatchTopicConsole": "#/data/MatchTopic",
        "TemplateVersion": "",
    }


def test_a_second_streamer_is_not_started(workshop: PageWorkshop) -> None:
    assert workshop.session.get(f"{workshop.url}/streamer", timeout=60).json()["runs"] == "terminal"
    status, error = post(workshop, "/streamer/start")
    assert (status, "X allows only one" in error) == (409, True)
    assert post(workshop, "/streamer/stop")[0] == 200  # not ours: nothing happens
    assert workshop.state()["connected"]


def test_what_a_deletion_would_delete_is_counted(workshop: PageWorkshop) -> None:
    answer = workshop.session.get(f"{workshop.url}/stack/contents", timeout=60).json()
    assert set(answer) == {
        workshop.stack.resource(name) for name in ("TwitterBucket", "RekognitionBucket")
    }
    assert answer[workshop.stack.resource("RekognitionBucket")] >= 1


@pytest.mark.unit
def test_the_counts_of_the_streamer_are_the_last_ones() -> None:
    line = "posts {0}, photos {0}, sent {0}, failed 0, skipped 0, unreadable 0"
    text = f"Connected to X. The rule: x\n{line.format(1)}{line.format(2)}{line.format(13)}"
    shown = COUNTS.sub("", text)
    assert shown.splitlines() == ["Connected to X. The rule: x", line.format(13)]
    assert dict(COUNT.findall(text)[-6:])["photos"] == "13"


def test_the_command_of_each_stage_works_with_the_installed_cli(
    workshop: PageWorkshop, tmp_path: Path
) -> None:
    workshop.tweet("biden.jpg", "A photo for each stage")

    def commands() -> list[str] | None:
        """Those of all stages, when the photo has been at enough of them."""
        found = [workshop.watcher.content(stage)["command"] for stage in STAGES]
        return found if sum(map(bool, found)) >= 8 else None

    for command in filter(None, wait_until(commands)):
        type_command(workshop, command, tmp_path)
