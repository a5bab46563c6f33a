"""A workshop in which nothing is wrong, and which workshop is checked."""

from __future__ import annotations

import pytest

from doctor.checked_workshop import CheckedWorkshop, run, shown
from kit import running
from kit.commands.doctor import finding as at
from kit.commands.doctor.finding import OK, UNKNOWN
from kit.keys import new_keys
from kit.processes import free_port
from kit.stack.template import code_of
from support import wait_until
from support.terminal import running_workshop

pytestmark = pytest.mark.usefixtures("terminal")


def test_a_healthy_workshop(workshop: CheckedWorkshop) -> None:
    workshop.compare()
    findings = workshop.is_well()
    assert {finding.status for finding in findings.values()} == {OK}, shown(findings)
    assert "match, 9" in findings[at.COMPARISON].message
    assert "1 match" in findings[at.COMPARISON].message
    done = run("--stack", workshop.stack.name)
    assert done.exit_code == 0, done.output
    assert done.output.count("✓") == len(findings)
    assert "✗" not in done.output
    assert f"Nothing is wrong with the {len(findings)} stages" in done.output
    assert done.output.splitlines()[-1].startswith("Not looked at: whether X accepts the keys; ")


def test_without_an_endpoint_it_checks_the_running_workshop(
    workshop: CheckedWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in running_workshop(workshop.system).environment():
        monkeypatch.delenv(name)
    monkeypatch.setattr(running, "load", lambda: running_workshop(workshop.system))
    done = run()  # and finds the only stack
    assert done.exit_code == 0, done.output
    assert workshop.stack.name in done.output
    assert "Checking the running offline workshop" in done.output


def test_a_workshop_that_was_killed_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    killed = running.Running("eu-west-1", nowhere, nowhere, nowhere, page_url="", keys=new_keys())
    monkeypatch.setattr(running, "load", lambda: killed)
    for name in killed.environment():
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")  # so that nobody is asked
    done = run()
    assert done.exit_code == 1
    assert "Checking the running offline workshop" not in done.output


def test_what_has_no_data_yet_is_not_wrong(workshop: CheckedWorkshop) -> None:
    findings = workshop.is_well()
    names = (at.OBJECTS, at.TWITTER, at.PHOTOS, at.REKOGNITION, at.COMPARISON)
    assert {findings[name].status for name in names} == {UNKNOWN}
    *_, following, unseen = shown(findings).splitlines()
    assert following.startswith("Next, delivered records: post a photo")
    assert unseen.startswith(f"Not looked at: {'; '.join(names)}; whether X accepts the keys")


def test_the_starter_is_no_fault(workshop: CheckedWorkshop) -> None:
    workshop.put_code(code_of(at.REKOGNITION))
    workshop.tweet()
    wait_until(lambda: "arrived in" in workshop.log())
    findings = workshop.is_well()
    assert findings[at.EXERCISE].status == UNKNOWN
    assert "starter" in findings[at.EXERCISE].message
    assert "1 not compared" in findings[at.COMPARISON].message
