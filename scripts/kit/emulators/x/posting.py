"""The requests of a user: the user's name, uploads of photos, and posts."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.auth import Auth
from kit.emulators.x.errors import INVALID_REQUEST, Problem
from kit.emulators.x.photos import is_too_large_to_decode
from kit.emulators.x.posts import Media, Post, new_id, now
from kit.emulators.x.requests import json_object, uploaded_file
from kit.emulators.x.store import Store
from kit.emulators.x.stream import FilteredStream
from kit.limits import POST_PHOTOS


class Posting:
    """Takes photos and posts.

    Args:
        auth: checks the user's keys.
        store: gets the uploads and posts.
        stream: gets the posts, too.
        username: the user that the keys belong to.
    """

    def __init__(self, auth: Auth, store: Store, stream: FilteredStream, username: str) -> None:
        self.auth = auth
        self.store = store
        self.stream = stream
        self.username = username

    async def me(self, request: Request) -> Response:
        """GET /2/users/me: the user that the keys belong to."""
        self.auth.check_user(request)
        return JSONResponse({"data": self.store.user(self.username)})

    async def upload(self, request: Request) -> Response:
        """POST /2/media/upload: any bytes in the form field "media", at most 32 MiB.

        X would refuse a file that is no picture. Here it passes, so that the Lambda function gets
        it; but not a picture that would take gigabytes to decode.
        """
        self.auth.check_user(request)
        data = await uploaded_file(request, "media")
        if is_too_large_to_decode(data):
            raise Problem(400, **INVALID_REQUEST | {"detail": "The picture has too many pixels."})
        media = Media(new_id(), "photo", secrets.token_urlsafe(11) + ".jpg")
        await asyncio.to_thread((self.store.folder / media.name).write_bytes, data)
        self.store.add_media(media)
        answer = {"id": media.id, "media_key": media.key, "size": len(data)}
        return JSONResponse({"data": answer | {"expires_after_secs": 86400}})

    async def create(self, request: Request) -> Response:
        """POST /2/tweets: post a text with up to four photos, and put it on the stream.

        "emulator" in the body is not X's: an object with any of username, created_at, lang (text),
        retweet, reply, protected, video (true or false).
        """
        self.auth.check_user(request)
        body = await json_object(request)
        try:
            post = self._post(body)
        except (AttributeError, TypeError):  # the JSON has another shape
            raise Problem(400, **INVALID_REQUEST) from None
        self.store.add_post(post)
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
        if len(ids) > POST_PHOTOS or not set(ids) <= self.store.media.keys():
            error = {
                "parameters": {"media.media_ids": ids},
                "message": "Your media IDs are invalid.",
            }
            raise Problem(400, errors=[error], **INVALID_REQUEST)
        media = [self.store.media[identity] for identity in ids]
        username = str(extra.get("username", self.username))
        return Post(
            id=new_id(),
            text=str(body.get("text", "")),
            author_id=self.store.user(username)["id"],
            username=username,
            created_at=str(extra.get("created_at", now())),
            media=media + ([Media(new_id(), "video")] if extra.get("video") else []),
            lang=str(extra.get("lang", "en")),
            retweet=bool(extra.get("retweet")),
            reply=bool(extra.get("reply")),
            protected=bool(extra.get("protected")),
        )
