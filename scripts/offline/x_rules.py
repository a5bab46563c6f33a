"""Posts, and the rules of X's filtered stream, such as `from:me has:images -is:retweet`.

`compile_rule` turns the text of a rule into a function that says whether a post matches. It knows
a part of X's operators and refuses everything else, as X itself refuses what X does not know: a
rule that is accepted here is also accepted there.

https://docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule
"""

from __future__ import annotations

import itertools
import re
import string
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

MAX_LENGTH = 1024  # characters of a rule
MAX_GROUPS = 50  # each ( is a level of recursion here
EPOCH = 1288834974657  # when X began to count, in milliseconds since 1970
PROBLEM_TYPE = "https://api.twitter.com/2/problems/"

_counter = itertools.count()


def new_id() -> str:
    """Return an id of 19 digits that grows with time, made as X makes it (a "snowflake")."""
    milliseconds = int(time.time() * 1000) - EPOCH
    return str((milliseconds << 22) + next(_counter) % 2**22)


def made_at(identity: str) -> float:
    """Return when an id was made, in seconds since 1970."""
    return ((int(identity) >> 22) + EPOCH) / 1000


def now() -> str:
    """Return the time as X writes it, such as 2026-03-01T12:00:00.000Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class InvalidRule(ValueError):  # noqa: N818 - X's own name for it
    """The rule cannot be used; the text says why and what to write instead."""


@dataclass(frozen=True)
class Media:
    """A photo or video. `name` is its file name at the photo host, empty for a video."""

    id: str
    type: str  # "photo" or "video"
    name: str = ""

    @property
    def key(self) -> str:
        """The media key, such as 3_1990000000000000000; X numbers the types."""
        return f"{'3' if self.type == 'photo' else '13'}_{self.id}"


@dataclass(frozen=True)
class Post:
    """A post. `created_at` is in ISO 8601, UTC; `lang` a code such as "en"."""

    id: str
    text: str
    author_id: str
    username: str
    created_at: str
    media: list[Media] = field(default_factory=list)
    lang: str = "en"
    retweet: bool = False
    reply: bool = False


Matcher = Callable[[Post], bool]


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


class Clause(NamedTuple):
    """A part of a rule.

    `standalone` says whether it narrows X's stream down enough to be a rule by itself:
    `from:me` does, `has:images` and `-from:me` do not.
    """

    matches: Matcher
    standalone: bool


def compile_rule(value: str) -> Matcher:
    """Return the function that says whether a post matches the rule.

    Raises:
        InvalidRule: `value` is not a rule, or uses an operator that is not known here.
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
    """Parse clauses with OR between them, which binds more weakly than AND."""
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
    """Return what one operator matches. X does not distinguish upper and lower case."""
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
        known = ", ".join(["from:", "lang:", *_FLAGS])
        raise InvalidRule(f"{token} is not known here. Known are {known}.")
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
