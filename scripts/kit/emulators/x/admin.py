"""The admin API below /_workshop/, which X does not have: for the workshop's page and for tests.

It wants the workshop's token: `Authorization: Bearer …`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.errors import INVALID_REQUEST, Problem
from kit.emulators.x.faults import PHOTO_FAULT, Faults
from kit.emulators.x.photos import PhotoHost
from kit.emulators.x.posts import Post
from kit.emulators.x.requests import json_object
from kit.emulators.x.store import Store
from kit.emulators.x.stream import FilteredStream


class Admin:
    """Shows the posts and the state of the emulated X, and makes it fail."""

    def __init__(
        self, store: Store, stream: FilteredStream, photo_host: PhotoHost, faults: Faults
    ) -> None:
        self.store = store
        self.stream = stream
        self.photo_host = photo_host
        self.faults = faults

    async def posts(self, request: Request) -> Response:
        """GET /_workshop/posts: all posts, the newest first; ?after=ID&limit=N for fewer.

        Their text is as it was posted, whole and not escaped.
        """
        after = request.query_params.get("after")
        posts: Iterator[Post] = itertools.takewhile(
            lambda post: post.id != after, reversed(self.store.posts)
        )
        try:
            limit = int(request.query_params.get("limit", len(self.store.posts)))
            posts = itertools.islice(posts, limit)
        except ValueError:
            raise Problem(400, **INVALID_REQUEST) from None
        streamed = self.stream.streamed
        return JSONResponse(
            [
                data
                | {"text": post.text, "media": media, "user": user}
                | {"streamed": post.id in streamed}
                for post in posts
                for data, media, user in [self.store.objects_of(post)]
            ]
        )

    async def ready(self, _: Request) -> Response:
        """GET /_workshop/ready: it answers."""
        return JSONResponse({"ready": True})

    async def stats(self, _: Request) -> Response:
        """GET /_workshop/stats."""
        return JSONResponse(
            {
                "connected": self.stream.connection is not None,
                "refusal": self.stream.refusal,
                "connects": self.stream.connects,
                "delivered": self.stream.delivered,
                "photos_served": self.photo_host.served,
                "posts": len(self.store.posts),
                "rules": self.store.rule_set.rules,
            }
        )

    async def change_faults(self, request: Request) -> Response:
        """POST /_workshop/faults: make something fail; DELETE ends all faults.

        A fault is an object with a kind: reset; disconnect; cut, in the middle of the next post;
        line, with the text of a line to send; silence, with seconds; status, with the status that
        the next connects get, and times; photo, with a name (* is any) and any of PHOTO_FAULT.
        """
        fault = {"kind": "reset"} if request.method == "DELETE" else await json_object(request)
        stream, connection = self.stream, self.stream.connection
        match {"times": 1} | fault:
            case {"kind": "reset"}:
                self.faults.reset()
                stream.reset()
            case {"kind": "disconnect"}:
                stream.hang_up()
            case {"kind": "cut"} if connection:
                connection.cut = True
            case {"kind": "line", "text": str(text)} if connection:
                connection.send_line(text)
            case {"kind": "silence", "seconds": float() | int() as seconds}:
                self.faults.silent_until = time.monotonic() + seconds
            case {"kind": "status", "status": int(status), "times": int(times)}:
                self.faults.refuse_with += [status] * times
            case {"kind": "photo", "name": str()}:
                self.faults.photos.append(PHOTO_FAULT | fault)
            case _:
                raise Problem(400, detail="Not a fault, or it needs an open stream and none is.")
        return Response(status_code=204)
