"""The learner is told when what they do is not saved: while the workshop runs, and in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.emulators import folders
from support import wait_until
from support.terminal import Terminal


class Disk:
    """Where the state is saved, and what keeps it from being saved: a folder in its place."""

    def __init__(self, learner: Terminal) -> None:
        self.learner = learner
        self.state = learner.home / "home" / folders.STATE
        self.aside = learner.home / "aside.json"

    def fail(self) -> None:
        wait_until(self.state.exists)
        self.state.rename(self.aside)
        self.state.mkdir()

    def work(self) -> None:
        self.state.rmdir()
        self.aside.rename(self.state)

    def change(self, value: str) -> None:
        """Let something change that is to be saved."""
        self.learner.client("ssm").put_parameter(
            Name="/mine", Value=value, Type="String", Overwrite=True
        )


@pytest.mark.slow
def test_a_learner_is_told_that_nothing_is_saved(tmp_path: Path) -> None:
    with Terminal(tmp_path) as learner:
        learner.start("--at", "4")
        disk = Disk(learner)
        disk.fail()
        disk.change("lost meanwhile")
        told = "What you do is not saved now (Is a directory: "
        wait_until(lambda: told in learner.printed())
        done = learner.type("doctor")
        assert "✗ workshop: what you do is not saved: Is a directory" in done.stdout
        assert "Make room on that disk" in done.stdout
        assert done.returncode == 1
        disk.work()
        disk.change("kept")
        wait_until(lambda: "What you do is saved again." in learner.printed())
        assert learner.printed().count(told) == 1
        assert "✓ workshop: what you do is saved" in learner.type("doctor").stdout
        disk.fail()
        disk.change("lost in the end")
        assert learner.stop() == 1
        assert "What was done last is lost: it could not be saved in " in learner.printed()
        disk.work()
        learner.start()
        found = learner.client("ssm").get_parameter(Name="/mine")["Parameter"]["Value"]
        assert found == "kept"
        assert learner.stop() == 0
