"""The objects of a bucket: folder by folder, one by one, as pictures, downloads and uploads.

An object may be anything, also a web page with a script. So none is ever given to the browser as
what it says it is: a picture is decoded and encoded anew, a text comes in JSON, and a download is
bytes to be saved.
"""

from __future__ import annotations

import codecs
import contextlib
import mimetypes
import re
import shlex
from collections.abc import Iterator
from typing import Any

from starlette.exceptions import HTTPException

from kit.jsonl import Json
from kit.page.formatting import iso, pretty_line
from kit.page.services import Services

ROWS = 200  # of a listing; then "more"
TEXT_BYTES = 64 * 1024  # of an object that are shown
MAX_CHARACTERS = 256 * 1024  # the same, made pretty
CHUNK = 256 * 1024  # bytes
PICTURE_NAME = re.compile(r"\.(jpe?g|png|gif|webp)$", re.IGNORECASE)
PICTURE_START = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8|RIFF.{4}WEBP", re.DOTALL)


class Buckets:
    """The objects of buckets, by the name of the bucket and the key."""

    def __init__(self, services: Services) -> None:
        self.services = services

    @property
    def s3(self) -> Any:
        """The client."""
        return self.services.client("s3")

    def folder(self, bucket: str, prefix: str, after: str) -> Json:
        """The folders and objects below a prefix, as `aws s3 ls` shows them.

        Args:
            bucket: its name.
            prefix: ends with a slash, or is empty.
            after: what the answer before this one said: `more`.
        """
        token = {"ContinuationToken": after} if after else {}
        answer = self.s3.list_objects_v2(
            Bucket=bucket, Prefix=prefix, Delimiter="/", MaxKeys=ROWS, **token
        )
        return {
            "folders": [found["Prefix"] for found in answer.get("CommonPrefixes", [])],
            "objects": [
                {
                    "key": found["Key"],
                    "size": found["Size"],
                    "at": iso(found["LastModified"]),
                    "etag": found["ETag"].strip('"'),
                    "picture": bool(PICTURE_NAME.search(found["Key"])),
                }
                for found in answer.get("Contents", [])
                if found["Key"] != prefix  # the folder itself
            ],
            "more": answer.get("NextContinuationToken", ""),
            "command": f"aws s3 ls {place(bucket, prefix)}",
        }

    def one(self, bucket: str, key: str) -> Json:
        """An object, and its text if it is one.

        Returns:
            `kind` is "picture", "text" or "other"; `cut` says whether only the beginning is there.
        """
        answer = self.s3.get_object(Bucket=bucket, Key=key)
        with contextlib.closing(answer["Body"]) as body:
            start: bytes = body.read(TEXT_BYTES)
        size = answer["ContentLength"]
        text, kind = None, "picture"
        if not PICTURE_START.match(start):
            text = text_of(start, size)
            kind = "other" if text is None else "text"
        target = "-" if kind == "text" else "."
        return {
            "key": key,
            "size": size,
            "at": iso(answer["LastModified"]),
            "etag": answer["ETag"].strip('"'),
            "type": answer.get("ContentType", ""),
            "kind": kind,
            "text": (text or "")[:MAX_CHARACTERS],
            "cut": kind == "text" and (size > len(start) or len(text or "") > MAX_CHARACTERS),
            "command": f"aws s3 cp {place(bucket, key)} {target}",
        }

    def etag(self, bucket: str, key: str) -> str:
        """The ETag of an object."""
        return str(self.s3.head_object(Bucket=bucket, Key=key)["ETag"])

    def chunks(self, bucket: str, key: str) -> tuple[int, Iterator[bytes]]:
        """How many bytes an object has, and these in parts."""
        answer = self.s3.get_object(Bucket=bucket, Key=key)

        def read() -> Iterator[bytes]:
            with contextlib.closing(answer["Body"]) as body:
                yield from body.iter_chunks(CHUNK)

        return answer["ContentLength"], read()

    def upload(self, bucket: str, key: str, data: bytes) -> Json:
        """Store a file, with the type that `aws s3 cp` would give it: by the name's ending."""
        if not key or key.endswith("/"):
            raise HTTPException(400, "The file has no name.")
        kind = mimetypes.guess_type(key)[0] or "binary/octet-stream"
        self.s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=kind)
        name = key.rpartition("/")[2]
        file = f"./{name}" if name.startswith("-") else name
        return {"key": key, "command": f"aws s3 cp {shlex.quote(file)} {place(bucket, key)}"}


def place(bucket: str, key: str) -> str:
    """The address of an object, or of a folder, as one types it in a shell."""
    return shlex.quote(f"s3://{bucket}/{key}")


def text_of(start: bytes, size: int) -> str | None:
    """The beginning of an object as text, its lines of JSON to read; None if it is no text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        text = decoder.decode(start, final=size <= len(start))  # else a character may be cut
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    return "\n".join(pretty_line(line) for line in text.splitlines())
