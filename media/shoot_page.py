"""Take README's picture of the page: a photo has just matched.

    PYTHONPATH=scripts python media/shoot_page.py

It starts a workshop in a folder of its own and does all steps. The photos in the picture are the
sample photos, works of the US government.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import draw
from kit import samples
from kit.processes import ManagedProcess
from kit.running import Running
from kit.stack.code import SOLUTION
from kit.waiting import wait_until

PICTURE = draw.MEDIA / "page.png"
WORKSHOP = [sys.executable, str(draw.REPOSITORY / "scripts" / "workshop.py")]
SETTLE_MILLISECONDS = 1500  # until the editor has drawn its colors


def photograph(tab: Page) -> None:
    """Save the page with the solution in its editor, and the match beside it."""
    tab.get_by_role("tab", name="Code").click()
    tab.locator("#log .own").last.wait_for()
    tab.locator("#editor .ace_content").wait_for()
    tab.get_by_text("The e-mail is sent.").first.wait_for()
    tab.wait_for_timeout(SETTLE_MILLISECONDS)
    with Image.open(io.BytesIO(tab.screenshot())) as image:
        image.convert("RGB").quantize(256).save(PICTURE, optimize=True)


def main() -> None:
    """Start the workshop, post a photo, and take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        exercise = Path(folder) / "exercise" / "index.py"
        exercise.parent.mkdir()
        exercise.write_text(SOLUTION.read_text(encoding="utf-8"), encoding="utf-8")
        environment = os.environ | {"WORKSHOP_FOLDER": folder, "WORKSHOP_EXERCISE": str(exercise)}
        log = Path(folder) / "start.log"
        workshop = ManagedProcess(
            "the workshop", [*WORKSHOP, "start", "--no-browser", "--at", "11"], environment, log
        )
        try:
            wait_until(lambda: "The workshop runs." in log.read_text(), 120, "the workshop")
            running = Running(**json.loads((Path(folder) / "running.json").read_text()))
            photo = str(samples.ensure()[samples.MATCH])
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=draw.find_browser(), args=draw.ARGUMENTS
                )
                tab = browser.new_page(viewport={"width": 1280, "height": 800})
                tab.goto(running.page_address)
                subprocess.run([*WORKSHOP, "tweet", photo], env=environment, check=True)
                photograph(tab)
                browser.close()
        finally:
            workshop.stop()


if __name__ == "__main__":
    main()
