"""A rule of X's filtered stream, such as `from:me has:images -is:retweet`.

`compile_rule` turns the text of a rule into a function that says whether a post matches. It knows
a part of X's operators and refuses everything else, as X itself refuses what X does not know: a
rule that is accepted here is also accepted there.

https://docs.x.com/x-api/posts/filtered-stream/integrate/build-a-rule
"""

from __future__ import annotations

import re
import string
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from kit.emulators.x.posts import Post

MAX_LENGTH = 1024  # characters of a rule
MAX_GROUPS = 50  # each ( is a level of recursion here


class InvalidRule(ValueError):  # noqa: N818 - X's own name for it
    """The rule cannot be used; the text says why and what to write instead."""


Matcher = Callable[[Post], bool]


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
