"""What a post is, and the photos and videos in it."""

from __future__ import annotations

from dataclasses import dataclass, field


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
