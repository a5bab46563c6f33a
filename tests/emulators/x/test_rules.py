"""The rules of the filtered stream."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.x.harness import RULES, Server
from kit.emulators.x.posts import Media, Post
from kit.emulators.x.rules import InvalidRule, compile_rule


def test_rules_are_added_listed_and_deleted(x: Server) -> None:
    added = x.rules(add=[{"value": "cat", "tag": "pets"}, {"value": "dog"}])
    assert added["meta"]["summary"] == {"created": 2, "not_created": 0, "valid": 2, "invalid": 0}
    assert "errors" not in added
    assert [rule.get("tag") for rule in added["data"]] == ["pets", None]
    listed = x.get(RULES).json()
    assert listed["data"] == added["data"]
    assert listed["meta"]["result_count"] == 2
    deleted = x.rules(delete={"ids": [added["data"][0]["id"]], "values": ["bird"]})
    assert deleted["meta"]["summary"] == {"deleted": 1, "not_deleted": 1}
    x.rules(delete={"values": ["dog"]})
    assert "data" not in x.get(RULES).json()


def test_duplicate_and_invalid_rules_are_refused_one_by_one(x: Server) -> None:
    first = x.rules(add=[{"value": "cat"}])["data"][0]
    answer = x.rules(add=[{"value": "cat", "tag": "x"}, {"value": "point_radius:[1 2 3km]"}])
    assert answer["meta"]["summary"] == {"created": 0, "not_created": 2, "valid": 0, "invalid": 2}
    duplicate, invalid = answer["errors"]
    assert (duplicate["title"], duplicate["id"]) == ("DuplicateRule", first["id"])
    assert invalid["type"].endswith("/invalid-rules")
    assert "point_radius" in invalid["details"][0]


def test_a_rule_may_have_1024_characters_and_a_project_1000_rules(x: Server) -> None:
    answer = x.rules(add=[{"value": "x" * 1024}, {"value": "y" * 1025}])
    assert answer["meta"]["summary"]["created"] == 1
    (error,) = answer["errors"]
    assert (error["title"], error["value"]) == ("UnprocessableEntity", "y" * 1025)
    assert "1024" in error["details"][0]
    x.rules(add=[{"value": f"word{n}"} for n in range(999)])
    refused = x.app.post(x.url + RULES, json={"add": [{"value": "one too many"}]})
    assert (refused.status_code, refused.json()["title"]) == (422, "RulesCapExceeded")
    assert refused.json()["type"] == "https://api.twitter.com/2/problems/rule-cap"
    assert x.get(RULES).json()["meta"]["result_count"] == 1000


def test_a_dry_run_deletes_nothing(x: Server) -> None:
    (rule,) = x.rules(add=[{"value": "cat"}])["data"]
    body = {"delete": {"ids": [rule["id"]]}}
    deleted = x.app.post(x.url + RULES + "?dry_run=true", json=body).json()
    assert deleted["meta"]["summary"] == {"deleted": 1, "not_deleted": 0}
    assert x.get(RULES).json()["data"] == [rule]


def test_dry_run_changes_nothing(x: Server) -> None:
    added = x.app.post(x.url + RULES + "?dry_run=true", json={"add": [{"value": "cat"}]})
    assert added.status_code == 201
    assert "data" not in x.get(RULES).json()


@pytest.mark.parametrize("body", ["[]", "no json", "{}", '{"add": [{}]}', '{"delete": 1}'])
def test_a_body_of_another_shape_is_an_invalid_request(x: Server, body: str) -> None:
    answer = x.app.post(x.url + RULES, data=body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


PHOTO, VIDEO = Media("1", "photo", "a.jpg"), Media("2", "video")


def a_post(text: str = "", *media: Media, **fields: Any) -> Post:
    return Post("9", text, "42", "Ada", "2026-03-01T12:00:00.000Z", list(media), **fields)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("rule", "post", "expected"),
    [
        ("from:ada", a_post(), True),
        ("from:42", a_post(), True),
        ("from:ad", a_post(), False),
        ("from:ada has:images -is:retweet", a_post("", PHOTO), True),
        ("from:ada has:images -is:retweet", a_post("", PHOTO, retweet=True), False),
        ("from:ada has:images", a_post("", VIDEO), False),
        ("from:ada has:media", a_post("", VIDEO), True),
        ("from:ada has:videos", a_post("", PHOTO), False),
        ("from:ada has:links", a_post("see https://a.example"), True),
        ("from:ada has:links", a_post("see a.example"), False),
        ("from:ada is:reply", a_post(reply=True), True),
        ("from:ada lang:de", a_post(lang="de"), True),
        ("from:ada lang:de", a_post(), False),
        ("cat", a_post("My CAT!"), True),
        ("cat", a_post("category"), False),
        ('"red cat"', a_post("a red cat"), True),
        ('"red cat"', a_post("a cat, red"), False),
        ("red cat", a_post("a cat, red"), True),
        ('"coca cola"', a_post("I like Coca-Cola"), True),
        ("😃", a_post("hi 😃"), True),
        ("#cat", a_post("a #Cat"), True),
        ("#cat", a_post("a #cats cat"), False),
        ("@bob", a_post("hi @Bob!"), True),
        ("@bob", a_post("a@bob.example"), False),
        ("cat OR dog", a_post("dog"), True),
        ("cat OR dog bird", a_post("cat"), True),
        ("(cat OR dog) bird", a_post("cat"), False),
        ("(cat OR dog) -bird", a_post("dog"), True),
        ('cat -"red cat"', a_post("a red cat"), False),
    ],
)
def test_rules_match_as_on_x(rule: str, post: Post, expected: bool) -> None:
    assert compile_rule(rule)(post) is expected


@pytest.mark.unit
@pytest.mark.parametrize(
    "rule",
    [
        *("", "has:images", "-cat", "cat OR has:media", "-is:retweet"),
        *("from:", "from:a-b", "cat is:cute", "has:cats cat", "url:x", "$twtr", "cat*"),
        *("coca-cola", '"!"', '"cat', '"cat dog"~3', "(cat", "cat)", "()"),
        *("cat OR", "OR cat", "cat AND dog", "cat or dog", "cat -(bird OR dog)", "cat -"),
        *("c" * 1025, "(" * 200 + "cat" + ")" * 200),
    ],
)
def test_what_x_would_refuse_is_refused(rule: str) -> None:
    with pytest.raises(InvalidRule):
        compile_rule(rule)
