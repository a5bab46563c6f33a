"""Breaks something on purpose, to see that the streamer and the Lambda functions cope with it."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from kit.emulators.x.broken_photos import PHOTO_FAULT
from kit.emulators.x.errors import Problem
from kit.emulators.x.photo_host import PhotoHost
from kit.emulators.x.requests import json_object
from kit.emulators.x.stream import FilteredStream


class Faults:
    """Breaks and repairs the stream and the photo host."""

    def __init__(self, stream: FilteredStream, photo_host: PhotoHost) -> None:
        self.stream = stream
        self.photo_host = photo_host

    async def change(self, request: Request) -> Response:
        """POST /_workshop/faults: break something; DELETE repairs everything.

        A fault is an object with a kind: reset; disconnect; cut, in the middle of the next post;
        line, with the text of a line to send; silence, with seconds; status, with the status that
        the next connects get, and times; photo, with a name (* is any) and any of PHOTO_FAULT.
        """
        fault = {"kind": "reset"} if request.method == "DELETE" else await json_object(request)
        stream, connection = self.stream, self.stream.connection
        match {"times": 1} | fault:
            case {"kind": "reset"}:
                stream.repair()
                self.photo_host.repair()
            case {"kind": "disconnect"}:
                stream.hang_up()
            case {"kind": "cut"} if connection:
                connection.cut = True
            case {"kind": "line", "text": str(text)} if connection:
                connection.send_line(text)
            case {"kind": "silence", "seconds": float() | int() as seconds}:
                stream.silent_until = time.monotonic() + seconds
            case {"kind": "status", "status": int(status), "times": int(times)}:
                stream.refuse_with += [status] * times
            case {"kind": "photo", "name": str()}:
                self.photo_host.faults.append(PHOTO_FAULT | fault)
            case _:
                raise Problem(400, detail="Not a fault, or it needs an open stream and none is.")
        return Response(status_code=204)
