"""The objects of a post, and the fields of them that a request asks for.

A client of the X API gets little unless it asks for more: `tweet.fields` and `media.fields` name
fields, and `expansions` ask for the objects that a post only refers to, its media and its author.
These come beside the posts, in "includes", each once. An expansion also brings the field that it
expands, except in search: X's own emulator (https://github.com/xdevplatform/playground) leaves
`attachments` and `author_id` out of its results unless `tweet.fields` names them. X's newest
description of the API calls that `post.fields` there.

The text is as in HTML: &amp;, &lt; and &gt; (https://github.com/tweepy/tweepy/issues/451). Of a
post above 280 characters it has the beginning, and `note_tweet` all
(https://docs.x.com/x-api/fundamentals/data-dictionary).
"""

from __future__ import annotations

import html
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from kit.emulators.x.posts import Post
from kit.limits import POST_CHARACTERS


class PostObjects(NamedTuple):
    """X's objects for a post, for its media, and for its author, with all fields."""

    post: dict[str, Any]
    media: list[dict[str, str]]
    user: dict[str, str]


def objects_of(post: Post, user: dict[str, str], base_url: str) -> PostObjects:
    """Return the objects of a post.

    Args:
        post: any post.
        user: the object of its author.
        base_url: of the photo host, such as http://127.0.0.1:4570.
    """
    data: dict[str, Any] = {
        "id": post.id,
        "text": escaped(shortened(post.text)),
        "edit_history_tweet_ids": [post.id],
        "author_id": post.author_id,
        "created_at": post.created_at,
        "lang": post.lang,
    }
    if len(post.text) > POST_CHARACTERS:
        data["note_tweet"] = {"text": escaped(post.text)}
    if post.media:
        data["attachments"] = {"media_keys": [media.key for media in post.media]}
    media = [
        {"media_key": media.key, "type": media.type}
        | ({"url": f"{base_url}/media/{media.name}"} if media.type == "photo" else {})
        for media in post.media
    ]
    return PostObjects(data, media, user)


def escaped(text: str) -> str:
    """A text as X sends it."""
    return html.escape(text, quote=False)


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= POST_CHARACTERS else text[: POST_CHARACTERS - 1] + "…"


class RequestedFields:
    """The fields of posts that a request asks for; some are always sent.

    Args:
        query: of the request.
        in_search: whether the request is one of the search, whose expansions bring no fields.
    """

    def __init__(self, query: QueryParams, in_search: bool = False) -> None:
        asked = {name: set(value.split(",")) for name, value in query.items()}
        expansions = asked.get("expansions", set())
        self.with_media = "attachments.media_keys" in expansions
        self.with_author = "author_id" in expansions
        self.media_fields = {"media_key", "type"} | asked.get("media.fields", set())
        self.post_fields = {"id", "text", "edit_history_tweet_ids"}
        self.post_fields |= asked.get("tweet.fields", set())
        if in_search:
            self.post_fields |= asked.get("post.fields", set())
        else:
            self.post_fields |= {name.partition(".")[0] for name in expansions}

    def of_post(self, post: dict[str, Any]) -> dict[str, Any]:
        """Return the requested fields of a post."""
        return _only(self.post_fields, post)

    def includes(
        self, media: list[dict[str, str]], users: list[dict[str, str]]
    ) -> dict[str, list[dict[str, str]]]:
        """Return the requested media and authors of posts, with their requested fields."""
        includes = {}
        if self.with_media and media:
            includes["media"] = [_only(self.media_fields, item) for item in media]
        if self.with_author:
            includes["users"] = users
        return includes


def _only(fields: set[str], item: dict[str, Any]) -> dict[str, Any]:
    """Return those fields of an item that it has."""
    return {name: value for name, value in item.items() if name in fields}
