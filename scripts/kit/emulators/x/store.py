"""What X knows: users, photos, posts and rules, also after a restart.

It all lies in one folder: the uploads as files, and beside them a journal with one line of JSON for
each change, [kind, value]. Nothing is ever changed in the journal, only appended; the next start
reads it from the beginning.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from kit.emulators.x.fields import Description, describe
from kit.emulators.x.ids import new_id
from kit.emulators.x.posts import Media, Post
from kit.emulators.x.rule_set import RuleSet
from kit.jsonl import append, changes


class Memory:
    """Begins with what the folder holds of an earlier run.

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
        self._recall()

    def user(self, username: str) -> dict[str, str]:
        """Return a user as X describes it. Whoever is asked for exists."""
        identity = self.users.setdefault(username, new_id())
        return {"id": identity, "name": username, "username": username}

    def describe(self, post: Post) -> Description:
        """Return everything X says about a post."""
        return describe(post, self.user(post.username), self.base_url)

    def add_media(self, media: Media) -> None:
        """Remember an upload, whose file is in the folder."""
        self.media[media.id] = media
        self._remember("media", asdict(media))

    def add_post(self, post: Post) -> None:
        """Remember a post."""
        self.posts.append(post)
        self._remember("post", asdict(post))

    def remember_rules(self) -> None:
        """Remember the rules as they are now."""
        self._remember("rules", self.rule_set.rules)

    def _remember(self, kind: str, value: Any) -> None:
        """Append a change to the journal."""
        append(self.journal, [kind, value])

    def _recall(self) -> None:
        """Read the journal."""
        for kind, value in changes(self.journal):
            match kind:
                case "rules":
                    self.rule_set = RuleSet.restored(value)
                case "media":
                    self.media[value["id"]] = Media(**value)
                case "post":
                    media = [Media(**item) for item in value.pop("media")]
                    self.posts.append(Post(media=media, **value))
                    self.users[value["username"]] = value["author_id"]
