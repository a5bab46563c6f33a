"""The operations of the service: CompareFaces, DetectFaces and ListCollections. No HTTP here.

AWS: Rekognition API Reference, the page of each operation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kit.emulators.rekognition.auth import Auth, Caller
from kit.emulators.rekognition.comparison import Face, compare, describe
from kit.emulators.rekognition.errors import unreadable_object
from kit.emulators.rekognition.face_cache import FaceCache
from kit.emulators.rekognition.requests import Picture, picture_of, threshold_of
from kit.emulators.rekognition.s3 import S3
from kit.emulators.rekognition.store import Comparisons
from kit.emulators.rekognition.workers import Workers


class Rekognition:
    """The operations, and the comparisons that were made."""

    def __init__(
        self,
        processes: int,
        aws_url: str,
        token: str,
        account: Mapping[str, str],
        journal: Path | None = None,
    ) -> None:
        """Prepare the service; the application starts the workers.

        Args:
            processes: how many comparisons run at the same time.
            aws_url: the address of the offline AWS; empty: no permissions and no S3.
            token: the workshop's, with which the offline AWS is asked, and this service.
            account: its keys, with which S3 is read.
            journal: the file in which the comparisons are kept. Default: in none.
        """
        self.workers = Workers(processes)
        self.faces = FaceCache(self.workers)
        self.token = token
        self.auth = Auth(aws_url, token)
        self.s3 = S3(aws_url, self.auth, account) if aws_url else None
        # Only so many requests read their pictures: those that wait longer hold none.
        self.turn = asyncio.Semaphore(2 * processes)
        self.comparisons = Comparisons(journal)
        self.operations = {
            "CompareFaces": self.compare_faces,
            "DetectFaces": self.detect_faces,
            "ListCollections": self.list_collections,
        }

    async def compare_faces(self, caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
        """CompareFaces: the largest face of the source against every face of the target."""
        source, target = picture_of(body, "SourceImage"), picture_of(body, "TargetImage")
        threshold = threshold_of(body)
        note = self.comparisons.begin(str(source), str(target))
        try:
            reference, found = await self.find_faces(caller, [source, target], note)
            result, best = compare(reference, found, threshold)
            note |= {"faces": bounding_boxes(result), "similarity": best}
        except Exception as error:
            note["error"] = getattr(error, "code", "InternalServerError")
            raise
        finally:
            self.comparisons.end(note)
        return result

    async def detect_faces(self, caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
        """DetectFaces. `Attributes` beyond the default cannot be computed and are left out."""
        (found,) = await self.find_faces(caller, [picture_of(body, "Image")], {})
        return describe(found)

    async def list_collections(self, caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
        """ListCollections: none, because nothing makes any. It shows that the service answers."""
        return {"CollectionIds": [], "FaceModelVersions": []}

    async def find_faces(
        self, caller: Caller, pictures: list[Picture], note: dict[str, Any]
    ) -> list[list[Face]]:
        """Read the pictures, and find the faces of each.

        The seconds that the workers took go into `note`.
        """
        async with self.turn:
            note["seconds"] = 0
            data = [await self.read(caller, picture) for picture in pictures]
            return [await self.faces.find(one, note) for one in data]

    async def read(self, caller: Caller, picture: Picture) -> bytes:
        """The bytes of a picture, from the request or from S3."""
        if not picture.bucket:
            return picture.data
        if self.s3 is None:
            raise unreadable_object()
        return await asyncio.to_thread(self.s3.read, caller, picture)


def bounding_boxes(answer: dict[str, Any]) -> dict[str, Any]:
    """The places of the faces of a comparison, for the page, which draws them."""
    return {
        "source": answer["SourceImageFace"]["BoundingBox"],
        "matched": [
            {"box": match["Face"]["BoundingBox"], "similarity": match["Similarity"]}
            for match in answer["FaceMatches"]
        ],
        "unmatched": [{"box": face["BoundingBox"]} for face in answer["UnmatchedFaces"]],
    }
