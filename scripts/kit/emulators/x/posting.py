"""What a user's keys open: who they belong to, uploads of photos, and posts."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.auth import Keys
from kit.emulators.x.errors import INVALID_REQUEST, Problem
from kit.emulators.x.ids import new_id, now
from kit.emulators.x.photos import is_too_large_to_decode
from kit.emulators.x.posts import Media, Post
from kit.emulators.x.requests import form_file, json_object
from kit.emulators.x.store import Memory
from kit.emulators.x.stream import FilteredStream

MAX_UPLOAD_BYTES = 32 * 1024 * 1024
MAX_MEDIA = 4  # of one post


class Posting:
    """Takes photos and posts.

    Args:
        keys: tell who may post.
        memory: gets the uploads and posts.
        stream: gets the posts, too.
        username: who the keys belong to.
    """

    def __init__(self, keys: Keys, memory: Memory, stream: FilteredStream, username: str) -> None:
        self.keys = keys
        self.memory = memory
        self.stream = stream
        self.username = username

    async def me(self, request: Request) -> Response:
        """GET /2/users/me: the user the keys belong to."""
        self.keys.check_user(request)
        return JSONResponse({"data": self.memory.user(self.username)})

    async def upload(self, request: Request) -> Response:
        """POST /2/media/upload: any bytes in the form field "media", at most 32 MiB.

        X would refuse what is no picture. Here it passes, to see what the Lambda function does;
        but not a picture that would take gigabytes to decode.
        """
        self.keys.check_user(request)
        body = await request.body()
        data = form_file(request.headers.get("content-type", ""), body, "media")
        if len(data) > MAX_UPLOAD_BYTES:
            raise Problem(413)
        if is_too_large_to_decode(data):
            raise Problem(400, **INVALID_REQUEST | {"detail": "The picture has too many pixels."})
        media = Media(new_id(), "photo", secrets.token_urlsafe(11) + ".jpg")
        await asyncio.to_thread((self.memory.folder / media.name).write_bytes, data)
        self.memory.add_media(media)
        answer = {"id": media.id, "media_key": media.key, "size": len(data)}
        return JSONResponse({"data": answer | {"expires_after_secs": 86400}})

    async def create(self, request: Request) -> Response:
        """POST /2/tweets: post a text with up to four photos, and put it on the stream.

        "emulator" in the body is not X's: an object with any of username, created_at, lang (text),
        retweet, reply, video (true or false).
        """
        self.keys.check_user(request)
        body = await json_object(request)
        try:
            post = self._post(body)
        except (AttributeError, TypeError):  # the JSON has another shape
            raise Problem(400, **INVALID_REQUEST) from None
        self.memory.add_post(post)
        self.stream.deliver(post)
        return JSONResponse({"data": {"id": post.id, "text": post.text}}, 201)

    def _post(self, body: dict[str, Any]) -> Post:
        """Make the post that a body describes.

        Raises:
            Problem: 400, a photo was not uploaded, or there are too many.
            AttributeError, TypeError: the body has another shape.
        """
        extra = body.get("emulator", {})
        ids = body.get("media", {}).get("media_ids", [])
        if len(ids) > MAX_MEDIA or not set(ids) <= self.memory.media.keys():
            error = {
                "parameters": {"media.media_ids": ids},
                "message": "Your media IDs are invalid.",
            }
            raise Problem(400, errors=[error], **INVALID_REQUEST)
        media = [self.memory.media[identity] for identity in ids]
        username = str(extra.get("username", self.username))
        return Post(
            id=new_id(),
            text=str(body.get("text", "")),
            author_id=self.memory.user(username)["id"],
            username=username,
            created_at=str(extra.get("created_at", now())),
            media=media + ([Media(new_id(), "video")] if extra.get("video") else []),
            lang=str(extra.get("lang", "en")),
            retweet=bool(extra.get("retweet")),
            reply=bool(extra.get("reply")),
        )
