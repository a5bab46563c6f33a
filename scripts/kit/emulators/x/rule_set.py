"""The rules of an app: added, deleted, and asked which of them a post matches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kit.emulators.x.errors import PROBLEM_TYPE
from kit.emulators.x.ids import new_id, now
from kit.emulators.x.posts import Post
from kit.emulators.x.rules import InvalidRule, Matcher, compile_rule


@dataclass
class RuleSet:
    """The rules of an app, changed with the requests of POST /2/tweets/search/stream/rules."""

    rules: list[dict[str, str]] = field(default_factory=list)  # id, value, perhaps tag
    matchers: dict[str, Matcher] = field(default_factory=dict)  # by the value of the rule

    @classmethod
    def restored(cls, rules: list[dict[str, str]]) -> RuleSet:
        """Return the set with rules that were accepted before."""
        return cls(rules, {rule["value"]: compile_rule(rule["value"]) for rule in rules})

    def matching(self, post: Post) -> list[dict[str, str]]:
        """Return id and tag of the rules that match the post."""
        return [
            {name: rule[name] for name in ("id", "tag") if name in rule}
            for rule in self.rules
            if self.matchers[rule["value"]](post)
        ]

    def add(self, wanted: list[dict[str, str]], dry_run: bool) -> dict[str, Any]:
        """Add rules, each a value and perhaps a tag; return X's answer."""
        created: list[dict[str, str]] = []
        errors: list[dict[str, Any]] = []
        for wish in wanted:
            value = wish["value"]
            twin = next((r for r in [*self.rules, *created] if r["value"] == value), None)
            if twin:
                error = {"title": "DuplicateRule", "type": PROBLEM_TYPE + "duplicate-rules"}
                errors.append({"value": value, "id": twin["id"]} | error)
                continue
            try:
                self.matchers[value] = compile_rule(value)
            except InvalidRule as reason:
                error = {"title": "UnprocessableEntity", "type": PROBLEM_TYPE + "invalid-rules"}
                errors.append({"value": value, "details": [str(reason)]} | error)
                continue
            tag = {"tag": wish["tag"]} if wish.get("tag") else {}
            created.append({"id": new_id(), "value": value} | tag)
        if not dry_run:
            self.rules += created
        good, bad = len(created), len(errors)
        summary = {"created": good, "not_created": bad, "valid": good, "invalid": bad}
        answer = {"data": created, "meta": {"sent": now(), "summary": summary}, "errors": errors}
        return {name: part for name, part in answer.items() if part}

    def delete(self, wanted: dict[str, list[str]], dry_run: bool) -> dict[str, Any]:
        """Delete rules by "ids" or "values"; return X's answer."""
        ids, values = wanted.get("ids", []), wanted.get("values", [])
        kept = [r for r in self.rules if r["id"] not in ids and r["value"] not in values]
        deleted = len(self.rules) - len(kept)
        if not dry_run:
            self.rules = kept
        summary = {"deleted": deleted, "not_deleted": len(ids) + len(values) - deleted}
        return {"meta": {"sent": now(), "summary": summary}}
