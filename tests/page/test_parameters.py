"""The form of the stack's parameters refuses what the template's rules do not allow."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from kit.stack.template import load_template
from page.harness import PageWorkshop, open_tab

# A value that is not allowed, and one that is.
VALUES = {
    "EmailAddress": ("nobody", "learner@example.com"),
    "PersonPhotoFilename": ("face.gif", "a_face-1.png"),
    "SimilarityThreshold": ("101", "99.5"),
    "TwitterConsumerKey": ("two words", "a-key_1"),
    "TwitterConsumerSecret": ("two words", "a-key_1"),
    "TwitterToken": ("two words", "1-a_key"),
    "TwitterTokenSecret": ("two words", ""),
    "StreamRule": ("from:zoë", "from:me has:images"),
    "PhotoUrlPrefix": ("http://example.com/", "https://example.com/a-b/"),
    "SampleUrlPrefix": ("https://example.com/a", "http://127.0.0.1:80/"),
    "KeyName": ("zoë", "my key"),
    "SSHLocation": ("10.0.0.1", "10.0.0.1/32"),
    "SubnetId": ("vpc-1", "subnet-1"),
    "BufferSeconds": ("", "900"),
}


def test_each_rule_of_the_template_refuses_a_wrong_value(tab: Page, workshop: PageWorkshop) -> None:
    rules = {"AllowedPattern", "MinValue", "MaxValue"}
    parameters = load_template()["Parameters"]
    assert set(VALUES) == {name for name, one in parameters.items() if rules & set(one)}
    open_tab(tab, "Launch")
    tab.get_by_role("button", name="Update", exact=True).click()
    for name, (wrong, right) in VALUES.items():
        field, rule = tab.locator(f"#field-{name}"), tab.locator(f"#field-{name}-rule")
        field.fill(wrong)
        field.blur()
        expect(rule).to_contain_text("It must")
        field.fill(right)
        field.blur()
        expect(rule).to_be_empty()
