"""The state of X: users, photos, posts and rules, also after a restart.

All of it is in one folder: the uploads as files, and beside them a journal with one line of JSON
for each change, [kind, value]. Nothing is ever changed in the journal, only appended; the next
start reads it from the beginning.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kit.emulators.x.fields import PostObjects, objects_of
from kit.emulators.x.posts import Media, Post, new_id
from kit.emulators.x.rules import RuleSet
from kit.jsonl import append, changes


class Store:
    """Begins with the state that an earlier run left in the folder.

    Args:
        folder: for the uploads and the journal.
        base_url: of the photo host, such as http://127.0.0.1:4570.
    """

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        self.base_url = base_url
        self.journal = folder / "journal.jsonl"
        self.users: dict[str, str] = {}  # id by username
        self.media: dict[str, Media] = {}  # by id
        self.posts: list[Post] = []  # the newest is the last
        self.rule_set = RuleSet()
        self._load()

    def user(self, username: str) -> dict[str, str]:
        """Return X's object of a user. Every name exists as soon as it is asked for."""
        identity = self.users.setdefault(username, new_id())
        return {"id": identity, "name": username, "username": username}

    def objects_of(self, post: Post) -> PostObjects:
        """Return X's objects for a post, its media and its author."""
        return objects_of(post, self.user(post.username), self.base_url)

    def add_media(self, media: Media) -> None:
        """Store an upload, whose file is in the folder."""
        self._append("media", asdict(media))
        self.media[media.id] = media

    def add_post(self, post: Post) -> None:
        """Store a post."""
        self._append("post", asdict(post))
        self.posts.append(post)

    def save_rules(self) -> None:
        """Store the rules as they are now."""
        self._append("rules", self.rule_set.rules)

    def _append(self, kind: str, value: Any) -> None:
        """Append a change to the journal."""
        append(self.journal, [kind, value])

    def _load(self) -> None:
        """Read the journal; what is damaged in it costs nothing else."""
        for change in changes(self.journal):
            with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
                self._apply(*change)

    def _apply(self, kind: str, value: Any) -> None:
        """Do a change of the journal."""
        match kind:
            case "rules":
                self.rule_set = RuleSet.restored(value)
            case "media":
                self.media[value["id"]] = Media(**value)
            case "post":
                media = [Media(**item) for item in value.pop("media")]
                self.posts.append(Post(media=media, **value))
                self.users[value["username"]] = value["author_id"]
