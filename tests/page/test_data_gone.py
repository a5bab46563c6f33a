"""The tab Data while its stack is deleted and launched again: it says so, and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from kit.stack.stack import EMAIL, Stack
from page.harness import PageWorkshop, open_tab
from support.systems import Systems


@pytest.fixture(scope="module")
def workshop(request: pytest.FixtureRequest, systems: Systems) -> Iterator[PageWorkshop]:
    """Nothing is launched."""
    with systems.alone(request.session) as system:
        started = PageWorkshop(system)
        yield started
        started.stop_page()
        started.close()


def test_a_stack_goes_and_comes(tab: Page, workshop: PageWorkshop) -> None:
    message = tab.locator("#data-view").get_by_role("alert")
    open_tab(tab, "Data")
    expect(message).to_contain_text("There is no stack and no bucket yet")
    stack = workshop.launch()
    tab.evaluate("location.hash = '#/data/RekognitionBucket'")
    expect(tab.locator("#data-view")).to_contain_text("It is empty.")
    stack.delete()
    expect(message).to_have_text("It is not there: there is no complete stack that has it.")
    expect(tab.locator("#data-places a")).to_have_count(0)
    parameters = workshop.system.parameters(EMAIL)
    workshop.launched = Stack.launch(workshop.system.aws, parameters, name=stack.name)
    expect(tab.locator("#data-view")).to_contain_text("It is empty.")
    places = tab.locator("#data-places")
    expect(places.get_by_role("link", name="PostsTable")).to_be_visible()
    places.get_by_role("link", name="PostsTable").click()
    expect(tab.locator("#data-view")).to_contain_text("0 items")
