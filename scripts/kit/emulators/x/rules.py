"""The rules of an app's filtered stream, such as `from:me has:images -is:retweet`.

`RuleSet` adds and deletes them. `compile_rule` turns the text of one into a function that tells
whether a post matches. It supports a part of X's operators and refuses all others, as X itself
refuses operators that do not exist: a rule that is accepted here is also accepted there.

https://docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule
"""

from __future__ import annotations

import re
import string
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kit.emulators.x.errors import PROBLEM_TYPE, RULES_CAP_EXCEEDED, Problem
from kit.emulators.x.posts import Post, new_id, now

MAX_RULES = 1000  # of a project; "Access levels" in the introduction of the filtered stream
MAX_LENGTH = 1024  # characters of a rule
MAX_GROUPS = 50  # each ( is a level of recursion here


Matcher = Callable[[Post], bool]


class InvalidRule(ValueError):  # noqa: N818 - X's own name for it
    """The rule cannot be used; the message tells the cause and what to write instead."""


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

    def add(self, requested: list[dict[str, str]], dry_run: bool) -> dict[str, Any]:
        """Add rules, each a value and perhaps a tag; return X's answer.

        Raises:
            Problem: 422, they would be too many.
        """
        if len(self.rules) + len(requested) > MAX_RULES:
            raise Problem(422, **RULES_CAP_EXCEEDED)
        created: list[dict[str, str]] = []
        errors: list[dict[str, Any]] = []
        for new in requested:
            value = new["value"]
            twin = next((r for r in [*self.rules, *created] if r["value"] == value), None)
            if twin:
                error = {"title": "DuplicateRule", "type": PROBLEM_TYPE + "duplicate-rules"}
                errors.append({"value": value, "id": twin["id"]} | error)
                continue
            try:
                self.matchers[value] = compile_rule(value)
            except InvalidRule as invalid:
                error = {"title": "UnprocessableEntity", "type": PROBLEM_TYPE + "invalid-rules"}
                errors.append({"value": value, "details": [str(invalid)]} | error)
                continue
            tag = {"tag": new["tag"]} if new.get("tag") else {}
            created.append({"id": new_id(), "value": value} | tag)
        if not dry_run:
            self.rules += created
        good, bad = len(created), len(errors)
        summary = {"created": good, "not_created": bad, "valid": good, "invalid": bad}
        answer = {"data": created, "meta": {"sent": now(), "summary": summary}, "errors": errors}
        return {name: part for name, part in answer.items() if part}

    def delete(self, requested: dict[str, list[str]], dry_run: bool) -> dict[str, Any]:
        """Delete rules by "ids" or "values"; return X's answer."""
        ids, values = requested.get("ids", []), requested.get("values", [])
        remaining = [r for r in self.rules if r["id"] not in ids and r["value"] not in values]
        deleted = len(self.rules) - len(remaining)
        if not dry_run:
            self.rules = remaining
        summary = {"deleted": deleted, "not_deleted": len(ids) + len(values) - deleted}
        return {"meta": {"sent": now(), "summary": summary}}


class Clause(NamedTuple):
    """A part of a rule.

    `standalone` tells whether it narrows X's stream down enough to be a rule by itself:
    `from:me` does, `has:images` and `-from:me` do not.
    """

    matches: Matcher
    standalone: bool


def compile_rule(value: str) -> Matcher:
    """Return the function that tells whether a post matches the rule.

    Raises:
        InvalidRule: `value` is not a rule, or uses an operator that is not supported here.
    """
    if len(value) > MAX_LENGTH:
        raise InvalidRule(f"A rule has at most {MAX_LENGTH} characters, this one has {len(value)}.")
    if value.count("(") > MAX_GROUPS:
        raise InvalidRule(f"A rule has at most {MAX_GROUPS} groups in parentheses.")
    tokens = _tokens(value)
    rule = _any_of(tokens)
    if tokens:
        raise InvalidRule("There is a ) without its (.")
    if not rule.standalone:
        raise InvalidRule(
            "has:, is:, lang: and negated operators need company: every alternative of a rule "
            "needs a keyword, #hashtag, @mention or from: as well."
        )
    return rule.matches


def _tokens(value: str) -> deque[str]:
    """Split a rule into parentheses, "quoted phrases" and words, each with its - in front."""
    tokens = re.findall(r'-?(?:[()]|"[^"]*"|[^\s()"]+)|\S', value)
    if '"' in tokens:
        raise InvalidRule('There is a " without its partner.')
    return deque(tokens)


def _any_of(tokens: deque[str]) -> Clause:
    """Parse clauses with OR between them; AND has precedence."""
    clauses = [_all_of(tokens)]
    while tokens and tokens[0] == "OR":
        tokens.popleft()
        clauses.append(_all_of(tokens))
    return Clause(
        lambda post: any(clause.matches(post) for clause in clauses),
        all(clause.standalone for clause in clauses),
    )


def _all_of(tokens: deque[str]) -> Clause:
    """Parse clauses with nothing but space between them, which means AND."""
    clauses = []
    while tokens and tokens[0] not in ("OR", ")"):
        clauses.append(_clause(tokens))
    if not clauses:
        raise InvalidRule("Something is missing before or after OR, between ( and ), or at all.")
    return Clause(
        lambda post: all(clause.matches(post) for clause in clauses),
        any(clause.standalone for clause in clauses),
    )


def _clause(tokens: deque[str]) -> Clause:
    """Parse one operator, with or without a - in front, or one group in parentheses."""
    token = tokens.popleft()
    if token == "(":
        group = _any_of(tokens)
        if not tokens or tokens.popleft() != ")":
            raise InvalidRule("There is a ( without its ).")
        return group
    if token.startswith("-"):
        if token in ("-", "-(", "-)"):
            raise InvalidRule("- goes before one operator: write -snow -day, not -(snow OR day).")
        operator = _operator(token[1:])
        return Clause(lambda post: not operator.matches(post), False)
    return _operator(token)


_FLAGS: dict[str, Matcher] = {
    "has:images": lambda post: any(media.type == "photo" for media in post.media),
    "has:videos": lambda post: any(media.type == "video" for media in post.media),
    "has:media": lambda post: bool(post.media),
    # X puts a link to the media into the text of the post.
    "has:links": lambda post: bool(post.media) or bool(re.search(r"https?://", post.text)),
    "has:hashtags": lambda post: bool(_tagged("#", post.text)),
    "has:mentions": lambda post: bool(_tagged("@", post.text)),
    "is:retweet": lambda post: post.retweet,
    "is:reply": lambda post: post.reply,
}


def _operator(token: str) -> Clause:
    """Return the clause of one operator. X does not distinguish upper and lower case."""
    token = token.casefold()
    name, colon, argument = token.partition(":")
    if token.startswith('"'):
        return Clause(_phrase(token), True)
    if re.fullmatch(r"[#@]\w+", token):
        return Clause(lambda post: token[1:] in _tagged(token[0], post.text), True)
    if name == "from" and re.fullmatch(r"\w{1,19}", argument):
        return Clause(lambda p: argument in (p.username.casefold(), p.author_id), True)
    if token in _FLAGS:
        return Clause(_FLAGS[token], False)
    if name == "lang" and re.fullmatch(r"[a-z]{2,3}", argument):
        return Clause(lambda post: post.lang.casefold() == argument, False)
    if colon:
        supported = ", ".join(["from:", "lang:", *_FLAGS])
        raise InvalidRule(f"{token} is not supported here. Supported are {supported}.")
    if token in ("and", "or"):
        raise InvalidRule(f'A space means AND, and OR is upper case. To find the word: "{token}".')
    if any(character in string.punctuation.replace("_", "") for character in token):
        raise InvalidRule(f'A keyword with punctuation needs quotes: "{token}".')
    return Clause(_phrase(token), True)


def _tagged(sign: str, text: str) -> list[str]:
    """Return the #hashtags or @mentions of a text, in lower case and without the sign."""
    return re.findall(rf"(?<!\w){sign}(\w+)", text.casefold())


def _words(text: str) -> list[str]:
    """Split a text as X does: "Coca-Cola 😃" is coca, cola and 😃."""
    return re.findall(r"\w+|[^\w\s\x00-\x7f]", text.casefold())


def _phrase(phrase: str) -> Matcher:
    """Match posts that have the words of the phrase next to each other."""
    words = _words(phrase)
    if not words:
        raise InvalidRule(f"There is no word in {phrase}.")

    def matches(post: Post) -> bool:
        text = _words(post.text)
        return any(text[i : i + len(words)] == words for i in range(len(text)))

    return matches
